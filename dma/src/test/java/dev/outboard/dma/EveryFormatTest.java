package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.TableFormat;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A driver and a device with every format and structure between them. */
final class EveryFormatTest {
    private static final int LENGTH_BYTES = 3 * 4096;

    @TempDir Path directory;

    static List<String> titles() {
        Stream<String> usual = TableFormat.all().stream().map(TableFormat::title);
        Stream<String> levels = Stream.of("papr:3", "papr-64k:2", "vtd:4", "amdv1:5");
        return Stream.concat(usual, levels).toList();
    }

    @ParameterizedTest
    @MethodSource("titles")
    void shouldReachWhatIsMappedAndNothingAfterwards(String title) {
        DomainOptions options = DomainOptions.DEFAULT.withFormat(TableFormat.ofTitle(title));
        // Whole pages of any size: memory of less could not be mapped to its end.
        PhysicalMemory memory = PhysicalMemory.create(32 << 20);
        try (Bench bench = new Bench(directory, options, memory);
                Dma dma = bench.domain.dma(Strategy.STRICT);
                DmaMemory buffer = dma.allocate(LENGTH_BYTES)) {
            buffer.memory().set(ValueLayout.JAVA_LONG, 8192, 42);
            long iova = dma.map(buffer.physicalAddress(), LENGTH_BYTES, DmaDirection.TO_DEVICE);
            assertThat(bench.reaches(iova + 8192, 8, Access.READ)).isTrue();
            assertThat(bench.window.memory.get(ValueLayout.JAVA_LONG, bench.window.offset))
                    .isEqualTo(42);
            assertThat(bench.reaches(iova, 8, Access.WRITE)).isFalse();
            dma.unmap(iova, LENGTH_BYTES);
            for (int offset = 0; offset < LENGTH_BYTES; offset += 4096) {
                assertThat(bench.reaches(iova + offset, 8, Access.READ)).isFalse();
            }
        }
    }
}
