package dev.outboard.perf.attack;

import dev.outboard.dma.DmaDirection;
import java.lang.foreign.MemorySegment;

/**
 * The driver's pages, with what may be done to each right now and the marks that tell if more was
 * done. One thread, the driver's.
 *
 * <p>A page can be live or stale several times at once, as each mapping has an IOVA of its own. It
 * is closed to writes when no live or stale mapping allows one: then its target holds a canary that
 * nobody may change. It is closed to reads likewise: then its secret is tagged so that a device
 * that reads it shows that it could.
 */
final class Pool {
    private static final int PAGE_BYTES = 4096;

    private final MemorySegment memory;
    private final Violations violations;

    /** Whether marks beside a short buffer are closed even while it is mapped. */
    private final boolean isFine;

    private final int[] liveReads;
    private final int[] liveWrites;
    private final int[] staleReads;
    private final int[] staleWrites;
    private final long[] canaries;

    /** How often the page was mapped for writing. */
    private final long[] writers;

    private long version;
    private long writesInside;

    Pool(MemorySegment memory, boolean isFine, Violations violations) {
        this.memory = memory;
        this.isFine = isFine;
        this.violations = violations;
        int pages = (int) (memory.byteSize() / PAGE_BYTES);
        liveReads = new int[pages];
        liveWrites = new int[pages];
        staleReads = new int[pages];
        staleWrites = new int[pages];
        canaries = new long[pages];
        writers = new long[pages];
        for (int page = 0; page < pages; page++) {
            placeCanary(page);
            tag(page);
        }
    }

    int pages() {
        return canaries.length;
    }

    /** Before the mapping is made: what is mapped for reading may be read from now on. */
    void beginMap(int page, DmaDirection direction) {
        checkTarget(page);
        if (reads(direction)) {
            liveReads[page]++;
        }
        if (writes(direction)) {
            liveWrites[page]++;
            writers[page]++;
        }
        tag(page);
    }

    /** There was no room: as if it had never been mapped. */
    void cancelMap(int page, DmaDirection direction) {
        if (reads(direction)) {
            liveReads[page]--;
        }
        if (writes(direction)) {
            liveWrites[page]--;
        }
        tag(page);
    }

    /** After the unmap has returned: from now on it is stale. */
    void endMap(int page, DmaDirection direction) {
        if (reads(direction)) {
            liveReads[page]--;
            staleReads[page]++;
        }
        if (writes(direction)) {
            liveWrites[page]--;
            staleWrites[page]++;
            // What the device wrote while it was mapped does not count: what it writes from now on
            // does.
            if (liveWrites[page] == 0) {
                placeCanary(page);
            }
        }
        tag(page);
    }

    /** After the window of a mapping has ended. */
    void closeStale(int page, DmaDirection direction) {
        if (reads(direction)) {
            staleReads[page]--;
        }
        if (writes(direction)) {
            staleWrites[page]--;
            if (isClosedToWrites(page)) {
                if (target(page) != canaries[page]) {
                    writesInside++;
                }
                placeCanary(page);
            }
        }
        tag(page);
    }

    /** All of it is reachable, mapped or not, until {@link #closeAll}. */
    void openAll() {
        for (int page = 0; page < pages(); page++) {
            staleReads[page]++;
            staleWrites[page]++;
            tag(page);
        }
    }

    /** Ends what {@link #openAll} began. */
    void closeAll() {
        for (int page = 0; page < pages(); page++) {
            closeStale(page, DmaDirection.BIDIRECTIONAL);
        }
    }

    boolean isClosedToWrites(int page) {
        return liveWrites[page] == 0 && staleWrites[page] == 0;
    }

    private boolean isClosedToReads(int page) {
        return liveReads[page] == 0 && staleReads[page] == 0;
    }

    /**
     * Which writer of the page the one live mapping is, or -1 if it is not the only one that can
     * write: the same from its map to its unmap means that nobody else could in between.
     */
    long onlyWriter(int page) {
        return liveWrites[page] == 1 && staleWrites[page] == 0 ? writers[page] : -1;
    }

    /** Puts the tag that says what may be read; a new version where that changed to closed. */
    void tag(int page) {
        int tag =
                liveReads[page] > 0
                        ? Marks.OPEN
                        : isClosedToReads(page) ? Marks.CLOSED : Marks.STALE;
        long at = (long) page * PAGE_BYTES + Marks.SECRET_OFFSET;
        if (Marks.tag(Marks.get(memory, at)) != tag) {
            Marks.set(memory, at, Marks.secret(tag, ++version, page));
        }
        // Nothing of the page is open but the buffer, where the strategy says so.
        int beside = isFine ? Marks.CLOSED : tag;
        long middle = at + Marks.MIDDLE_OFFSET;
        if (Marks.tag(Marks.get(memory, middle)) != beside) {
            Marks.set(memory, middle, Marks.secret(beside, ++version, page));
        }
    }

    private void placeCanary(int page) {
        canaries[page] = Marks.canary(++version, page);
        Marks.set(memory, (long) page * PAGE_BYTES, canaries[page]);
        Marks.set(memory, (long) page * PAGE_BYTES + Marks.MIDDLE_OFFSET, canaries[page]);
    }

    long target(int page) {
        return Marks.get(memory, (long) page * PAGE_BYTES);
    }

    long secret(int page) {
        return Marks.get(memory, (long) page * PAGE_BYTES + Marks.SECRET_OFFSET);
    }

    /** Looks whether a page that is closed to writes was written. */
    void checkTarget(int page) {
        long found = target(page);
        if (isClosedToWrites(page)) {
            if (found != canaries[page]) {
                violations.changed(page, canaries[page], found);
                placeCanary(page);
                return;
            }
        } else if (!isFine) {
            return;
        }
        long middle = Marks.get(memory, (long) page * PAGE_BYTES + Marks.MIDDLE_OFFSET);
        if (middle != canaries[page]) {
            violations.changed(page, canaries[page], middle);
            Marks.set(memory, (long) page * PAGE_BYTES + Marks.MIDDLE_OFFSET, canaries[page]);
        }
    }

    /** Looks at all pages. */
    void checkAll() {
        for (int page = 0; page < pages(); page++) {
            checkTarget(page);
        }
    }

    /** Writes that were seen to have landed after an unmap, within the stated window. */
    long writesInside() {
        return writesInside;
    }

    static boolean reads(DmaDirection direction) {
        return direction != DmaDirection.FROM_DEVICE;
    }

    static boolean writes(DmaDirection direction) {
        return direction != DmaDirection.TO_DEVICE;
    }
}
