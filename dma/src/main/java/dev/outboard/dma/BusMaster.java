package dev.outboard.dma;

/**
 * How a device reaches memory. One thread.
 *
 * <p>A device touches memory only between {@link #enter} and {@link #exit}, in short bursts: an
 * owner that flushes waits for the exit.
 */
public interface BusMaster extends AutoCloseable {
    /**
     * Begins a DMA section.
     *
     * @return the flush generation: a window resolved under another one is void and must be
     *     resolved again
     */
    long enter();

    /**
     * Lets an owner that flushes go on, without leaving the section: does what it asks for. For a
     * device that is between two requests of a burst; what it did so far is over, as after an exit.
     *
     * @return the flush generation, as {@link #enter}: if it is another, windows are void
     */
    long checkpoint();

    /** Ends the DMA section. */
    void exit();

    /**
     * Finds bytes in this process; only within a DMA section.
     *
     * @param address bus address: an IOVA, or without an IOMMU a physical one
     * @param lengthBytes bytes wanted
     * @param access what is wanted, bits of {@link dev.outboard.iommu.Access}
     * @param window receives at least 1 and at most {@code lengthBytes} bytes that are contiguous
     *     from {@code address}; unchanged on a fault
     * @return false if the access is refused: a fault, recorded and delivered; or if it {@link
     *     #isAwaited is awaited}
     */
    boolean resolve(long address, long lengthBytes, int access, DmaWindow window);

    /**
     * After a resolve that was refused: whether there is no fault yet, as the translation has been
     * asked for. Whoever wants it leaves the work where it is, and resolves again later, in another
     * section: a translation comes or a fault, in limited time.
     */
    default boolean isAwaited() {
        return false;
    }

    /**
     * Whether bytes that can be resolved are the memory itself, so that what others write there
     * later is seen; false where they are fetched, and sent, by message.
     */
    default boolean isMapped(long address, long lengthBytes) {
        return true;
    }

    /**
     * The bus address of a ring that a front-end named: without an IOMMU it names its own user
     * address, with one an IOVA.
     *
     * @return the bus address, or -1 if the address is in no region
     */
    long ringAddress(long vringAddress);

    /** Whether an IOMMU stands between. */
    boolean isTranslated();

    /** Leaves the section, detaches and unmaps. */
    @Override
    void close();
}
