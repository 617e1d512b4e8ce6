package dev.outboard.perf.jmh;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.Strategy;
import dev.outboard.driver.Driver;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockService;
import dev.outboard.driver.block.CompletionHandler;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The NVMe driver's side of a read of 4 KiB: prepared, announced, polled, told.
 *
 * <pre>
 *   read × depth ──► submit ──► LoopbackNvme.work: completions, no data ──► poll ──► handler
 * </pre>
 *
 * The controller is on the same thread, and that is measured with it; no IOMMU.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class NvmeBenchmark {
    private static final int READS = 128;
    private static final int BLOCK_BYTES = 4096;
    private static final int SECTORS = BLOCK_BYTES / BlockService.SECTOR_BYTES;
    private static final long MEMORY_BYTES = 4 << 20;

    /** Reads under way at once. */
    @Param({"1", "32", "128"})
    private int depth;

    private MappedMemory mapped;
    private LoopbackNvme controller;
    private BlockService disk;
    private BlockQueue queue;
    private DmaMemory memory;
    private long sum;
    private final CompletionHandler handler = (tag, status) -> sum += tag + status;

    /** Brings the driver up. */
    @Setup
    public void open() {
        mapped = new MappedMemory(Strategy.OFF, MEMORY_BYTES, DomainOptions.DEFAULT);
        controller = new LoopbackNvme(mapped, MEMORY_BYTES);
        Driver driver =
                ServiceLoader.load(Driver.class).stream()
                        .map(ServiceLoader.Provider::get)
                        .filter(found -> found.name().equals("nvme"))
                        .findFirst()
                        .orElseThrow();
        disk = (BlockService) driver.start(controller);
        queue = disk.queue(0);
        memory = mapped.dma().allocate((long) READS * BLOCK_BYTES);
    }

    /** Gives everything back. */
    @TearDown
    public void close() {
        disk.close();
        memory.close();
        mapped.close();
    }

    /** One read of 128, so many at a time. */
    @Benchmark
    @OperationsPerInvocation(READS)
    public long read() {
        for (int done = 0; done < READS; done += depth) {
            for (int slot = 0; slot < depth; slot++) {
                queue.read(
                        (long) (done + slot) * SECTORS,
                        memory,
                        (long) slot * BLOCK_BYTES,
                        BLOCK_BYTES,
                        slot);
            }
            queue.submit();
            controller.work(1);
            queue.poll(handler, depth);
        }
        return sum;
    }
}
