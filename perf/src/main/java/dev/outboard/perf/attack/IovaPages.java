package dev.outboard.perf.attack;

import dev.outboard.dma.DmaDirection;
import java.util.Arrays;

/**
 * The IOVA space as the driver knows it: what each page lets through while it is live or stale, and
 * what it last stood for. One thread, the driver's.
 */
final class IovaPages {
    private static final int PAGE_SHIFT = 12;

    private final int[] reads;
    private final int[] writes;
    private final int[] live;
    private final int[] lastFrame;
    private final long[] flushesAtUnmap;

    IovaPages(int pages) {
        reads = new int[pages];
        writes = new int[pages];
        live = new int[pages];
        lastFrame = new int[pages];
        flushesAtUnmap = new long[pages];
        Arrays.fill(lastFrame, -1);
    }

    int count() {
        return reads.length;
    }

    /**
     * It was mapped.
     *
     * @param flushes that the service had begun and ended by now
     * @return whether the IOVA stood for other memory, and no flush lies between
     */
    boolean map(MappedRun run, long flushes) {
        int first = (int) (run.iova() >>> PAGE_SHIFT);
        boolean isTooEarly = false;
        for (int index = 0; index < run.pages(); index++) {
            int page = first + index;
            int frame = run.page() + index;
            isTooEarly |=
                    live[page] == 0
                            && lastFrame[page] >= 0
                            && lastFrame[page] != frame
                            && flushes <= flushesAtUnmap[page];
            lastFrame[page] = frame;
            live[page]++;
            count(page, run.direction(), 1);
        }
        return isTooEarly;
    }

    /**
     * It was unmapped and is stale now.
     *
     * @param flushes that the service had counted before that
     */
    void unmap(MappedRun run, long flushes) {
        int first = (int) (run.iova() >>> PAGE_SHIFT);
        for (int page = first; page < first + run.pages(); page++) {
            live[page]--;
            flushesAtUnmap[page] = flushes;
        }
    }

    /** Its window has ended. */
    void close(MappedRun run) {
        int first = (int) (run.iova() >>> PAGE_SHIFT);
        for (int page = first; page < first + run.pages(); page++) {
            count(page, run.direction(), -1);
        }
    }

    private void count(int page, DmaDirection direction, int change) {
        if (Pool.reads(direction)) {
            reads[page] += change;
        }
        if (Pool.writes(direction)) {
            writes[page] += change;
        }
    }

    /** Whether a live or stale mapping lets the device read there. */
    boolean mayRead(int page) {
        return reads[page] > 0;
    }

    /** Whether a live or stale mapping lets the device write there. */
    boolean mayWrite(int page) {
        return writes[page] > 0;
    }

    boolean isLive(int page) {
        return live[page] > 0;
    }
}
