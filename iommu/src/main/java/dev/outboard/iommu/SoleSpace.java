package dev.outboard.iommu;

/** The space of one thread: a bitmap without an atomic step. */
final class SoleSpace implements IovaSpace {
    private final NextFitAllocator allocator;
    private boolean open;

    SoleSpace(NextFitAllocator allocator) {
        this.allocator = allocator;
    }

    @Override
    public synchronized IovaAllocator open() {
        if (open) {
            throw new IllegalStateException("all 1 allocators of this space are open");
        }
        open = true;
        return allocator;
    }

    @Override
    public long freePages() {
        return allocator.freePages();
    }
}
