package dev.outboard.dma;

import dev.outboard.uio.vhost.MemoryRegion;
import java.util.List;

/** A bus master without an IOMMU: the front-end's memory regions, reachable as a whole. */
public final class MemoryTable implements BusMaster {
    private MemoryTable() {}

    /** Maps the regions; takes ownership of their descriptors. */
    public static MemoryTable of(List<MemoryRegion> regions) {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public long enter() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void exit() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public boolean resolve(long address, long lengthBytes, int access, DmaWindow window) {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public long ringAddress(long vringAddress) {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public boolean isTranslated() {
        return false;
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
