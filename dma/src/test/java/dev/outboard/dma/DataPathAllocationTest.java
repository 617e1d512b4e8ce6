package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.CalgaryFormat;
import dev.outboard.iommu.DartFormat;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Mapping, unmapping, sections and translation allocate nothing, whatever the format. */
final class DataPathAllocationTest {
    private static final int ROUNDS = 20_000;

    @TempDir Path directory;

    private final long[] physical = new long[4];
    private final int[] lengths = {4096, 8192, 100, 1};
    private final long[] iovas = new long[4];
    private final ScatterGatherList list = new ScatterGatherList(2);

    @ParameterizedTest
    @EnumSource(value = Strategy.class, mode = EnumSource.Mode.EXCLUDE, names = "OFF")
    void shouldAllocateNothing(Strategy strategy) {
        measure(strategy, DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE));
        measure(
                strategy,
                DomainOptions.DEFAULT.withFormat(CalgaryFormat.INSTANCE).withTableEntries(8192));
    }

    private void measure(Strategy strategy, DomainOptions options) {
        try (Bench bench = new Bench(directory, options);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(8192)) {
            java.util.Arrays.fill(physical, memory.physicalAddress());
            list.clear();
            list.add(memory.physicalAddress(), 4096);
            list.add(memory.physicalAddress() + 1, 8191);
            burst(bench, dma);
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            long before = threads.getCurrentThreadAllocatedBytes();
            int reached = burst(bench, dma);
            long allocated = threads.getCurrentThreadAllocatedBytes() - before;
            assertThat(reached).isEqualTo(2 * ROUNDS);
            // Less than a byte in ten rounds: what the measurement itself may cost.
            assertThat(allocated).as("bytes allocated").isLessThan(ROUNDS / 10);
        }
    }

    private int burst(Bench bench, Dma dma) {
        int reached = 0;
        for (int round = 0; round < ROUNDS; round++) {
            long iova = dma.map(physical[0], 8192, DmaDirection.TO_DEVICE);
            dma.mapAll(physical, lengths, iovas, 4, DmaDirection.FROM_DEVICE);
            dma.map(list, DmaDirection.BIDIRECTIONAL);
            bench.device.enter();
            reached += bench.device.resolve(iova, 8192, Access.READ, bench.window) ? 1 : 0;
            reached += bench.device.resolve(list.iova(1), 9, Access.WRITE, bench.window) ? 1 : 0;
            bench.device.exit();
            dma.unmap(iova, 8192);
            dma.unmapAll(iovas, lengths, 4);
            dma.unmap(list);
        }
        return reached;
    }
}
