package dev.outboard.dma.mediator;

import dev.outboard.iommu.Access;
import java.util.Arrays;

/**
 * The page frames that a domain may map: its client's own, and those granted to it. One thread;
 * looking does not allocate.
 */
final class FrameSet {
    private long[] first = new long[0];
    private long[] count = new long[0];
    private int[] access = new int[0];

    /** Raised whenever frames are taken away: what was checked before must be checked again. */
    private long epoch;

    /** Which of them holds a run of frames, all of it, or -1. */
    int find(long frame, int pages) {
        for (int index = 0; index < first.length; index++) {
            long offset = frame - first[index];
            if (offset >= 0 && offset <= count[index] - pages) {
                return index;
            }
        }
        return -1;
    }

    /** What they may be mapped for, bits of {@link Access}. */
    int access(int index) {
        return access[index];
    }

    boolean overlaps(long frame, long frames) {
        for (int index = 0; index < first.length; index++) {
            if (frame < first[index] + count[index] && first[index] < frame + frames) {
                return true;
            }
        }
        return false;
    }

    void add(long frame, long frames, int allowed) {
        int length = first.length;
        first = Arrays.copyOf(first, length + 1);
        count = Arrays.copyOf(count, length + 1);
        access = Arrays.copyOf(access, length + 1);
        first[length] = frame;
        count[length] = frames;
        access[length] = allowed;
    }

    /** Frames that begin there may not be mapped any more. */
    void remove(long frame) {
        for (int index = 0; index < first.length; index++) {
            if (first[index] == frame) {
                int last = first.length - 1;
                first[index] = first[last];
                count[index] = count[last];
                access[index] = access[last];
                first = Arrays.copyOf(first, last);
                count = Arrays.copyOf(count, last);
                access = Arrays.copyOf(access, last);
                epoch++;
                return;
            }
        }
    }

    long epoch() {
        return epoch;
    }
}
