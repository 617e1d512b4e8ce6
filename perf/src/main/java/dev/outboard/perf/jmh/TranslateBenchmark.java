package dev.outboard.perf.jmh;

import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DmaWindow;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.Strategy;
import dev.outboard.iommu.Access;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Finding a page as a device does: in the IOTLB, in the table behind it, and the section around a
 * burst.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class TranslateBenchmark {
    private static final int PAGE_BYTES = 4096;
    private static final int FRAME_BYTES = 1500;

    /** Four times what the IOTLB holds, walked in order: under LRU no look-up hits. */
    private static final int PAGES = 4 * DomainOptions.DEFAULT.iotlb().entries();

    private final DmaWindow window = new DmaWindow();
    private MappedMemory mapped;
    private IommuAttachment device;
    private DmaMemory buffer;
    private long iova;
    private int page;

    /** Maps the pages and enters a DMA section. */
    @Setup
    public void open() {
        mapped =
                new MappedMemory(Strategy.DEFERRED, 2L * PAGES * PAGE_BYTES, DomainOptions.DEFAULT);
        device = mapped.device();
        buffer = mapped.dma().allocate((long) PAGES * PAGE_BYTES);
        iova =
                mapped.dma()
                        .map(buffer.physicalAddress(), PAGES * PAGE_BYTES, DmaDirection.TO_DEVICE);
        device.enter();
    }

    /** Gives everything back. */
    @TearDown
    public void close() {
        device.exit();
        mapped.dma().unmap(iova, PAGES * PAGE_BYTES);
        buffer.close();
        mapped.close();
    }

    /** The page is in the IOTLB. */
    @Benchmark
    public boolean hit() {
        return device.resolve(iova, FRAME_BYTES, Access.READ, window);
    }

    /** The page is not in the IOTLB. */
    @Benchmark
    public boolean miss() {
        page = page + 1 == PAGES ? 0 : page + 1;
        return device.resolve(iova + (long) page * PAGE_BYTES, FRAME_BYTES, Access.READ, window);
    }

    /** Leaving a DMA section and entering the next. */
    @Benchmark
    public long section() {
        device.exit();
        return device.enter();
    }
}
