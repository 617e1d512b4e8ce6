package dev.outboard.dma;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.IovaAllocator;

/**
 * What every strategy does alike: checks, batches, lists, coherent memory, statistics, and runs of
 * IOVA that are placed and reclaimed for good. What a mapping is, and what its end means, a
 * strategy says in a few methods: {@link #begin}, {@link #end}, {@link #release} and their kin.
 *
 * <pre>
 *   map     begin ──────────────► commit          refused: cancel
 *   mapAll  begin, begin, … ────► commit          refused: cancel, cancel, …
 *   unmap   end ────────────────► release         none like that: refused
 *   unmapAll end, end, … ───────► releaseAll      one wrong: restore, restore, …
 * </pre>
 *
 * <p>One thread, but for what {@link Dma} allows to all; map and unmap do not allocate.
 */
abstract class MappingService extends RevocableMappings implements Dma {
    private long maps;
    private long unmaps;
    private long livePages;

    private boolean released;

    MappingService(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
    }

    // What a strategy says of its mappings.

    /**
     * Begins a mapping, in the books and in the translations; not committed yet.
     *
     * @param access bits of {@link Access}
     * @return the IOVA, or {@link #NO_IOVA}
     * @throws IllegalArgumentException if the buffer is empty or not memory of this service
     */
    abstract long begin(long physicalAddress, int lengthBytes, int access);

    /** Makes what was begun work; a strategy whose mappings stand already has nothing to do. */
    void commit() {
        translations.commit();
    }

    /** Takes back a mapping that the holder of the translations refused to commit. */
    abstract void cancel(long iova, int lengthBytes);

    /** Ends a mapping in the books alone; false, and nothing is changed, if none is like that. */
    abstract boolean end(long iova, int lengthBytes);

    /** Takes back an {@link #end}: a later one of its batch was wrong. */
    abstract void restore(long iova, int lengthBytes);

    /** What the end of a mapping means for the device. */
    abstract void release(long iova, int lengthBytes);

    /** The same for a batch: all of it is done, also if a device is stuck. */
    abstract void releaseAll(long[] iovas, int[] lengths, int count);

    /**
     * The same, but whoever called asks later whether it is done, where that is worth it.
     *
     * @return {@link #UNMAPPED}, or a ticket
     */
    long releaseAllLater(long[] iovas, int[] lengths, int count) {
        releaseAll(iovas, lengths, count);
        return UNMAPPED;
    }

    /** Whether the batch of a ticket is unmapped: {@link #isUnmapped}. */
    boolean isOver(long ticket) {
        return true;
    }

    /** Waits until it is: {@link #awaitUnmapped}. */
    void awaitOver(long ticket) {}

    /** Clears what is mapped, all but coherent memory; the flush comes after. */
    abstract void clearAll();

    /** The flush came: what {@link #clearAll} cleared may be used by others. */
    abstract void freeAll();

    /** Pages that a mapping counts for, the same as {@link #countPages} of its IOVA. */
    long livePages(long iova, long physicalAddress, int lengthBytes) {
        // Both agree in the bits that count, and of the buffer it has been computed already.
        return countPages(physicalAddress, lengthBytes);
    }

    /** {@link #pages}, quick where it is one entry. */
    final long countPages(long address, int lengthBytes) {
        return isOneEntry(address, lengthBytes) ? granule : pages(address, lengthBytes);
    }

    // The service.

    @Override
    public DmaMemory allocate(long lengthBytes) {
        return memory.allocate(lengthBytes);
    }

    @Override
    public DmaMemory allocate(long lengthBytes, PhysicalSegment segment) {
        return memory.allocate(lengthBytes, segment);
    }

    @Override
    public final long map(long physicalAddress, int lengthBytes, DmaDirection direction) {
        enterOpen();
        try {
            long iova = begin(physicalAddress, lengthBytes, direction.access());
            if (iova != NO_IOVA) {
                commitOne(iova, lengthBytes);
                maps++;
                livePages += livePages(iova, physicalAddress, lengthBytes);
            }
            return iova;
        } finally {
            leave();
        }
    }

    private void commitOne(long iova, int lengthBytes) {
        try {
            commit();
        } catch (RuntimeException refused) {
            cancel(iova, lengthBytes);
            throw refused;
        }
    }

    @Override
    public final void unmap(long iova, int lengthBytes) {
        enter();
        try {
            if (!end(iova, lengthBytes)) {
                throw Buffers.notMapped(iova, lengthBytes);
            }
            unmaps++;
            livePages -= countPages(iova, lengthBytes);
            release(iova, lengthBytes);
        } finally {
            leave();
        }
    }

    @Override
    public final int mapAll(
            long[] physicalAddresses,
            int[] lengths,
            long[] iovas,
            int count,
            DmaDirection direction) {
        enterOpen();
        try {
            return beginAll(physicalAddresses, lengths, iovas, count, direction);
        } finally {
            leave();
        }
    }

