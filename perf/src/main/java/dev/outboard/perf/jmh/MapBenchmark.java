package dev.outboard.perf.jmh;

import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.Strategy;
import dev.outboard.iommu.TableFormat;
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
 * Mapping a 1500-byte buffer and unmapping it again, while the device is quiet: alone, and 32
 * together as a queue does.
 *
 * <pre>
 *   map ──► entry in the table          unmap ──► clear it, strict: raise requested, full fence
 * </pre>
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class MapBenchmark {
    private static final int FRAME_BYTES = 1500;
    private static final int STRIDE_BYTES = 2048;
    private static final int BATCH = 32;

    @Param({
        "OFF",
        "STRICT",
        "BATCHED",
        "DEFERRED",
        "CACHED",
        "PREALLOCATED",
        "NEVER_FREE",
        "GRANTED",
        "COPIED"
    })
    private Strategy strategy;

    /** The one that can invalidate single entries; any other by {@code -p format=…} of JMH. */
    @Param({"dart"})
    private String format;

    private MappedMemory mapped;
    private DmaMemory buffers;
    private final long[] physical = new long[BATCH];
    private final int[] lengths = new int[BATCH];
    private final long[] iovas = new long[BATCH];

    /** Takes memory and attaches the device. */
    @Setup
    public void open() {
        var options = DomainOptions.DEFAULT.withFormat(TableFormat.ofTitle(format));
        mapped = new MappedMemory(strategy, 1 << 20, options);
        buffers = mapped.dma().allocate((long) BATCH * STRIDE_BYTES);
        for (int i = 0; i < BATCH; i++) {
            physical[i] = buffers.physicalAddress() + (long) i * STRIDE_BYTES;
            lengths[i] = FRAME_BYTES;
        }
    }

    /** Gives everything back. */
    @TearDown
    public void close() {
        buffers.close();
        mapped.close();
    }

    /** One buffer. */
    @Benchmark
    public long mapUnmap() {
        var dma = mapped.dma();
        long iova = dma.map(physical[0], FRAME_BYTES, DmaDirection.TO_DEVICE);
        dma.unmap(iova, FRAME_BYTES);
        return iova;
    }

    /** One buffer of 32 that are mapped and unmapped together. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public int mapUnmapBatched() {
        var dma = mapped.dma();
        int count = dma.mapAll(physical, lengths, iovas, BATCH, DmaDirection.TO_DEVICE);
        dma.unmapAll(iovas, lengths, count);
        return count;
    }
}
