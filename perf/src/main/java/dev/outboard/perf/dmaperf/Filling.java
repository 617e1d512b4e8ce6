package dev.outboard.perf.dmaperf;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import java.util.SplittableRandom;

/**
 * Live mappings that hold a part of the IOVA space: first all of it is mapped, then runs are freed
 * at random until as much is left as was asked for. So the gaps are spread, and each just fits a
 * mapping of the size that is measured: the hardest case for an allocator that has room.
 *
 * <p>One thread, that of the service.
 */
final class Filling {
    private static final int PAGE_BYTES = 4096;
    private static final int CHUNK = 32;

    /** Few at a time, so that filling does not pass for the strategy's own window. */
    private static final int FREED_AT_ONCE = 8;

    private final Dma dma;
    private final int lengthBytes;
    private final long[] iovas;
    private int live;
    private int freed;

    /**
     * @param mostRuns the most that can be live
     */
    Filling(Dma dma, int pages, int mostRuns) {
        this.dma = dma;
        lengthBytes = pages * PAGE_BYTES;
        iovas = new long[mostRuns];
    }

    /**
     * Fills and frees.
     *
     * @param frames which are mapped again and again if they are fewer than the runs
     * @return runs that are live in the end
     */
    int fill(DmaMemory frames, long strideBytes, int fillPercent, long seed) {
        long different = frames.lengthBytes() / strideBytes;
        var physical = new long[CHUNK];
        var chunk = new long[CHUNK];
        var lengths = new int[CHUNK];
        java.util.Arrays.fill(lengths, lengthBytes);
        boolean hasRoom = true;
        while (hasRoom && live < iovas.length) {
            int wanted = Math.min(CHUNK, iovas.length - live);
            for (int index = 0; index < wanted; index++) {
                physical[index] =
                        frames.physicalAddress() + (live + index) % different * strideBytes;
            }
            int mapped = dma.mapAll(physical, lengths, chunk, wanted, DmaDirection.TO_DEVICE);
            System.arraycopy(chunk, 0, iovas, live, mapped);
            live += mapped;
            hasRoom = mapped == wanted;
        }
        free(lengths, chunk, (int) ((long) live * fillPercent / 100), new SplittableRandom(seed));
        return live;
    }

    private void free(int[] lengths, long[] chunk, int target, SplittableRandom random) {
        freed = live - target;
        while (live > target) {
            int count = Math.min(FREED_AT_ONCE, live - target);
            for (int index = 0; index < count; index++) {
                int victim = random.nextInt(live);
                chunk[index] = iovas[victim];
                live--;
                iovas[victim] = iovas[live];
            }
            dma.unmapAll(chunk, lengths, count);
            dma.flush();
        }
    }

    /** Runs that were freed again: how many more fit. */
    int freed() {
        return freed;
    }

    /** Unmaps what is left. */
    void clear() {
        for (int index = 0; index < live; index++) {
            dma.unmap(iovas[index], lengthBytes);
        }
        live = 0;
    }
}
