package dev.outboard.perf.jmh;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.dma.pool.PatientTaker;
import dev.outboard.dma.pool.PoolPage;
import dev.outboard.dma.pool.UrgentTaker;
import java.util.ArrayDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Taking a burst of pages and giving it back, on one thread: from the pool as one that may not
 * block and as one that may sleep, and from what else one might take them from, filled as high: a
 * stack under a lock, a lock-free queue, the physical memory itself.
 *
 * <p>The figure is for a whole burst. A burst of 16 stays in the taker's magazine; one of 64 goes
 * to the pool and comes back, wiped, which nothing else here does but the physical memory.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class PoolBenchmark {
    private static final long MEMORY_BYTES = 256L << 20;
    private static final int PAGES = 1024;
    private static final long WAIT_NANOS = TimeUnit.SECONDS.toNanos(1);

    @Param({"1", "16", "64"})
    private int burst;

    private PhysicalMemory memory;
    private PagePool pool;
    private UrgentTaker urgent;
    private PatientTaker patient;
    private PoolPage[] held;
    private DmaMemory[] heldMemory;
    private final ArrayDeque<DmaMemory> locked = new ArrayDeque<>(PAGES);
    private final ConcurrentLinkedQueue<DmaMemory> queue = new ConcurrentLinkedQueue<>();

    /** Fills everything. */
    @Setup(Level.Trial)
    public void fill() {
        memory = PhysicalMemory.create(MEMORY_BYTES);
        pool = PagePool.open(memory, "bench0");
        urgent = pool.openUrgent();
        patient = pool.openPatient();
        held = new PoolPage[burst];
        heldMemory = new DmaMemory[burst];
        for (int page = 0; page < PAGES; page++) {
            locked.push(memory.allocate(PoolPage.BYTES));
            queue.add(memory.allocate(PoolPage.BYTES));
        }
    }

    /** As a path that may not block. */
    @Benchmark
    public PoolPage[] urgent() {
        for (int page = 0; page < burst; page++) {
            held[page] = urgent.tryTake();
        }
        for (int page = 0; page < burst; page++) {
            urgent.giveBack(held[page]);
        }
        return held;
    }

    /** As one that may sleep. */
    @Benchmark
    public PoolPage[] patient() throws InterruptedException {
        for (int page = 0; page < burst; page++) {
            held[page] = patient.take(WAIT_NANOS);
        }
        for (int page = 0; page < burst; page++) {
            patient.giveBack(held[page]);
        }
        return held;
    }

    /** A stack under a lock. */
    @Benchmark
    public DmaMemory[] lock() {
        for (int page = 0; page < burst; page++) {
            synchronized (locked) {
                heldMemory[page] = locked.pop();
            }
        }
        for (int page = 0; page < burst; page++) {
            synchronized (locked) {
                locked.push(heldMemory[page]);
            }
        }
        return heldMemory;
    }

    /** The JDK's lock-free queue. */
    @Benchmark
    public DmaMemory[] queue() {
        for (int page = 0; page < burst; page++) {
            heldMemory[page] = queue.poll();
        }
        for (int page = 0; page < burst; page++) {
            queue.add(heldMemory[page]);
        }
        return heldMemory;
    }

    /** The physical memory's own allocator, which wipes and makes objects. */
    @Benchmark
    public DmaMemory[] allocator() {
        for (int page = 0; page < burst; page++) {
            heldMemory[page] = memory.allocate(PoolPage.BYTES);
        }
        for (int page = 0; page < burst; page++) {
            heldMemory[page].close();
        }
        return heldMemory;
    }

    /** Gives everything back. */
    @TearDown(Level.Trial)
    public void empty() {
        urgent.close();
        patient.close();
        pool.close();
        memory.close();
    }
}
