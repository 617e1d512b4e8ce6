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
    /** Pages of the mapping that begins at an IOVA page. */
    private final int[] runs;

    TranslatedDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
        runs = new int[Math.toIntExact(translations.pages())];
    }

    /** Takes a run away that is mapped no more, now or later. */
    abstract void releaseRun(long page, int pages);

    @Override
    final long begin(long physicalAddress, int lengthBytes, int access) {
        int pages = pages(physicalAddress, lengthBytes);
        require(physicalAddress, lengthBytes, pages);
        long page = place(firstPage(physicalAddress), pages, access);
        if (page == IovaAllocator.NONE) {
            return NO_IOVA;
        }
        runs[(int) page] = pages;
        return iova(page, physicalAddress);
    }

    @Override
    final void cancel(long iova, int lengthBytes) {
        long page = firstPage(iova);
        runs[(int) page] = 0;
        unplace(page, pages(iova, lengthBytes));
    }

    @Override
    final boolean end(long iova, int lengthBytes) {
        long page = firstPage(iova);
        if (page >= runs.length
                || lengthBytes <= 0
                || runs[(int) page] != pages(iova, lengthBytes)) {
            return false;
        }
        runs[(int) page] = 0;
        return true;
    }

    @Override
    final void restore(long iova, int lengthBytes) {
        runs[(int) firstPage(iova)] = pages(iova, lengthBytes);
    }

    @Override
    final void release(long iova, int lengthBytes) {
        releaseRun(firstPage(iova), pages(iova, lengthBytes));
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
                pages > runs.length
                        ? IovaAllocator.NONE
                        : takePages(firstPage(list.pieceAddress(0)), (int) pages);
        if (first == IovaAllocator.NONE) {
            return false;
        }
        long page = first;
        for (int piece = 0; piece < list.pieces(); piece++) {
            long physicalAddress = list.pieceAddress(piece);
            int span = pages(physicalAddress, list.pieceLength(piece));
            translations.map(page, firstPage(physicalAddress), span, access);
            list.setPieceIova(piece, iova(page, physicalAddress));
            page += span;
        }
        runs[(int) first] = (int) pages;
        return true;
    }

    @Override
    final void cancelList(ScatterGatherList list) {
        long page = firstPage(list.pieceIova(0));
        unplace(page, runs[(int) page]);
        runs[(int) page] = 0;
    }

    @Override
    final boolean endList(ScatterGatherList list) {
        long page = firstPage(list.pieceIova(0));
        if (runs[(int) page] != listPages(list)) {
            return false;
        }
        runs[(int) page] = 0;
        return true;
    }

    @Override
    final void releaseList(ScatterGatherList list) {
        releaseRun(firstPage(list.pieceIova(0)), (int) listPages(list));
    }

    @Override
    void clearAll() {
        for (int page = 0; page < runs.length; page++) {
            if (runs[page] > 0) {
                translations.clear(page, runs[page]);
            }
        }
    }

    @Override
    void freeAll() {
        for (int page = 0; page < runs.length; page++) {
            if (runs[page] > 0) {
                allocator.free(page, runs[page]);
                runs[page] = 0;
            }
        }
    }
}
