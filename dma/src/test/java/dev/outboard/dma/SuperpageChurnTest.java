package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.TableFormat;
import dev.outboard.iommu.Translation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs that stay whole are what superpage mappings are made of. */
final class SuperpageChurnTest {
    private static final int MEGABYTES = 64;
    private static final int TWO_MEBIBYTES = 2 << 20;

    @TempDir Path directory;

    /**
     * While a quarter to a half of the memory is taken by buffers of a page or a few, of all ages,
     * a buffer of 2 MiB is there, is aligned, and is one entry of the table and one translation.
     */
    @ParameterizedTest
    @ValueSource(strings = {"vtd", "amdv1"})
    void shouldMapTwoMebibytesWithOneEntryAfterAnyChurn(String title) {
        long seed = Long.getLong("dev.outboard.seed", System.nanoTime());
        TableFormat format = TableFormat.ofTitle(title);
        int entries = 65_536;
        while (!format.isTableSize(entries)) {
            entries <<= 1;
        }
        DomainOptions options = DomainOptions.DEFAULT.withFormat(format).withTableEntries(entries);
        try (Bench bench =
                        new Bench(
                                directory, options, PhysicalMemory.create((long) MEGABYTES << 20));
                Dma dma = bench.domain.dma(Strategy.STRICT)) {
            List<DmaMemory> buffers = churn(bench.memory, new Random(seed));
            MemoryReport.Segment report = bench.memory.report().segments().getFirst();
            assertThat(report.freeRuns()).as("fragmented; seed=" + seed).isGreaterThan(100);
            assertThat(report.wholeRuns()).as("seed=" + seed).isPositive();
            assertThat(report.superpageShare()).as("seed=" + seed).isGreaterThan(0.5);
            try (DmaMemory buffer = bench.memory.allocate(TWO_MEBIBYTES)) {
                assertThat(buffer.physicalAddress() % TWO_MEBIBYTES).isZero();
                long iova =
                        dma.map(
                                buffer.physicalAddress(),
                                TWO_MEBIBYTES,
                                DmaDirection.BIDIRECTIONAL);
                assertThat(iova % TWO_MEBIBYTES).isZero();
                for (long page = iova >>> 12; page < iova + TWO_MEBIBYTES >>> 12; page++) {
                    long translation = bench.domain.table().walk(page);
                    assertThat(Translation.order(translation)).isGreaterThanOrEqualTo(9);
                }
                dma.unmap(iova, TWO_MEBIBYTES);
            }
            buffers.forEach(DmaMemory::close);
            assertThat(bench.memory.report().segments().getFirst().wholeRuns())
                    .isEqualTo(MEGABYTES / 2);
        }
    }

    private static List<DmaMemory> churn(PhysicalMemory memory, Random random) {
        List<DmaMemory> buffers = new ArrayList<>();
        long least = memory.lengthBytes() / 2;
        for (int step = 0; step < 60_000; step++) {
            boolean grows = memory.freeBytes() > least && random.nextInt(100) < 55;
            if (grows) {
                buffers.add(memory.allocate(4096L << random.nextInt(3)));
            } else if (!buffers.isEmpty()) {
                Collections.swap(buffers, random.nextInt(buffers.size()), buffers.size() - 1);
                buffers.removeLast().close();
            }
        }
        // Half of them end, of whatever age: what is left is scattered.
        Collections.shuffle(buffers, random);
        while (memory.freeBytes() < 3 * memory.lengthBytes() / 4) {
            buffers.removeLast().close();
        }
        return buffers;
    }
}
