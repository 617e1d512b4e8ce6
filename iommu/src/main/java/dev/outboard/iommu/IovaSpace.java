package dev.outboard.iommu;

/**
 * The IOVA pages of one I/O address space, shared by a fixed number of threads with an {@link
 * IovaAllocator} each. Made by {@link IovaAllocation#create}; any thread.
 */
public interface IovaSpace {
    /**
     * The allocator of one more thread; it stays that thread's, or passes to another with the usual
     * synchronisation, and is never given back.
     *
     * @throws IllegalStateException if every thread has one already
     */
    IovaAllocator open();

    /**
     * Pages that could be handed out without any being given back. Exact while no thread allocates
     * or gives back.
     */
    long freePages();
}