    private int beginAll(
            long[] physicalAddresses,
            int[] lengths,
            long[] iovas,
            int count,
            DmaDirection direction) {
        int access = direction.access();
        int begun = 0;
        long pages = 0;
        try {
            while (begun < count) {
                long iova = begin(physicalAddresses[begun], lengths[begun], access);
                if (iova == NO_IOVA) {
                    break;
                }
                iovas[begun] = iova;
                pages += livePages(iova, physicalAddresses[begun], lengths[begun]);
                begun++;
            }
        } catch (RuntimeException failure) {
            // A wrong buffer, or a roll-over's flush that failed. Who gets an exception has
            // nothing mapped; but a device may have seen what was begun.
            unwind(iovas, lengths, begun, pages, failure);
            throw failure;
        }
        commitAll(iovas, lengths, begun, pages);
        return begun;
    }

    private void commitAll(long[] iovas, int[] lengths, int count, long pages) {
        try {
            commit();
        } catch (RuntimeException refused) {
            for (int index = 0; index < count; index++) {
                cancel(iovas[index], lengths[index]);
            }
            throw refused;
        }
        maps += count;
        livePages += pages;
    }

    private void unwind(
            long[] iovas, int[] lengths, int count, long pages, RuntimeException failure) {
        try {
            commitAll(iovas, lengths, count, pages);
            endAll(iovas, lengths, count);
            releaseAll(iovas, lengths, count);
        } catch (RuntimeException again) {
            failure.addSuppressed(again);
        }
    }

    @Override
    public final void unmapAll(long[] iovas, int[] lengths, int count) {
        enter();
        try {
            endAll(iovas, lengths, count);
            releaseAll(iovas, lengths, count);
        } finally {
            leave();
        }
    }

    @Override
    public final long unmapAllLater(long[] iovas, int[] lengths, int count) {
        enter();
        try {
            endAll(iovas, lengths, count);
            return releaseAllLater(iovas, lengths, count);
        } finally {
            leave();
        }
    }

    @Override
    public final boolean isUnmapped(long ticket) {
        enter();
        try {
            return isOver(ticket);
        } finally {
            leave();
        }
    }

    @Override
    public final void awaitUnmapped(long ticket) {
        enter();
        try {
            awaitOver(ticket);
        } finally {
            leave();
        }
    }

    private void endAll(long[] iovas, int[] lengths, int count) {
        long pages = 0;
        for (int index = 0; index < count; index++) {
            if (!end(iovas[index], lengths[index])) {
                restoreAll(iovas, lengths, index);
                throw Buffers.notMapped(iovas[index], lengths[index]);
            }
            pages += countPages(iovas[index], lengths[index]);
        }
        unmaps += count;
        livePages -= pages;
    }

    private void restoreAll(long[] iovas, int[] lengths, int count) {
        for (int index = 0; index < count; index++) {
            restore(iovas[index], lengths[index]);
        }
    }

    @Override
    public final boolean map(ScatterGatherList list, DmaDirection direction) {
        enterOpen();
        try {
            return mapList(list, direction);
        } finally {
            leave();
        }
    }

    private boolean mapList(ScatterGatherList list, DmaDirection direction) {
        list.requireMappable();
        if (!beginList(list, direction.access())) {
            return false;
        }
        try {
            commit();
        } catch (RuntimeException refused) {
            cancelList(list);
            throw refused;
        }
        list.mapped(this);
        maps++;
        livePages += listPages(list);
        return true;
    }

    @Override
    public final void unmap(ScatterGatherList list) {
        enter();
        try {
            unmapList(list);
        } finally {
            leave();
        }
    }

    private void unmapList(ScatterGatherList list) {
        list.requireMappedBy(this);
        if (!closed) {
            if (!endList(list)) {
                throw Buffers.notMapped(list.iova(0), list.lengthBytes(0));
            }
            unmaps++;
            livePages -= listPages(list);
            list.unmapped();
            releaseList(list);
        } else {
            list.unmapped();
        }
    }

    /** Pages under the merged pieces of a list, in whole entries each. */
    final long listPages(ScatterGatherList list) {
        long pages = 0;
        for (int piece = 0; piece < list.pieces(); piece++) {
            pages += pages(list.pieceAddress(piece), list.pieceLength(piece));
        }
        return pages;
    }

    /** {@link #begin} for a list; here each merged piece for itself. */
    boolean beginList(ScatterGatherList list, int access) {
        int begun = 0;
        try {
            while (begun < list.pieces()) {
                long iova = begin(list.pieceAddress(begun), list.pieceLength(begun), access);
                if (iova == NO_IOVA) {
                    break;
                }
                list.setPieceIova(begun++, iova);
            }
        } catch (RuntimeException failure) {
            unwindList(list, begun, failure);
            throw failure;
        }
        if (begun < list.pieces()) {
            unwindList(list, begun, null);
            return false;
        }
        return true;
    }

    private void unwindList(ScatterGatherList list, int begun, RuntimeException failure) {
        try {
            commit();
            for (int piece = 0; piece < begun; piece++) {
                end(list.pieceIova(piece), list.pieceLength(piece));
            }
            releaseAll(list.pieceIovas(), list.pieceLengths(), begun);
        } catch (RuntimeException again) {
            if (failure == null) {
                throw again;
            }
            failure.addSuppressed(again);
        }
    }

