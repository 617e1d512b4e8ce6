package dev.outboard.host.vfiouser;

import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.window.DmaWindows;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.vfiouser.VfioUserClient;

/**
 * Windows that a vfio-user server keeps, each a DMA_MAP with the file of its memory. Any thread;
 * each call waits for the server's answer.
 */
final class VfioUserWindows implements DmaWindows {
    private final VfioUserClient client;

    VfioUserWindows(VfioUserClient client) {
        this.client = client;
    }

    @Override
    public int limit() {
        return client.mostWindows();
    }

    @Override
    public void map(long iova, PhysicalSegment segment, long offset, long lengthBytes, int access) {
        client.map(
                iova,
                segment.memory().asSlice(offset, lengthBytes),
                segment.descriptor(),
                offset,
                access);
    }

    @Override
    public void unmap(long iova, long lengthBytes) {
        try {
            client.unmap(iova, lengthBytes);
        } catch (PeerGoneException gone) {
            // Who is gone reaches nothing: that is what was asked for.
        }
    }
}
