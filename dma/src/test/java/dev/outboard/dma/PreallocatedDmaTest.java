package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.TableFormat;
import dev.outboard.iommu.Translation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Everything is mapped all the time; what is refused is what was never mapped by the driver. */
final class PreallocatedDmaTest {
    private static final int TABLE_PAGES = 8192;

    @TempDir Path directory;

    static List<TableFormat> formats() {
        return TableFormat.all().stream().filter(format -> format.granuleShift() == 0).toList();
    }

    private static DomainOptions options(TableFormat format) {
        return DomainOptions.DEFAULT.withTableEntries(TABLE_PAGES).withFormat(format);
    }

    @ParameterizedTest
    @MethodSource("formats")
    void shouldReachAllMemoryAndNothingElse(TableFormat format) {
        try (Bench bench = new Bench(directory, options(format));
                Dma dma = bench.domain.dma(Strategy.PREALLOCATED);
                DmaMemory memory = dma.allocate(64 * 4096)) {
            long iova = dma.map(memory.physicalAddress() + 5, 100, DmaDirection.TO_DEVICE);
            assertThat(bench.reaches(iova, 100, Access.READ_WRITE)).as("both ways").isTrue();
            assertThat(bench.physicalAddress()).isEqualTo(memory.physicalAddress() + 5);
            dma.unmap(iova, 100);
            assertThat(bench.reaches(iova, 100, Access.READ)).as("whole life").isTrue();
            long reached = 0;
            for (long page = 0; page < bench.domain.table().pages(); page++) {
                reached += bench.reaches(page << 12, 1, Access.READ) ? 1 : 0;
            }
            long memoryPages = (4 << 20) + (1 << 20) >> 12;
            assertThat(reached).isEqualTo(memoryPages);
            assertThat(dma.statistics().windowEntries()).isEqualTo(memoryPages);
            assertThat(dma.statistics().staleEntries()).isEqualTo(memoryPages);
            assertThat(dma.statistics().windowNanos()).isPositive();
            assertThat(dma.statistics().flushes()).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void shouldUseTheLargestPagesOfTheFormat(TableFormat format) {
        try (Bench bench = new Bench(directory, options(format));
                Dma dma = bench.domain.dma(Strategy.PREALLOCATED);
                DmaMemory memory = dma.allocate(4 << 20)) {
            long iova = dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            long page = iova >>> 12;
            assertThat(page & 511).as("congruent").isEqualTo(memory.physicalAddress() >>> 12 & 511);
            long entry = bench.domain.table().walk(page);
            assertThat(Translation.access(entry)).isEqualTo(Access.READ_WRITE);
            boolean hasLargerPages = List.of("vtd", "amdv1", "vhpt").contains(format.title());
            assertThat(Translation.order(entry) >= 9).isEqualTo(hasLargerPages);
            dma.unmap(iova, 4096);
        }
    }

    @Test
    void shouldRefuseMemoryThatDoesNotFitTheWindow() {
        DomainOptions small =
                DomainOptions.DEFAULT
                        .withFormat(TableFormat.ofTitle("dart"))
                        .withTableEntries(1024);
        try (Bench bench = new Bench(directory, small)) {
            assertThatThrownBy(() -> bench.domain.dma(Strategy.PREALLOCATED))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("1280 pages does not fit the 1022")
                    .hasMessageContaining("--table-entries");
            try (Dma dma = bench.domain.dma(Strategy.STRICT);
                    CoherentMemory rings = dma.allocateCoherent(4096)) {
                assertThat(bench.reaches(rings.iova(), 1, Access.READ)).isTrue();
            }
        }
    }

    @Test
    void shouldRefuseWrongUnmapsAndForeignMemory() {
        try (Bench bench = new Bench(directory, options(TableFormat.ofTitle("dart")));
                Dma dma = bench.domain.dma(Strategy.PREALLOCATED);
                DmaMemory memory = dma.allocate(8192)) {
            long iova = dma.map(memory.physicalAddress(), 8192, DmaDirection.TO_DEVICE);
            long[][] wrong = {
                {iova, 4096},
                {iova + 4096, 4096},
                {iova, 0},
                {iova, -8192},
                {0, 4096},
                {-1, 4096},
                {Long.MAX_VALUE, Integer.MAX_VALUE},
                {(long) TABLE_PAGES << 12, 1}
            };
            for (long[] unmap : wrong) {
                assertThatThrownBy(() -> dma.unmap(unmap[0], (int) unmap[1]))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("not mapped like that");
            }
            assertThatThrownBy(
                            () -> dma.unmapAll(new long[] {iova, iova}, new int[] {8192, 8192}, 2))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(dma.statistics().liveMappings()).isEqualTo(1);
            dma.unmap(iova, 8192);
            long first = PhysicalMemory.FIRST_ADDRESS;
            long[][] foreign = {
                {first - 1, 2},
                {first, 0},
                {first, -1},
                {first + (4 << 20) - 1, 2},
                {0, 1},
                {first + (4 << 20), 1},
                {Long.MAX_VALUE, 1}
            };
            for (long[] buffer : foreign) {
                assertThatThrownBy(
                                () -> dma.map(buffer[0], (int) buffer[1], DmaDirection.TO_DEVICE))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("not memory of this service");
            }
            assertThat(dma.statistics().maps()).isEqualTo(1);
        }
    }

    @Test
    void shouldMapBothSegmentsAndListsByArithmetic() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (Bench bench = new Bench(directory, options(TableFormat.ofTitle("dart")));
                Dma dma = bench.domain.dma(Strategy.PREALLOCATED)) {
            List<long[]> live = new ArrayList<>();
            for (int step = 0; step < 5_000; step++) {
                String at = "seed=%d step=%d".formatted(seed, step);
                if (live.size() < 50 && random.nextBoolean()) {
                    PhysicalSegment segment = bench.memory.segments().get(random.nextInt(2));
                    int length = 1 + random.nextInt(20_000);
                    long offset = random.nextLong(segment.lengthBytes() - length + 1);
                    long physical = segment.physicalAddress() + offset;
                    long iova = dma.map(physical, length, DmaDirection.BIDIRECTIONAL);
                    assertThat(bench.reaches(iova, length, Access.READ_WRITE)).as(at).isTrue();
                    assertThat(bench.window.lengthBytes).as(at).isEqualTo(length);
                    assertThat(bench.physicalAddress()).as(at).isEqualTo(physical);
                    live.add(new long[] {iova, length});
                } else if (!live.isEmpty()) {
                    long[] mapping = live.remove(random.nextInt(live.size()));
                    dma.unmap(mapping[0], (int) mapping[1]);
                }
                assertThat(dma.statistics().liveMappings()).as(at).isEqualTo(live.size());
            }
            ScatterGatherList list = new ScatterGatherList(2);
            list.add(bench.memory.segments().get(0).physicalAddress() + 4000, 200);
            list.add(bench.memory.segments().get(1).physicalAddress(), 100);
            assertThat(dma.map(list, DmaDirection.TO_DEVICE)).isTrue();
            assertThat(bench.reaches(list.iova(1), 100, Access.READ)).isTrue();
            assertThat(bench.physicalAddress()).isEqualTo(list.physicalAddress(1));
            dma.unmap(list);
        }
    }

    @Test
    void shouldReachNothingOnceClosed() {
        try (Bench bench = new Bench(directory, options(TableFormat.ofTitle("calgary")))) {
            Dma dma = bench.domain.dma(Strategy.PREALLOCATED);
            CoherentMemory rings = dma.allocateCoherent(4096);
            long iova = dma.map(PhysicalMemory.FIRST_ADDRESS, 4096, DmaDirection.TO_DEVICE);
            assertThat(bench.reaches(iova, 1, Access.READ)).isTrue();
            dma.close();
            dma.close();
            assertThat(bench.reaches(iova, 1, Access.READ)).isFalse();
            assertThat(bench.reaches(rings.iova(), 1, Access.READ)).isFalse();
            assertThat(dma.statistics().staleEntries()).isZero();
            assertThatThrownBy(() -> dma.unmap(iova, 4096))
                    .isInstanceOf(IllegalArgumentException.class);
            rings.close();
            bench.domain.dma(Strategy.PREALLOCATED).close();
        }
    }
}
