package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.IovaAllocator;

/**
 * Mapping by translations, whoever holds them; what happens after entries were cleared is the
 * strategy's.
 *
 * <p>One thread; map and unmap do not allocate. What is mapped where is kept here, in memory that
 * no device sees: a wrong unmap is refused by it.
 */
abstract class TranslatedDma implements Dma {
    final IovaAllocator allocator;
    final Translations translations;
    private final PhysicalMemory memory;

    /**
     * Pages of the mapping that begins at an IOVA page; negative while a batch is being checked.
     */
    private final int[] runs;

    private long maps;
    private long unmaps;
    private long livePages;
    private boolean closed;
    private boolean released;

    TranslatedDma(PhysicalMemory memory, Translations translations) {
        this.memory = memory;
        this.translations = translations;
        allocator = translations.iovas();
        runs = new int[Math.toIntExact(translations.pages())];
    }

    /** Makes sure that a cleared run can be handed out again, now or later. */
    abstract void release(long page, int pages);

    /** The same for a batch: {@link #releaseInBatch} for each run, between these two. */
    abstract void beginBatch();

    /** One run of a batch. */
    abstract void releaseInBatch(long page, int pages);

    /** All runs of the batch are cleared. */
    abstract void endBatch(long[] iovas, int[] lengths, int count);

    /** Begins the next lap of the allocator, so that nothing stale is handed out in it. */
    abstract void rollOver();

    @Override
    public final DmaMemory allocate(long lengthBytes) {
        return memory.allocate(lengthBytes);
    }

    @Override
    public final CoherentMemory allocateCoherent(long lengthBytes) {
        DmaMemory allocated = memory.allocate(lengthBytes);
        try {
            long iova =
                    map(
                            allocated.physicalAddress(),
                            Math.toIntExact(allocated.lengthBytes()),
                            DmaDirection.BIDIRECTIONAL);
            if (iova != NO_IOVA) {
                int length = Math.toIntExact(allocated.lengthBytes());
                return new CoherentMemory(allocated, iova, () -> undo(iova, length));
            }
        } catch (RuntimeException failure) {
            allocated.close();
            throw failure;
        }
        allocated.close();
        throw new OutOfDmaMemoryException(
                "no run of IOVA is free for lengthBytes=%d (freePages=%d): take a larger table"
                        .formatted(lengthBytes, allocator.freePages()));
    }

    /** Unmaps coherent memory, so that its pages can be given to somebody else. */
    private void undo(long iova, int lengthBytes) {
        if (closed) {
            // Everything is unmapped; if the flush failed then, it is tried again.
            close();
        } else {
            unmap(iova, lengthBytes);
            flush();
        }
    }

    @Override
    public final long map(long physicalAddress, int lengthBytes, DmaDirection direction) {
        Buffers.require(memory, physicalAddress, lengthBytes);
        requireOpen();
        int access = direction.access();
        int pages = Buffers.pages(physicalAddress, lengthBytes);
        long page = takePages(pages);
        if (page == IovaAllocator.NONE) {
            return NO_IOVA;
        }
        translations.map(page, physicalAddress >>> IoPage.SHIFT, pages, access);
        translations.commit();
        runs[(int) page] = pages;
        maps++;
        livePages += pages;
        return page << IoPage.SHIFT | physicalAddress & IoPage.OFFSET_MASK;
    }

    private long takePages(int pages) {
        long page = allocator.allocate(pages);
        if (page == IovaAllocator.NONE) {
            rollOver();
            page = allocator.allocate(pages);
        }
        return page;
    }

    @Override
    public final void unmap(long iova, int lengthBytes) {
        int pages = Buffers.pages(iova, lengthBytes);
        int page = mappedPage(iova, lengthBytes, pages);
        forget(page, pages);
        release(page, pages);
    }

    /** The first page of a live mapping of just so many pages. */
    private int mappedPage(long iova, int lengthBytes, int pages) {
        long page = iova >>> IoPage.SHIFT;
        if (page >= runs.length || lengthBytes <= 0 || runs[(int) page] != pages) {
            throw Buffers.notMapped(iova, lengthBytes);
        }
        return (int) page;
    }

    private void forget(int page, int pages) {
        translations.clear(page, pages);
        runs[page] = 0;
        unmaps++;
        livePages -= pages;
    }

