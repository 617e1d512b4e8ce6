package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.TableFormat;
import dev.outboard.iommu.Translation;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What strategies share: refusals that leave nothing, superpages, granules, merged lists. */
final class MappingServiceTest {
    private static final int COUNT = 8;

    @TempDir Path directory;

    private final long[] physical = new long[COUNT];
    private final int[] lengths = new int[COUNT];
    private final long[] iovas = new long[COUNT];

    private static DomainOptions options(String title, int pages) {
        TableFormat format = TableFormat.ofTitle(title);
        return DomainOptions.DEFAULT.withFormat(format).withTableEntries(format.entriesFor(pages));
    }

    private void buffersOf(DmaMemory memory) {
        Arrays.fill(lengths, 4096);
        Arrays.setAll(physical, index -> memory.physicalAddress() + 4096L * (index % 2));
    }

    @ParameterizedTest
    @EnumSource(
            value = Strategy.class,
            names = {"STRICT", "BATCHED", "DEFERRED"})
    void shouldHaveNothingMappedWhenTheHolderRefuses(Strategy strategy) {
        try (Bench bench = new Bench(directory, options("dart", 1024));
                DmaMemory memory = bench.memory.allocate(8192)) {
            RefusingTranslations holder = new RefusingTranslations(bench.domain.translations(0), 5);
            Dma dma = Dma.over(bench.memory, holder, StrategyOptions.of(strategy));
            buffersOf(memory);
            long free = holder.iovas().freePages();
            assertThatThrownBy(
                            () -> dma.mapAll(physical, lengths, iovas, 8, DmaDirection.TO_DEVICE))
                    .isInstanceOf(QuotaExceededException.class);
            assertThat(holder.commits()).as("one for the whole batch").isEqualTo(1);
            assertThat(holder.iovas().freePages()).isEqualTo(free);
            assertThat(dma.statistics().liveMappings()).isZero();
            assertThatThrownBy(() -> dma.map(physical[0], 6 * 4096, DmaDirection.TO_DEVICE))
                    .isInstanceOf(QuotaExceededException.class);
            ScatterGatherList list = new ScatterGatherList(COUNT);
            for (int index = 0; index < 6; index++) {
                list.add(physical[index & 1], 10);
            }
            assertThatThrownBy(() -> dma.map(list, DmaDirection.TO_DEVICE))
                    .isInstanceOf(QuotaExceededException.class);
            assertThat(list.isMapped()).isFalse();
            assertThatThrownBy(() -> dma.allocateCoherent(6 * 4096))
                    .isInstanceOf(QuotaExceededException.class);
            assertThat(holder.iovas().freePages()).isEqualTo(free);
            assertThat(dma.mapAll(physical, lengths, iovas, 5, DmaDirection.TO_DEVICE))
                    .isEqualTo(5);
            assertThatThrownBy(() -> dma.map(physical[0], 1, DmaDirection.TO_DEVICE))
                    .isInstanceOf(QuotaExceededException.class);
            assertThat(bench.reaches(iovas[4], 1, Access.READ)).isTrue();
            dma.unmapAll(iovas, lengths, 5);
            assertThat(holder.usedPages()).isZero();
            dma.close();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Strategy.class,
            names = {"STRICT", "BATCHED", "DEFERRED"})
    void shouldUndoABatchWhoseLastBufferIsWrong(Strategy strategy) {
        try (Bench bench = new Bench(directory, options("dart", 1024));
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(8192)) {
            buffersOf(memory);
            physical[7] = 4096;
            assertThatThrownBy(
                            () -> dma.mapAll(physical, lengths, iovas, 8, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("is not memory");
            dma.flush();
            for (int index = 0; index < 7; index++) {
                assertThat(bench.reaches(iovas[index], 1, Access.READ)).isFalse();
            }
            assertThat(dma.statistics().livePages()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"vtd,9", "amdv1,9", "vhpt,8"})
    void shouldUseSuperpagesWhereMemoryIsContiguous(String title, int order) {
        try (PhysicalMemory large = PhysicalMemory.create(8 << 20);
                IommuOwner owner = IommuOwner.listen(directory.resolve("iommu.sock"));
                OwnedDomain domain =
                        (OwnedDomain) owner.claim("nic0", large, options(title, 8192));
                Dma dma = domain.dma(Strategy.STRICT)) {
            long start = PhysicalMemory.FIRST_ADDRESS + 4096L * 100;
            dma.map(PhysicalMemory.FIRST_ADDRESS, 4096, DmaDirection.TO_DEVICE);
            long iova = dma.map(start, 6 << 20, DmaDirection.TO_DEVICE);
            long aligned = (iova >>> 12 | 511) + 1;
            assertThat(Translation.order(domain.table().walk(aligned)))
                    .as("as large as there is, for 6 MiB that begin in the middle")
                    .isGreaterThanOrEqualTo(order);
            assertThat(Translation.pageFrame(domain.table().walk(aligned)) << 12)
                    .isEqualTo(start + (aligned << 12) - iova);
            dma.unmap(iova, 6 << 20);
            assertThat(domain.table().walk(aligned)).isEqualTo(Translation.NONE);
        }
    }

    @Test
    void shouldMapWholeGranulesAndOnlyWhereAllOfThemIsMemory() {
        int granule = 64 << 10;
        try (PhysicalMemory odd = PhysicalMemory.create(granule + 4096);
                IommuOwner owner = IommuOwner.listen(directory.resolve("iommu.sock"));
                IommuDomain domain = owner.claim("nic0", odd, options("papr-64k", 1 << 16));
                Dma dma = domain.dma(Strategy.STRICT)) {
            long start = PhysicalMemory.FIRST_ADDRESS;
            long iova = dma.map(start + 5000, 3000, DmaDirection.TO_DEVICE);
            assertThat(iova % granule).isEqualTo(5000);
            assertThat(dma.statistics().livePages()).isEqualTo(16);
            assertThatThrownBy(() -> dma.map(start + granule, 10, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("entryBytes=65536");
            assertThatThrownBy(() -> dma.map(start + granule - 1, 2, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class);
            dma.unmap(iova, 3000);
        }
    }

    @Test
    void shouldShowTheDeviceFewPartsOfAList() {
        try (Bench bench = new Bench(directory, options("dart", 1024));
                Dma dma = bench.domain.dma(Strategy.STRICT);
                Dma off = Dma.off(bench.memory);
                DmaMemory memory = dma.allocate(16 * 4096)) {
            long start = memory.physicalAddress();
            ScatterGatherList list = new ScatterGatherList(6);
            list.add(start, 2048);
            list.add(start + 2048, 2048);
            list.add(start + 5 * 4096, 4096);
            list.add(start + 2 * 4096, 100);
            list.add(start + 9 * 4096 + 50, 100);
            assertThatThrownBy(list::deviceCount).hasMessageContaining("not mapped");
            assertThat(dma.map(list, DmaDirection.TO_DEVICE)).isTrue();
            assertThat(dma.statistics().livePages()).as("two halves share a page").isEqualTo(4);
            assertThat(list.deviceCount()).isEqualTo(2);
            assertThat(list.deviceIova(0)).isEqualTo(list.iova(0));
            assertThat(list.deviceLengthBytes(0)).isEqualTo(4096 + 4096 + 100);
            assertThat(list.deviceIova(1)).isEqualTo(list.iova(4));
            assertThat(list.deviceLengthBytes(1)).isEqualTo(100);
            assertThat(list.iova(1)).isEqualTo(list.iova(0) + 2048);
            assertThat(bench.reaches(list.iova(3), 1, Access.READ)).isTrue();
            assertThat(bench.physicalAddress()).isEqualTo(start + 2 * 4096);
            assertThatThrownBy(() -> list.deviceIova(2))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            dma.unmap(list);
            assertThat(dma.statistics().flushes()).as("one invalidation").isEqualTo(1);
            assertThat(off.map(list, DmaDirection.TO_DEVICE)).isTrue();
            assertThat(list.deviceCount()).as("only memory counts without IOMMU").isEqualTo(4);
            off.unmap(list);
        }
    }
}
