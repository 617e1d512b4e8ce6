package dev.outboard.dma;

import dev.outboard.iommu.IovaAllocator;

/**
 * A run of IOVA for each mapping, taken when it is mapped and taken away when it is unmapped; when
 * and how the devices are made to forget it is the strategy's.
 *
 * <p>What is mapped where is kept here, in memory that no device sees: a wrong unmap is refused by
 * it. One thread; map and unmap do not allocate.
 */
abstract class TranslatedDma extends MappingService {
    private static final int USUAL_BATCH = 256;

    /** The mappings that begin at an IOVA page, by the smallest entries of the table. */
    private final RunTable runs;

    /** The runs of the batch that is unmapped, neighbours in one; as many as {@link #joined}. */
    private long[] joinedFirst = new long[USUAL_BATCH];

    private int[] joinedPages = new int[USUAL_BATCH];
    private int joined;

    TranslatedDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
        runs = new RunTable(Math.toIntExact(translations.pages() >>> granuleShift));
    }

    /** Takes a run away that is mapped no more, now or later. */
    abstract void releaseRun(long page, int pages);

    /** The same of one entry, by its number. */
    abstract void releaseEntry(long entry);

    @Override
    final long begin(long physicalAddress, int lengthBytes, int access) {
        if (!isOneEntry(physicalAddress, lengthBytes)) {
            return beginRun(physicalAddress, lengthBytes, access);
        }
        long entry = placeEntry(physicalAddress, lengthBytes, access);
        if (entry < 0) {
            return NO_IOVA;
        }
        runs.putOne((int) entry);
        return iova(entry << granuleShift, physicalAddress);
    }

    private long beginRun(long physicalAddress, int lengthBytes, int access) {
        int pages = pages(physicalAddress, lengthBytes);
        require(physicalAddress, lengthBytes, pages);
        long page = place(firstPage(physicalAddress), pages, access);
        if (page < 0) {
            return NO_IOVA;
        }
        runs.put((int) (page >>> granuleShift), pages >>> granuleShift);
        return iova(page, physicalAddress);
    }

    @Override
    final void cancel(long iova, int lengthBytes) {
        long page = firstPage(iova);
        runs.remove((int) (page >>> granuleShift));
        free(page, pages(iova, lengthBytes));
    }

    @Override
    final boolean end(long iova, int lengthBytes) {
        return isOneEntry(iova, lengthBytes)
                ? runs.removeOne(entry(iova))
                : lengthBytes > 0 && endRun(firstPage(iova), pages(iova, lengthBytes));
    }

    private boolean endRun(long page, long pages) {
        long entry = page >>> granuleShift;
        if (runs.length(entry) != pages >>> granuleShift) {
            return false;
        }
        runs.remove((int) entry);
        return true;
    }

    @Override
    final void restore(long iova, int lengthBytes) {
        runs.put((int) entry(iova), pages(iova, lengthBytes) >>> granuleShift);
    }

    @Override
    final void release(long iova, int lengthBytes) {
        if (isOneEntry(iova, lengthBytes)) {
            releaseEntry(entry(iova));
        } else {
            releaseRun(firstPage(iova), pages(iova, lengthBytes));
        }
    }

    /** Clears the runs of a batch, neighbours in one, as an allocator often gives them. */
    final void clearBatch(long[] iovas, int[] lengths, int count) {
        joinRuns(iovas, lengths, count, true);
        for (int run = 0; run < joined; run++) {
            translations.clear(joinedFirst[run], joinedPages[run]);
        }
        separate(iovas, lengths, count);
    }

    /** The same, and asks the devices to forget them: neighbours in one too, or each by itself. */
    final void clearBatch(long[] iovas, int[] lengths, int count, boolean asksOnce) {
        joinRuns(iovas, lengths, count, asksOnce);
        if (asksOnce) {
            translations.clearAndInvalidate(joinedFirst, joinedPages, joined);
            separate(iovas, lengths, count);
            return;
        }
        for (int run = 0; run < joined; run++) {
            translations.clear(joinedFirst[run], joinedPages[run]);
            translations.invalidate(joinedFirst[run], joinedPages[run]);
        }
    }

    /** Whoever gives the batch back now may have to do so one by one. */
    private void separate(long[] iovas, int[] lengths, int count) {
        if (!joinsNeighbours) {
            joinRuns(iovas, lengths, count, false);
        }
    }

    /** Puts the runs of the batch that was cleared last into a queue. */
    final void queueBatch(PendingRuns queue) {
        for (int run = 0; run < joined; run++) {
            queue.add(joinedFirst[run], joinedPages[run]);
        }
    }

    /** {@link #retire} for the batch that was cleared last. */
    final void retireBatch() {
        for (int run = 0; run < joined; run++) {
            retire(joinedFirst[run], joinedPages[run]);
        }
    }

    /** {@link #giveBack} for the batch that was cleared last. */
    final void giveBackBatch(boolean settled) {
        for (int run = 0; run < joined; run++) {
            giveBack(joinedFirst[run], joinedPages[run], settled);
        }
    }

    /** Pages of the batch that was cleared last. */
    final long batchPages() {
        long pages = 0;
        for (int run = 0; run < joined; run++) {
            pages += joinedPages[run];
        }
        return pages;
    }

    private void joinRuns(long[] iovas, int[] lengths, int count, boolean joins) {
        if (count > joinedFirst.length) {
            joinedFirst = new long[count];
            joinedPages = new int[count];
        }
        int run = -1;
        long end = -1;
        for (int index = 0; index < count; index++) {
            long page = firstPage(iovas[index]);
            int pages = (int) countPages(iovas[index], lengths[index]);
            if (page == end && joins) {
                joinedPages[run] += pages;
            } else {
                run++;
                joinedFirst[run] = page;
                joinedPages[run] = pages;
            }
            end = page + pages;
        }
        joined = run + 1;
    }

    /** The whole list in one run, so that one invalidation covers it. */
    @Override
    final boolean beginList(ScatterGatherList list, int access) {
        for (int index = 0; index < list.count(); index++) {
            long physicalAddress = list.physicalAddress(index);
            int length = list.lengthBytes(index);
            require(physicalAddress, length, pages(physicalAddress, length));
        }
        long pages = listPages(list);
        long first =
                pages >>> granuleShift > runs.entries()
                        ? IovaAllocator.NONE
                        : takePages(firstPage(list.pieceAddress(0)), (int) pages);
        if (first == IovaAllocator.NONE) {
            return false;
        }
        try {
            mapPieces(list, first, access);
        } catch (RuntimeException refused) {
            // A device may have seen the pieces that were mapped already.
            translations.clear(first, (int) pages);
            giveBack(first, (int) pages, false);
            throw refused;
        }
        runs.put((int) (first >>> granuleShift), (int) (pages >>> granuleShift));
        return true;
    }

    private void mapPieces(ScatterGatherList list, long first, int access) {
        long page = first;
        for (int piece = 0; piece < list.pieces(); piece++) {
            long physicalAddress = list.pieceAddress(piece);
            int span = pages(physicalAddress, list.pieceLength(piece));
            translations.map(page, firstPage(physicalAddress), span, access);
            list.setPieceIova(piece, iova(page, physicalAddress));
            page += span;
        }
    }

    @Override
    final void cancelList(ScatterGatherList list) {
        long page = firstPage(list.pieceIova(0));
        endRun(page, listPages(list));
        free(page, (int) listPages(list));
    }

    @Override
    final boolean endList(ScatterGatherList list) {
        return endRun(firstPage(list.pieceIova(0)), listPages(list));
    }

    @Override
    final void releaseList(ScatterGatherList list) {
        releaseRun(firstPage(list.pieceIova(0)), (int) listPages(list));
    }

    @Override
    final void visit(FrameRange range, MappingVisitor visitor) {
        for (int entry = 0; entry < runs.entries(); entry++) {
            int entries = runs.length(entry);
            if (entries > 0) {
                visitRun((long) entry << granuleShift, entries << granuleShift, range, visitor);
            }
        }
    }

    /** A run is shown in parts: that of a list leads to several places. */
    private void visitRun(long page, int pages, FrameRange range, MappingVisitor visitor) {
        for (int done = 0; done < pages; done += granule) {
            long frame = translations.frame(page + done);
            if (frame != Translations.NO_FRAME && range.overlaps(frame, granule)) {
                visitor.mapping(page, pages, frame, granule);
            }
        }
    }

    /** The runs stay known: their unmap clears them once more, which does no harm. */
    @Override
    final void clearIn(FrameRange range) {
        visit(range, (page, pages, firstFrame, frames) -> translations.clear(page, pages));
    }

    @Override
    void clearAll() {
        for (int entry = 0; entry < runs.entries(); entry++) {
            if (runs.length(entry) > 0) {
                translations.clear(
                        (long) entry << granuleShift, runs.length(entry) << granuleShift);
            }
        }
    }

    @Override
    void freeAll() {
        for (int entry = 0; entry < runs.entries(); entry++) {
            if (runs.length(entry) > 0) {
                free((long) entry << granuleShift, runs.length(entry) << granuleShift);
                runs.remove(entry);
            }
        }
    }
}