    @Override
    public final int mapAll(
            long[] physicalAddresses,
            int[] lengths,
            long[] iovas,
            int count,
            DmaDirection direction) {
        for (int index = 0; index < count; index++) {
            Buffers.require(memory, physicalAddresses[index], lengths[index]);
        }
        int mapped = 0;
        try {
            while (mapped < count) {
                long iova = map(physicalAddresses[mapped], lengths[mapped], direction);
                if (iova == NO_IOVA) {
                    break;
                }
                iovas[mapped] = iova;
                mapped++;
            }
        } catch (DeviceStuckException stuck) {
            // The roll-over's flush failed midway. Who gets an exception has nothing mapped.
            unwind(iovas, lengths, mapped, stuck);
            throw stuck;
        }
        return mapped;
    }

    private void unwind(long[] iovas, int[] lengths, int mapped, DeviceStuckException stuck) {
        try {
            unmapAll(iovas, lengths, mapped);
        } catch (DeviceStuckException again) {
            stuck.addSuppressed(again);
        }
    }

    @Override
    public final void unmapAll(long[] iovas, int[] lengths, int count) {
        checkBatch(iovas, lengths, count);
        beginBatch();
        for (int index = 0; index < count; index++) {
            int pages = Buffers.pages(iovas[index], lengths[index]);
            int page = (int) (iovas[index] >>> IoPage.SHIFT);
            forget(page, pages);
            releaseInBatch(page, pages);
        }
        endBatch(iovas, lengths, count);
    }

    /**
     * Marks each run of a batch, so that one named twice is noticed; unmarks all if one is wrong.
     */
    private void checkBatch(long[] iovas, int[] lengths, int count) {
        for (int index = 0; index < count; index++) {
            int pages = Buffers.pages(iovas[index], lengths[index]);
            try {
                runs[mappedPage(iovas[index], lengths[index], pages)] = -pages;
            } catch (IllegalArgumentException wrong) {
                for (int marked = 0; marked < index; marked++) {
                    int page = (int) (iovas[marked] >>> IoPage.SHIFT);
                    runs[page] = -runs[page];
                }
                throw wrong;
            }
        }
    }

    @Override
    public final boolean map(ScatterGatherList list, DmaDirection direction) {
        Buffers.require(memory, list);
        requireOpen();
        int access = direction.access();
        long pages = list.pages();
        long first = pages > runs.length ? IovaAllocator.NONE : takePages((int) pages);
        if (first == IovaAllocator.NONE) {
            return false;
        }
        long page = first;
        for (int index = 0; index < list.count(); index++) {
            long physicalAddress = list.physicalAddress(index);
            int span = Buffers.pages(physicalAddress, list.lengthBytes(index));
            translations.map(page, physicalAddress >>> IoPage.SHIFT, span, access);
            list.setIova(index, page << IoPage.SHIFT | physicalAddress & IoPage.OFFSET_MASK);
            page += span;
        }
        translations.commit();
        runs[(int) first] = (int) pages;
        list.setMappedBy(this);
        maps++;
        livePages += pages;
        return true;
    }

    @Override
    public final void unmap(ScatterGatherList list) {
        list.requireMappedBy(this);
        if (closed) {
            list.setMappedBy(null);
            return;
        }
        int pages = (int) list.pages();
        int page = (int) (list.iova(0) >>> IoPage.SHIFT);
        if (runs[page] != pages) {
            throw Buffers.notMapped(list.iova(0), list.lengthBytes(0));
        }
        forget(page, pages);
        list.setMappedBy(null);
        release(page, pages);
    }

    @Override
    public final void syncForDevice(long iova, int lengthBytes) {
        // The device sees the driver's own memory.
    }

    @Override
    public final void syncForCpu(long iova, int lengthBytes) {
        // The device writes the driver's own memory.
    }

    @Override
    public final Grant grant(long physicalAddress, long lengthBytes, DmaDirection direction) {
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

    abstract long staleEntries();

    abstract long windowEntries();

    abstract long windowNanos();

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the mapping service is closed");
        }
    }

    /** Unmaps everything and flushes. If a device is stuck, it may be tried again. */
    @Override
    public final void close() {
        closed = true;
        if (released) {
            return;
        }
        for (int page = 0; page < runs.length; page++) {
            if (runs[page] > 0) {
                forget(page, runs[page]);
            }
        }
        flush();
        released = true;
        translations.close();
    }
}
