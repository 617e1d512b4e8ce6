package dev.outboard.perf.dmaperf;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.Grant;

/**
 * What one mapping thread works on in one point: buffers, the bursts over them, and what fills its
 * part of the IOVA space. Of the thread that owns the service; the memory stays its owner's.
 */
final class Work implements AutoCloseable {
    private static final long SEED = 20_07;

    private final Point point;
    private final DmaMemory buffers;
    private final Filling filling;
    private final Grant grant;
    private final Bursts bursts;
    private final int batch;
    private final int liveRuns;

    /**
     * Fills the IOVA space.
     *
     * @param frames what other mappings hold; looked at only where the point is filled
     * @param strideBytes from one buffer to the next
     * @param runs the most mappings of this size that the space can hold
     */
    Work(Dma dma, DmaMemory buffers, DmaMemory frames, Point point, long strideBytes, int runs) {
        this.point = point;
        this.buffers = buffers;
        grant =
                dma.grant(
                        buffers.physicalAddress(),
                        buffers.lengthBytes(),
                        DmaDirection.BIDIRECTIONAL);
        long count = Math.min(MailboxDescriptor.MOST_BUFFERS, buffers.lengthBytes() / strideBytes);
        if (point.fillPercent() > 0) {
            filling = new Filling(dma, point.pages(), runs);
            liveRuns = filling.fill(frames, strideBytes, point.fillPercent(), SEED);
            count = Math.min(count, filling.freed() / 2);
        } else {
            filling = null;
            liveRuns = 0;
        }
        int most = (int) Math.max(1, count);
        batch = Math.min(point.batch(), most);
        bursts =
                new Bursts(
                        dma,
                        buffers.physicalAddress(),
                        strideBytes,
                        point.pages(),
                        most / batch * batch,
                        batch);
    }

    Point point() {
        return point;
    }

    Bursts bursts() {
        return bursts;
    }

    /** Mappings made by one call; fewer than asked where there is no room for as many. */
    int batch() {
        return batch;
    }

    /** Other mappings that are live. */
    int liveRuns() {
        return liveRuns;
    }

    boolean isFilled() {
        return filling != null;
    }

    /** The first byte of the buffers. */
    long physicalAddress() {
        return buffers.physicalAddress();
    }

    @Override
    public void close() {
        if (filling != null) {
            filling.clear();
        }
        grant.close();
    }
}
