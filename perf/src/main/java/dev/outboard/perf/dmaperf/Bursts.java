package dev.outboard.perf.dmaperf;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.host.cli.CommandException;
import java.util.concurrent.TimeUnit;

/**
 * Maps K buffers and unmaps them, over and over, by the clock: a burst. Windows of many bursts give
 * a sample each; a window in which the thread waited for a processor more than a twentieth of the
 * time is thrown away and measured again.
 *
 * <p>One thread, whose service it uses. Measuring allocates nothing but for looking at the
 * scheduler between windows.
 */
final class Bursts {
    private static final int PAGE_BYTES = 4096;
    private static final long WINDOW_NANOS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final double MOST_WAITED = 0.05;
    private static final int MOST_WINDOWS = 4096;

    /** How much longer than asked it may take to find undisturbed windows. */
    private static final int PATIENCE = 4;

    private final Dma dma;
    private final int count;
    private final int batch;
    private final long[] physical;
    private final int[] lengths;
    private final long[] iovas;
    private final long[] batchPhysical;
    private final long[] batchIovas;
    private final double[] mapSamples = new double[MOST_WINDOWS];
    private final double[] unmapSamples = new double[MOST_WINDOWS];
    private int windows;
    private int disturbed;
    private double mostWaited;
    private long maps;
    private long mapNanos;
    private long unmapNanos;

    /**
     * @param firstPhysical of {@code count} buffers that follow one another
     * @param strideBytes from one buffer to the next
     */
    Bursts(Dma dma, long firstPhysical, long strideBytes, int pages, int count, int batch) {
        this.dma = dma;
        this.count = count;
        this.batch = batch;
        physical = new long[count];
        lengths = new int[count];
        iovas = new long[count];
        batchPhysical = new long[batch];
        batchIovas = new long[batch];
        for (int index = 0; index < count; index++) {
            physical[index] = firstPhysical + index * strideBytes;
            lengths[index] = pages * PAGE_BYTES;
        }
    }

    /** Windows for so long, or longer if they are disturbed. */
    void measure(long lengthNanos) {
        long start = System.nanoTime();
        long elapsed = 0;
        while (windows < MOST_WINDOWS
                && (elapsed < lengthNanos || windows == 0)
                && (elapsed < PATIENCE * lengthNanos || windows == 0)) {
            boolean isQuiet = window();
            // A disturbed window does not use up the time; after all patience it has to do.
            if (!isQuiet && System.nanoTime() - start < PATIENCE * lengthNanos) {
                disturbed++;
                continue;
            }
            mapSamples[windows] = (double) mapNanos / maps;
            unmapSamples[windows] = (double) unmapNanos / maps;
            windows++;
            elapsed += WINDOW_NANOS;
        }
    }

    /** Runs for so long and keeps nothing: the compiler's time. */
    void warmUp(long lengthNanos) {
        long start = System.nanoTime();
        while (System.nanoTime() - start < lengthNanos) {
            burst();
        }
    }

    /** One window; false if it was disturbed. */
    private boolean window() {
        maps = 0;
        mapNanos = 0;
        unmapNanos = 0;
        long waited = Scheduler.waitedNanos();
        long start = System.nanoTime();
        long took;
        do {
            burst();
            took = System.nanoTime() - start;
        } while (took < WINDOW_NANOS);
        double share = (double) (Scheduler.waitedNanos() - waited) / took;
        if (share <= MOST_WAITED) {
            mostWaited = Math.max(mostWaited, share);
            return true;
        }
        return false;
    }

    private void burst() {
        long start = System.nanoTime();
        if (batch == 1) {
            mapEach();
        } else {
            mapBatches();
        }
        long middle = System.nanoTime();
        if (batch == 1) {
            unmapEach();
        } else {
            unmapBatches();
        }
        long end = System.nanoTime();
        maps += count;
        mapNanos += middle - start;
        unmapNanos += end - middle;
    }

    void mapEach() {
        for (int index = 0; index < count; index++) {
            long iova = dma.map(physical[index], lengths[index], DmaDirection.TO_DEVICE);
            if (iova == Dma.NO_IOVA) {
                throw noIova(index);
            }
            iovas[index] = iova;
        }
    }

    void unmapEach() {
        for (int index = 0; index < count; index++) {
            dma.unmap(iovas[index], lengths[index]);
        }
    }

    private void mapBatches() {
        for (int first = 0; first < count; first += batch) {
            System.arraycopy(physical, first, batchPhysical, 0, batch);
            int mapped =
                    dma.mapAll(batchPhysical, lengths, batchIovas, batch, DmaDirection.TO_DEVICE);
            if (mapped < batch) {
                throw noIova(first + mapped);
            }
            System.arraycopy(batchIovas, 0, iovas, first, batch);
        }
    }

    private void unmapBatches() {
        for (int first = 0; first < count; first += batch) {
            System.arraycopy(iovas, first, batchIovas, 0, batch);
            dma.unmapAll(batchIovas, lengths, batch);
        }
    }

    private CommandException noIova(int index) {
        return new CommandException(
                "no IOVA was free for buffer=%d of %d, pages=%d"
                        .formatted(index, count, lengths[0] / PAGE_BYTES));
    }

    int count() {
        return count;
    }

    /** IOVA of a buffer that is mapped. */
    long iova(int index) {
        return iovas[index];
    }

    /** The samples of mapping one buffer, in nanoseconds. */
    double[] mapSamples() {
        return java.util.Arrays.copyOf(mapSamples, windows);
    }

    /** The samples of unmapping one buffer, in nanoseconds. */
    double[] unmapSamples() {
        return java.util.Arrays.copyOf(unmapSamples, windows);
    }

    /** Windows that were thrown away. */
    int disturbed() {
        return disturbed;
    }

    /** The largest share of a kept window in which the thread waited for a processor. */
    double mostWaited() {
        return mostWaited;
    }
}
