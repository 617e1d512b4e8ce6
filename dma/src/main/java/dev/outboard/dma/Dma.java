package dev.outboard.dma;

/**
 * The mapping service a driver sees: gives a device access to buffers, and takes it away.
 *
 * <p>One thread at a time uses a service, as one thread owns a queue; handing it from one thread to
 * another needs the usual synchronisation. Only {@link #allocate(long)}, {@link #grant} and {@link
 * #statistics} may be called from any thread. Mapping and unmapping do not allocate; an unmap may
 * wait for a device that is inside a DMA section.
 *
 * <p>A mapping is of whole pages: what shares a page with a mapped buffer is reachable too. An
 * {@code unmap} must name what {@code map} returned, with the same length; anything else is refused
 * with {@link IllegalArgumentException} and changes nothing. A device that does not leave its DMA
 * section within the domain's limit makes the flush fail with {@link DeviceStuckException}: the
 * mappings are undone, but their buffers may still be reached, and must not be used again before a
 * {@link #flush} succeeds. Their IOVAs are not used again before that either.
 */
public interface Dma extends AutoCloseable {
    /**
     * What {@link #map} returns when the window has no room: unmap something, or ask for a larger
     * table.
     */
    long NO_IOVA = -1L;

    /** The ticket of a batch that is unmapped already. */
    long UNMAPPED = 0;

    /**
     * Physically contiguous, zeroed pages, not mapped yet. From any thread.
     *
     * @throws OutOfDmaMemoryException if there is no run of free pages that long
     */
    DmaMemory allocate(long lengthBytes);

    /**
     * The same, of one segment of the memory. From any thread.
     *
     * @throws OutOfDmaMemoryException if it has no run of free pages that long, or is gone
     */
    DmaMemory allocate(long lengthBytes, PhysicalSegment segment);

    /**
     * Zeroed pages that are mapped in both directions until closed.
     *
     * @throws OutOfDmaMemoryException if there is no run of free pages, or of IOVA, that long
     */
    CoherentMemory allocateCoherent(long lengthBytes);

    /**
     * Lets the device reach a buffer, from the return on.
     *
     * @param physicalAddress of memory of this service; need not be aligned
     * @return the IOVA, with the buffer's offset within its page but under {@link Strategy#COPIED},
     *     or {@link #NO_IOVA}
     * @throws IllegalArgumentException if the buffer is empty or not memory of this service
     */
    long map(long physicalAddress, int lengthBytes, DmaDirection direction);

    /** Takes a buffer away again; when it can no longer be reached depends on the strategy. */
    void unmap(long iova, int lengthBytes);

    /**
     * Maps buffers 0 to {@code count - 1}, each for itself, until one finds no IOVA. If it throws,
     * none is mapped.
     *
     * @return how many were mapped
     */
    int mapAll(
            long[] physicalAddresses,
            int[] lengths,
            long[] iovas,
            int count,
            DmaDirection direction);

    /**
     * Unmaps buffers 0 to {@code count - 1}; all of them or, if one is wrong, none. How many
     * flushes that takes is the strategy's.
     */
    void unmapAll(long[] iovas, int[] lengths, int count);

    /**
     * Begins what {@link #unmapAll} does: a buffer of the batch may be used again once {@link
     * #isUnmapped} says so of the ticket. For who has other work than to wait for a device that is
     * inside a DMA section; strategies that do not wait do it at once.
     *
     * @return a ticket, or {@link #UNMAPPED} if it is done
     * @throws IllegalArgumentException as {@link #unmapAll}; then nothing is unmapped
     */
    default long unmapAllLater(long[] iovas, int[] lengths, int count) {
        unmapAll(iovas, lengths, count);
        return UNMAPPED;
    }

    /** Whether the batch of a ticket is unmapped, as after {@link #unmapAll}. Does not wait. */
    default boolean isUnmapped(long ticket) {
        return true;
    }

    /**
     * Waits until the batch of a ticket is unmapped.
     *
     * @throws DeviceStuckException as any unmap; the ticket may be waited for again
     */
    default void awaitUnmapped(long ticket) {}

