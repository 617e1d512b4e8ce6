package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Batches whose buffers lie apart, as in a table that is nearly full. */
final class ScatteredBatchTest {
    private static final DomainOptions DART =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(1024);
    private static final int ALL = 80;

    @TempDir Path directory;

    /** One request names what lies between many runs; the others in there are fetched again. */
    @ParameterizedTest
    @CsvSource({"BATCHED,8,8", "BATCHED,9,17", "BATCHED,40,79", "STRICT,8,8", "STRICT,40,40"})
    void shouldEndJustTheBatchHoweverItAsks(Strategy strategy, int count, int pagesAsked) {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(ALL * 4096L)) {
            long[] physical = new long[ALL];
            int[] lengths = new int[ALL];
            long[] iovas = new long[ALL];
            for (int index = 0; index < ALL; index++) {
                physical[index] = memory.physicalAddress() + index * 4096L;
                lengths[index] = 4096;
            }
            assertThat(dma.mapAll(physical, lengths, iovas, ALL, DmaDirection.TO_DEVICE))
                    .isEqualTo(ALL);
            long[] batch = new long[count];
            for (int index = 0; index < ALL; index++) {
                assertThat(bench.reaches(iovas[index], 8, Access.READ)).isTrue();
                if (index % 2 == 1 && index / 2 < count) {
                    batch[index / 2] = iovas[index];
                }
            }
            long before = bench.domain.statistics().counters().invalidations();
            dma.unmapAll(batch, lengths, count);
            for (int index = 0; index < ALL; index++) {
                boolean isGone = index % 2 == 1 && index / 2 < count;
                assertThat(bench.reaches(iovas[index], 8, Access.READ)).isEqualTo(!isGone);
            }
            assertThat(bench.domain.statistics().counters().invalidations() - before)
                    .isEqualTo(pagesAsked);
        }
    }
}
