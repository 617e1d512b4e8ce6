package dev.outboard.perf.jmh;

import dev.outboard.iommu.IovaAllocation;
import dev.outboard.iommu.IovaAllocator;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Taking a run of IOVA pages and giving it back, in a window of 1 GiB that is filled so far
 * already.
 *
 * <pre>
 *   filled in order, to the level:     ######################........
 *   fragmented: filled, freed anywhere ##.####.###.##.#####.#.#####.#
 * </pre>
 *
 * <p>{@code threads} is how many the space is made for; one of them runs. The window is filled with
 * runs of the measured size, so that what is free is room for them, wherever it is.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class IovaBenchmark {
    private static final int WINDOW_PAGES = 256 * 1024;

    @Param({"NEXT_FIT", "MAGAZINES"})
    private IovaAllocation allocation;

    @Param({"1", "2"})
    private int threads;

    @Param({"1", "16", "512"})
    private int pages;

    @Param({"0", "50", "90", "99"})
    private int fillPercent;

    @Param({"false", "true"})
    private boolean fragmented;

    private IovaAllocator allocator;

    /** Fills the window. */
    @Setup
    public void fill() {
        allocator = allocation.create(1, WINDOW_PAGES, threads).open();
        int runs = (WINDOW_PAGES - 1) / pages;
        List<Long> taken = new ArrayList<>();
        int wanted = fragmented ? runs : (int) (runs * (fillPercent / 100.0));
        for (long page = take(); page != IovaAllocator.NONE && taken.size() < wanted; ) {
            taken.add(page);
            page = take();
        }
        Collections.shuffle(taken, new Random(1));
        int kept = (int) (taken.size() * (fillPercent / 100.0));
        if (fragmented) {
            taken.subList(kept, taken.size()).forEach(page -> allocator.free(page, pages));
        }
    }

    private long take() {
        long page = allocator.allocate(pages);
        if (page == IovaAllocator.NONE) {
            allocator.rollOver();
            page = allocator.allocate(pages);
        }
        return page;
    }

    /** A run that is given back at once. */
    @Benchmark
    public long allocateAndFree() {
        long page = take();
        allocator.free(page, pages);
        return page;
    }

    /** A run that is given back after the next flush, whatever that costs. */
    @Benchmark
    public long allocateAndRetire() {
        long page = take();
        allocator.retire(page, pages);
        return page;
    }
}