    /**
     * Maps a list into one run of IOVA; false if there is none that long: then nothing is mapped.
     */
    boolean map(ScatterGatherList list, DmaDirection direction);

    /** Unmaps a list, with one flush at most. */
    void unmap(ScatterGatherList list);

    /**
     * Shows the device what the processor wrote into a mapped buffer. Needed only for what is
     * written while it is mapped: mapping shows what was there before. Costs nothing but under
     * {@link Strategy#COPIED}, which copies that part.
     *
     * @param iova may lie inside a mapping; the bytes are all of one mapped buffer
     * @throws IllegalArgumentException if the strategy copies and the bytes are not mapped like
     *     that
     */
    void syncForDevice(long iova, int lengthBytes);

    /**
     * Shows the processor what the device wrote into a buffer that stays mapped. Unmapping does so
     * by itself.
     *
     * @param iova may lie inside a mapping; the bytes are all of one mapped buffer
     * @throws IllegalArgumentException if the strategy copies and the bytes are not mapped like
     *     that
     */
    void syncForCpu(long iova, int lengthBytes);

    /**
     * Lets the device reach a piece of a client's memory until the grant is closed, so that mapping
     * inside it costs next to nothing (The Price of Safety, section 4.4). From any thread.
     *
     * <p>Only {@link Strategy#GRANTED} maps here, and only there mapping needs a grant. Under every
     * other strategy a grant checks its arguments and changes nothing, so that whoever serves
     * clients need not know the strategy.
     *
     * @param physicalAddress of memory of this service; need not be aligned
     * @throws IllegalArgumentException if the piece is empty or not memory of this service
     * @throws OutOfDmaMemoryException if no run of IOVA is that long
     */
    Grant grant(long physicalAddress, long lengthBytes, DmaDirection direction);

    /**
     * Waits until no stale IOVA works any more; under the strategies whose window is their whole
     * life, {@link Strategy#OFF} and {@link Strategy#PREALLOCATED}, there is nothing to wait for.
     */
    void flush();

    /** How unmapping is done. */
    Strategy strategy();

    /**
     * What was counted and measured so far. From any thread; the numbers may be of neighbouring
     * moments.
     */
    DmaStatistics statistics();

    /** Unmaps everything and flushes. */
    @Override
    void close();

    /** The service without an IOMMU: an IOVA is a physical address. */
    static Dma off(PhysicalMemory memory) {
        return new OffDma(memory);
    }

    /**
     * A mapping service over whatever holds the translations.
     *
     * @param translations closed by the service
     * @throws IllegalArgumentException for {@link Strategy#OFF}: take {@link #off}
     */
    static Dma over(PhysicalMemory memory, Translations translations, StrategyOptions options) {
        return over(memory, translations, options, "a domain");
    }

    /**
     * The same.
     *
     * @param owner whose it is, as errors and reports name it
     */
    static Dma over(
            PhysicalMemory memory,
            Translations translations,
            StrategyOptions options,
            String owner) {
        // No segment comes or goes before the service hears of it.
        return memory.between(
                () -> {
                    MappingService service = of(memory, translations, options);
                    service.name(owner);
                    memory.addHolder(service);
                    return service;
                });
    }

    private static MappingService of(
            PhysicalMemory memory, Translations translations, StrategyOptions options) {
        return switch (options.strategy()) {
            case STRICT -> new StrictDma(memory, translations);
            case DEFERRED -> new DeferredDma(memory, translations, options);
            case BATCHED -> new BatchedDma(memory, translations);
            case CACHED -> CachedDma.cached(memory, translations, options.cacheEntries());
            case PREALLOCATED -> new PreallocatedDma(memory, translations);
            case GRANTED -> new GrantedDma(memory, translations);
            case COPIED -> new CopiedDma(memory, translations);
            case NEVER_FREE -> CachedDma.neverFree(memory, translations);
            case OFF ->
                    throw new IllegalArgumentException(
                            "strategy=OFF has no translations: take Dma.off");
        };
    }
}
