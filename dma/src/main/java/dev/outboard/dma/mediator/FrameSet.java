package dev.outboard.dma.mediator;

import dev.outboard.iommu.Access;
import java.util.Arrays;

/**
 * Page frames in runs, each with what it may be mapped for: those that a domain may map, its
 * client's own and those granted to it, or those of a segment that are still there. Runs never
 * overlap. One thread; looking does not allocate, and costs one comparison where the last look was,
 * a search by halving elsewhere.
 */
final class FrameSet {
    // By rising frame.
    private long[] first = new long[0];
    private long[] count = new long[0];
    private int[] access = new int[0];

    /** The run that was found last, if there is any. */
    private int last;

    /** Raised whenever frames are taken away: what was checked before must be checked again. */
    private long epoch;

    /** Which of them holds a run of frames, all of it, or -1. */
    int find(long frame, int pages) {
        if (last < first.length && frame - first[last] >= 0 && isIn(last, frame, pages)) {
            return last;
        }
        int index = firstAfter(frame) - 1;
        if (index < 0 || !isIn(index, frame, pages)) {
            return -1;
        }
        last = index;
        return index;
    }

    private boolean isIn(int index, long frame, long frames) {
        return frame - first[index] <= count[index] - frames;
    }

    /** The first run that begins after a frame. */
    private int firstAfter(long frame) {
        int low = 0;
        int high = first.length;
        while (low < high) {
            int middle = low + high >>> 1;
            if (first[middle] <= frame) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Whether all these frames are in one run. */
    boolean contains(long frame, long frames) {
        int index = firstAfter(frame) - 1;
        return index >= 0 && isIn(index, frame, frames);
    }

    /** What they may be mapped for, bits of {@link Access}. */
    int access(int index) {
        return access[index];
    }

    boolean overlaps(long frame, long frames) {
        int index = firstAfter(frame);
        return index > 0 && first[index - 1] + count[index - 1] > frame
                || index < first.length && first[index] < frame + frames;
    }

    /** One more run, which overlaps none that is there. */
    void add(long frame, long frames, int allowed) {
        int index = firstAfter(frame);
        first = open(first, index);
        count = open(count, index);
        int[] more = Arrays.copyOf(access, access.length + 1);
        System.arraycopy(access, index, more, index + 1, access.length - index);
        access = more;
        first[index] = frame;
        count[index] = frames;
        access[index] = allowed;
    }

    private static long[] open(long[] values, int index) {
        long[] more = Arrays.copyOf(values, values.length + 1);
        System.arraycopy(values, index, more, index + 1, values.length - index);
        return more;
    }

    /**
     * These frames may not be mapped any more: of a run that reaches out of them, the rest stays.
     * There need be none.
     */
    void remove(long frame, long frames) {
        long end = frame + frames;
        int index = Math.max(0, firstAfter(frame) - 1);
        while (index < first.length && first[index] < end) {
            long runEnd = first[index] + count[index];
            if (runEnd <= frame) {
                index++;
                continue;
            }
            epoch++;
            if (first[index] < frame) {
                count[index] = frame - first[index];
                if (runEnd > end) {
                    add(end, runEnd - end, access[index]);
                }
                index++;
            } else if (runEnd > end) {
                first[index] = end;
                count[index] = runEnd - end;
            } else {
                first = close(first, index);
                count = close(count, index);
                int[] fewer = Arrays.copyOf(access, access.length - 1);
                System.arraycopy(access, index + 1, fewer, index, fewer.length - index);
                access = fewer;
            }
        }
    }

    private static long[] close(long[] values, int index) {
        long[] fewer = Arrays.copyOf(values, values.length - 1);
        System.arraycopy(values, index + 1, fewer, index, fewer.length - index);
        return fewer;
    }

    /** How many runs there are. */
    int runs() {
        return first.length;
    }

    /** All frames. */
    long frames() {
        return Arrays.stream(count).sum();
    }

    /** How many frames there are from one to before another. */
    long framesIn(long frame, long end) {
        long frames = 0;
        for (int run = 0; run < first.length; run++) {
            long from = Math.max(frame, first[run]);
            long to = Math.min(end, first[run] + count[run]);
            frames += Math.max(0, to - from);
        }
        return frames;
    }

    /** Takes over what another has of these frames, for an access. */
    void addAll(FrameSet other, long frame, long end, int allowed) {
        for (int run = 0; run < other.first.length; run++) {
            long from = Math.max(frame, other.first[run]);
            long to = Math.min(end, other.first[run] + other.count[run]);
            if (from < to) {
                add(from, to - from, allowed);
            }
        }
    }

    long epoch() {
        return epoch;
    }
}
