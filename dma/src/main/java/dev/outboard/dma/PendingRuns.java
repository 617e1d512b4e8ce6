package dev.outboard.dma;

/**
 * Runs of IOVA that are cleared and wait for a flush that is under way, in their order. One thread;
 * allocates only when it grows.
 */
final class PendingRuns {
    private static final int FIRST_CAPACITY = 256;

    private long[] firstPages = new long[FIRST_CAPACITY];
    private int[] pages = new int[FIRST_CAPACITY];
    private int taken;
    private int end;

    boolean isEmpty() {
        return taken == end;
    }

    void add(long firstPage, int count) {
        if (end == pages.length) {
            makeRoom();
        }
        firstPages[end] = firstPage;
        pages[end++] = count;
    }

    private void makeRoom() {
        int waiting = end - taken;
        int capacity = waiting > pages.length / 2 ? 2 * pages.length : pages.length;
        long[] first = new long[capacity];
        int[] counts = new int[capacity];
        System.arraycopy(firstPages, taken, first, 0, waiting);
        System.arraycopy(pages, taken, counts, 0, waiting);
        firstPages = first;
        pages = counts;
        taken = 0;
        end = waiting;
    }

    /** The first page of the oldest run. */
    long firstPage() {
        return firstPages[taken];
    }

    /** Pages of the oldest run. */
    int pages() {
        return pages[taken];
    }

    /** Takes the oldest run out. */
    void drop() {
        taken++;
        if (taken == end) {
            taken = 0;
            end = 0;
        }
    }
}