    /** {@link #cancel} for a list. */
    void cancelList(ScatterGatherList list) {
        for (int piece = 0; piece < list.pieces(); piece++) {
            cancel(list.pieceIova(piece), list.pieceLength(piece));
        }
    }

    /** {@link #end} for a list. */
    boolean endList(ScatterGatherList list) {
        for (int piece = 0; piece < list.pieces(); piece++) {
            if (!end(list.pieceIova(piece), list.pieceLength(piece))) {
                restoreAll(list.pieceIovas(), list.pieceLengths(), piece);
                return false;
            }
        }
        return true;
    }

    /** {@link #release} for a list, with one flush at most where the strategy can. */
    void releaseList(ScatterGatherList list) {
        releaseAll(list.pieceIovas(), list.pieceLengths(), list.pieces());
    }

    @Override
    public final CoherentMemory allocateCoherent(long lengthBytes) {
        enter();
        try {
            return makeCoherent(lengthBytes);
        } finally {
            leave();
        }
    }

    private synchronized CoherentMemory makeCoherent(long lengthBytes) {
        requireOpen();
        DmaMemory allocated = memory.allocate(lengthBytes);
        try {
            CoherentRun run = placeCoherent(allocated);
            if (run != null) {
                return new CoherentMemory(
                        allocated, iova(run.page(), allocated.physicalAddress()), () -> undo(run));
            }
        } catch (RuntimeException failure) {
            allocated.close();
            throw failure;
        }
        allocated.close();
        throw new OutOfDmaMemoryException(
                "no run of IOVA is free for lengthBytes=%d (freePages=%d): take a larger table"
                        .formatted(lengthBytes, freePages()));
    }

    /** Maps coherent memory for real, whatever the strategy; null if no run of IOVA is free. */
    private CoherentRun placeCoherent(DmaMemory allocated) {
        int length = Math.toIntExact(allocated.lengthBytes());
        int pages = pages(allocated.physicalAddress(), length);
        require(allocated.physicalAddress(), length, pages);
        translations.essential(true);
        long page = place(firstPage(allocated.physicalAddress()), pages, Access.READ_WRITE);
        translations.essential(false);
        if (page == IovaAllocator.NONE) {
            return null;
        }
        try {
            translations.commit();
        } catch (RuntimeException refused) {
            free(page, pages);
            throw refused;
        }
        CoherentRun run = new CoherentRun(page, pages, firstPage(allocated.physicalAddress()));
        coherent.add(run);
        maps++;
        livePages += pages;
        return run;
    }

    /** Unmaps coherent memory, so that its pages can be given to somebody else. */
    private void undo(CoherentRun run) {
        enter();
        try {
            undoInside(run);
        } finally {
            leave();
        }
    }

    private synchronized void undoInside(CoherentRun run) {
        if (closed) {
            // Everything is unmapped; if the flush failed then, it is tried again.
            closeInside();
        } else {
            coherent.remove(run);
            unmaps++;
            livePages -= run.pages();
            reclaim(run.page(), run.pages());
        }
    }

    @Override
    public void syncForDevice(long iova, int lengthBytes) {
        // The device sees the driver's own memory.
    }

    @Override
    public void syncForCpu(long iova, int lengthBytes) {
        // The device writes the driver's own memory.
    }

    @Override
    public Grant grant(long physicalAddress, long lengthBytes, DmaDirection direction) {
        return Buffers.grantNothing(memory, physicalAddress, lengthBytes, direction);
    }

    @Override
    public final DmaStatistics statistics() {
        return new DmaStatistics(
                maps,
                unmaps,
                translations.flushes(),
                translations.waitedNanos(),
                maps - unmaps,
                livePages,
                staleEntries(),
                windowEntries(),
                windowNanos());
    }

    /** Pages unmapped whose IOVA may still work; from any thread. */
    long staleEntries() {
        return retiredPages();
    }

    /** The most there were; from any thread. */
    long windowEntries() {
        return retiredPages();
    }

    /** The longest that one stayed usable; from any thread. */
    long windowNanos() {
        return 0;
    }

    final void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the mapping service is closed");
        }
    }

    @Override
    public final void flush() {
        enter();
        try {
            flushAll();
        } finally {
            leave();
        }
    }

    /** Unmaps everything and flushes. If a device is stuck, it may be tried again. */
    @Override
    public final void close() {
        enter();
        try {
            closeInside();
        } finally {
            leave();
        }
    }

    private synchronized void closeInside() {
        if (released) {
            return;
        }
        if (!closed) {
            closed = true;
            refuseFromNowOn();
            clearAll();
            coherent.forEach(run -> translations.clear(run.page(), run.pages()));
            unmaps = maps;
            livePages = 0;
        }
        flushAll();
        released = true;
        freeAll();
        coherent.forEach(run -> free(run.page(), run.pages()));
        coherent.clear();
        rollOver();
        memory.removeHolder(this);
        translations.close();
    }

    @Override
    public final MemoryReport.Service account() {
        DmaStatistics now = statistics();
        return new MemoryReport.Service(
                owner(), strategy(), Math.max(0, now.liveMappings()), Math.max(0, now.livePages()));
    }
}
