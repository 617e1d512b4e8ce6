package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.CalgaryFormat;
import dev.outboard.iommu.DartFormat;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.FaultReason;
import dev.outboard.iommu.TableFormat;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.NativeException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a driver asks for, and what a device then reaches; one thread plays both. */
final class TranslatedDmaTest {
    private static final DomainOptions CALGARY =
            DomainOptions.DEFAULT.withFormat(CalgaryFormat.INSTANCE).withTableEntries(8192);
    private static final DomainOptions DART =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(1024);

    @TempDir Path directory;

    private static DomainOptions options(TableFormat format) {
        return format == CalgaryFormat.INSTANCE ? CALGARY : DART;
    }

    @ParameterizedTest
    @CsvSource({"calgary,STRICT", "calgary,DEFERRED", "dart,STRICT", "dart,DEFERRED"})
    void shouldLetTheDeviceReachJustWhatIsMapped(String title, Strategy strategy) {
        try (Bench bench = new Bench(directory, options(TableFormat.ofTitle(title)));
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(3 * 4096)) {
            memory.memory().set(ValueLayout.JAVA_INT, 4000, 0xcafe);
            long iova = dma.map(memory.physicalAddress() + 4000, 200, DmaDirection.TO_DEVICE);
            assertThat(iova & 4095).isEqualTo(4000);
            assertThat(bench.reaches(iova, 200, Access.READ)).isTrue();
            assertThat(bench.physicalAddress()).isEqualTo(memory.physicalAddress() + 4000);
            assertThat(bench.window.lengthBytes).isEqualTo(200);
            assertThat(bench.window.memory.get(ValueLayout.JAVA_INT, bench.window.offset))
                    .isEqualTo(0xcafe);
            assertThat(bench.reaches(iova, 200, Access.WRITE)).isFalse();
            assertThat(bench.reaches(iova + 4096 * 2, 1, Access.READ)).isFalse();
            assertThat(bench.reaches(0, 1, Access.READ)).isFalse();
            assertThat(bench.awaitFaults(3))
                    .containsExactly(
                            new Fault("nic0", iova, Access.WRITE, FaultReason.ACCESS_DENIED),
                            new Fault("nic0", iova + 8192, Access.READ, FaultReason.NOT_MAPPED),
                            new Fault("nic0", 0, Access.READ, FaultReason.NOT_MAPPED));
            dma.unmap(iova, 200);
            dma.flush();
            assertThat(bench.reaches(iova, 200, Access.READ)).isFalse();
        }
    }

    @ParameterizedTest
    @CsvSource({"calgary", "dart"})
    void shouldNeverLetAStaleIovaWorkUnderStrict(String title) {
        try (Bench bench = new Bench(directory, options(TableFormat.ofTitle(title)));
                Dma dma = bench.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(4096)) {
            for (int round = 0; round < 3_000; round++) {
                long iova = dma.map(memory.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL);
                assertThat(iova).isNotEqualTo(Dma.NO_IOVA).isNotZero();
                assertThat(bench.reaches(iova, 8, Access.WRITE)).isTrue();
                dma.unmap(iova, 4096);
                assertThat(bench.reaches(iova, 8, Access.WRITE)).isFalse();
            }
            DmaStatistics statistics = dma.statistics();
            assertThat(statistics.maps()).isEqualTo(3_000);
            assertThat(statistics.flushes()).isEqualTo(3_000);
            assertThat(statistics.windowEntries()).isZero();
            assertThat(statistics.windowNanos()).isZero();
            assertThat(statistics.liveMappings()).isZero();
            DomainStatistics counted = bench.domain.statistics();
            assertThat(counted.counters().faults()).isEqualTo(3_000);
            assertThat(counted.counters().invalidations())
                    .isEqualTo(title.equals("dart") ? 3_000 : 0);
            assertThat(counted.counters().flushes()).isEqualTo(title.equals("dart") ? 0 : 3_000);
        }
    }

    @Test
    void shouldLetAStaleIovaWorkUnderDeferredUntilTheRollOver() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.DEFERRED);
                DmaMemory memory = dma.allocate(4096)) {
            long stale = dma.map(memory.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL);
            assertThat(bench.reaches(stale, 8, Access.WRITE)).isTrue();
            dma.unmap(stale, 4096);
            int laps = 0;
            while (dma.statistics().flushes() == 0) {
                assertThat(bench.reaches(stale, 8, Access.WRITE)).as("the paper's hole").isTrue();
                long iova = dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
                dma.unmap(iova, 4096);
                laps++;
            }
            assertThat(laps).isEqualTo(1022);
            assertThat(bench.reaches(stale, 8, Access.WRITE)).isFalse();
            DmaStatistics statistics = dma.statistics();
            assertThat(statistics.windowEntries()).isEqualTo(1022);
            assertThat(statistics.windowNanos()).isPositive();
            assertThat(statistics.staleEntries()).isEqualTo(1);
            assertThat(bench.domain.statistics().counters().staleHeld())
                    .as("the device used but this one")
                    .isEqualTo(1);
        }
    }

    @Test
    void shouldMeasureHowManyStaleIovasTheIotlbReallyHeld() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.DEFERRED);
                DmaMemory memory = dma.allocate(4096)) {
            int length = 4096;
            for (int count = 0; count < 300; count++) {
                long iova = dma.map(memory.physicalAddress(), length, DmaDirection.TO_DEVICE);
                assertThat(bench.reaches(iova, 1, Access.READ)).isTrue();
                if (count % 2 == 0) {
                    dma.unmap(iova, length);
                }
            }
            dma.flush();
            assertThat(bench.reaches(0, 1, Access.READ)).isFalse();
            assertThat(dma.statistics().windowEntries()).isEqualTo(150);
            assertThat(bench.domain.statistics().counters().staleHeld())
                    .as("half of the 256 entries of the IOTLB")
                    .isEqualTo(128);
        }
    }

    /**
     * The trap: an IOVA of the lap before, unmapped ahead of the search, must not be handed out
     * before the flush. Without the mend, the device reaches the old buffer by a new mapping's
     * IOVA.
     */
    @ParameterizedTest
    @CsvSource({"true", "false"})
    void shouldNotReuseAnIovaBeforeTheFlushEvenAheadOfTheSearch(boolean mended) {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = deferred(bench, mended);
                DmaMemory oldBuffer = dma.allocate(4096);
                DmaMemory newBuffer = dma.allocate(4096)) {
            List<Long> live = new ArrayList<>();
            for (int page = 0; page < 1022; page++) {
                live.add(dma.map(oldBuffer.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL));
            }
            // Begin the second lap: the search stands at the start, everything else is of the
            // first.
            dma.unmap(live.getFirst(), 4096);
            dma.map(newBuffer.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL);
            long flushes = dma.statistics().flushes();

            long ahead = live.get(500);
            assertThat(bench.reaches(ahead, 8, Access.WRITE)).isTrue();
            dma.unmap(ahead, 4096);
            long reused = dma.map(newBuffer.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL);

            assertThat(reused).isEqualTo(ahead);
            assertThat(bench.reaches(reused, 8, Access.WRITE)).isTrue();
            if (mended) {
                assertThat(dma.statistics().flushes()).isEqualTo(flushes + 1);
                assertThat(bench.physicalAddress()).isEqualTo(newBuffer.physicalAddress());
            } else {
                assertThat(dma.statistics().flushes()).isEqualTo(flushes);
                assertThat(bench.physicalAddress())
                        .as("memory corruption, were the mend not there")
                        .isEqualTo(oldBuffer.physicalAddress());
            }
        }
    }

    private static Dma deferred(Bench bench, boolean mended) {
        return mended
                ? bench.domain.dma(Strategy.DEFERRED)
                : new TrappedDma(bench.memory, bench.domain.translations(0));
    }

    @Test
    void shouldNeverReuseAnIovaBeforeAFlushWhateverTheOrder() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.DEFERRED);
                DmaMemory memory = dma.allocate(64 * 4096)) {
            List<long[]> live = new ArrayList<>();
            long[] retiredAt = new long[1024];
            java.util.Arrays.fill(retiredAt, -1);
            for (int step = 0; step < 30_000; step++) {
                if (random.nextInt(100) < 51 || live.isEmpty()) {
                    int length = 1 + random.nextInt(5 * 4096);
                    long physical = memory.physicalAddress() + random.nextInt(4096);
                    long iova = dma.map(physical, length, DmaDirection.BIDIRECTIONAL);
                    if (iova == Dma.NO_IOVA) {
                        continue;
                    }
                    long flushes = dma.statistics().flushes();
                    int pages = Buffers.pages(iova, length);
                    for (int page = 0; page < pages; page++) {
                        assertThat(retiredAt[(int) (iova >>> 12) + page])
                                .as("seed=%d step=%d page of 0x%x", seed, step, iova)
                                .isLessThan(flushes);
                    }
                    live.add(new long[] {iova, length});
                } else {
                    long[] mapping = live.remove(random.nextInt(live.size()));
                    dma.unmap(mapping[0], (int) mapping[1]);
                    int pages = Buffers.pages(mapping[0], (int) mapping[1]);
                    for (int page = 0; page < pages; page++) {
                        retiredAt[(int) (mapping[0] >>> 12) + page] = dma.statistics().flushes();
                    }
                }
            }
            assertThat(dma.statistics().flushes()).as("seed=%d", seed).isGreaterThan(10);
            assertThat(dma.statistics().liveMappings()).isEqualTo(live.size());
        }
    }

    @ParameterizedTest
    @CsvSource({"STRICT", "DEFERRED"})
    void shouldRefuseToUnmapWhatIsNotMapped(Strategy strategy) {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(8192)) {
            long iova = dma.map(memory.physicalAddress(), 8192, DmaDirection.TO_DEVICE);
            long other = dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            assertNotMapped(dma, iova, 4096);
            assertNotMapped(dma, iova + 4096, 4096);
            assertNotMapped(dma, iova, 0);
            assertNotMapped(dma, iova, -8192);
            assertNotMapped(dma, 0, 4096);
            assertNotMapped(dma, -1, 4096);
            assertNotMapped(dma, Long.MAX_VALUE, Integer.MAX_VALUE);
            assertNotMapped(dma, 1024 * 4096, 4096);
            assertThat(bench.reaches(iova, 8192, Access.READ)).isTrue();
            assertThat(bench.window.lengthBytes).isEqualTo(8192);
            dma.unmap(iova, 8192);
            assertNotMapped(dma, iova, 8192);
            assertThat(bench.reaches(other, 1, Access.READ)).isTrue();
            dma.unmap(other, 4096);
        }
    }

    private static void assertNotMapped(Dma dma, long iova, int lengthBytes) {
        assertThatThrownBy(() -> dma.unmap(iova, lengthBytes))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("not mapped like that");
    }

    @Test
    void shouldRefuseToMapWhatIsNotItsMemory() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.STRICT)) {
            long start = PhysicalMemory.FIRST_ADDRESS;
            long[][] wrong = {{0, 1}, {start - 1, 1}, {start, 0}, {start, -1}, {-1, 4096}};
            for (long[] buffer : wrong) {
                assertThatThrownBy(
                                () -> dma.map(buffer[0], (int) buffer[1], DmaDirection.TO_DEVICE))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("is not memory of this service");
            }
            assertThat(dma.statistics().maps()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"STRICT", "DEFERRED"})
    void shouldSayWhenNoIovaIsLeftAndGoOnWhenOneIs(Strategy strategy) {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(4096)) {
            long[] iovas = new long[1100];
            int[] lengths = new int[1100];
            long[] physical = new long[1100];
            java.util.Arrays.fill(lengths, 4096);
            java.util.Arrays.fill(physical, memory.physicalAddress());
            int mapped = dma.mapAll(physical, lengths, iovas, 1100, DmaDirection.TO_DEVICE);
            assertThat(mapped).as("1024, less page 0 and the last").isEqualTo(1022);
            assertThat(dma.map(memory.physicalAddress(), 1, DmaDirection.TO_DEVICE))
                    .isEqualTo(Dma.NO_IOVA);
            assertThatThrownBy(() -> dma.allocateCoherent(4096))
                    .isInstanceOf(OutOfDmaMemoryException.class)
                    .hasMessageContaining("larger table");
            dma.unmap(iovas[700], 4096);
            assertThat(dma.map(memory.physicalAddress(), 1, DmaDirection.TO_DEVICE))
                    .isEqualTo(iovas[700]);
            dma.unmapAll(iovas, lengths, mapped);
            assertThat(dma.statistics().livePages()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"calgary,BATCHED", "calgary,DEFERRED", "dart,BATCHED", "dart,DEFERRED"})
    void shouldUnmapABatchWithOneFlush(String title, Strategy strategy) {
        try (Bench bench = new Bench(directory, options(TableFormat.ofTitle(title)));
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(300 * 4096)) {
            int count = 300;
            long[] physical = new long[count];
            int[] lengths = new int[count];
            long[] iovas = new long[count];
            for (int index = 0; index < count; index++) {
                physical[index] = memory.physicalAddress() + index * 4096L + index;
                lengths[index] = 100 + index;
            }
            assertThat(dma.mapAll(physical, lengths, iovas, count, DmaDirection.TO_DEVICE))
                    .isEqualTo(count);
            for (int index = 0; index < count; index++) {
                assertThat(bench.reaches(iovas[index], lengths[index], Access.READ)).isTrue();
                assertThat(bench.physicalAddress()).isEqualTo(physical[index]);
            }
            iovas[count - 1] += 4096 * 5;
            assertThatThrownBy(() -> dma.unmapAll(iovas, lengths, count))
                    .isInstanceOf(IllegalArgumentException.class);
            iovas[count - 1] = iovas[0];
            assertThatThrownBy(() -> dma.unmapAll(iovas, lengths, count))
                    .as("named twice")
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(bench.reaches(iovas[0], 1, Access.READ)).as("nothing changed").isTrue();
            assertThat(dma.statistics().flushes()).isZero();
            dma.unmapAll(iovas, lengths, count - 1);
            assertThat(dma.statistics().flushes()).isEqualTo(strategy == Strategy.BATCHED ? 1 : 0);
            assertThat(dma.statistics().liveMappings()).isEqualTo(1);
            dma.flush();
            for (int index = 0; index < count - 1; index++) {
                assertThat(bench.reaches(iovas[index], 1, Access.READ)).isFalse();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"STRICT", "DEFERRED"})
    void shouldMapAListIntoOneRun(Strategy strategy) {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(16 * 4096)) {
            ScatterGatherList list = new ScatterGatherList(3);
            assertThatThrownBy(() -> dma.map(list, DmaDirection.TO_DEVICE))
                    .hasMessageContaining("empty");
            assertThat(list.add(memory.physicalAddress() + 8192, 8192)).isTrue();
            assertThat(list.add(memory.physicalAddress(), 4096)).isTrue();
            assertThat(list.add(memory.physicalAddress() + 5 * 4096 + 10, 4096)).isTrue();
            assertThat(list.add(memory.physicalAddress(), 1)).as("full").isFalse();
            assertThat(dma.map(list, DmaDirection.FROM_DEVICE)).isTrue();
            assertThat(list.iova(1)).as("contiguous").isEqualTo(list.iova(0) + 8192);
            assertThatThrownBy(list::clear).hasMessageContaining("unmap it first");
            assertThatThrownBy(() -> dma.map(list, DmaDirection.TO_DEVICE))
                    .hasMessageContaining("unmap it first");
            for (int index = 0; index < 3; index++) {
                assertThat(bench.reaches(list.iova(index), 1, Access.WRITE)).isTrue();
                assertThat(bench.physicalAddress()).isEqualTo(list.physicalAddress(index));
                assertThat(bench.reaches(list.iova(index), 1, Access.READ)).isFalse();
            }
            long iova = list.iova(0);
            dma.unmap(list);
            assertThat(list.isMapped()).isFalse();
            assertThatThrownBy(() -> list.iova(0)).hasMessageContaining("not mapped");
            assertThatThrownBy(() -> dma.unmap(list)).hasMessageContaining("not mapped");
            dma.flush();
            assertThat(bench.reaches(iova, 1, Access.WRITE)).isFalse();
            list.clear();
            assertThat(list.count()).isZero();
        }
    }

    @Test
    void shouldStopAWindowWhereMemoryIsNotContiguous() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(8 * 4096)) {
            ScatterGatherList list = new ScatterGatherList(2);
            list.add(memory.physicalAddress() + 100, 8192 - 100);
            list.add(memory.physicalAddress() + 16384, 4096);
            dma.map(list, DmaDirection.TO_DEVICE);
            assertThat(bench.reaches(list.iova(0), 100_000, Access.READ)).isTrue();
            assertThat(bench.window.lengthBytes).isEqualTo(8192 - 100);
            assertThat(bench.reaches(list.iova(1), 100_000, Access.READ)).isTrue();
            assertThat(bench.window.lengthBytes).isEqualTo(4096);
            assertThat(bench.faults).isEmpty();
            assertThat(bench.reaches(list.iova(0), 0, Access.READ)).isFalse();
            assertThat(bench.reaches(list.iova(0), -1, Access.READ)).isFalse();
            assertThat(bench.reaches(-4096, Long.MAX_VALUE, Access.READ)).isFalse();
            assertThat(bench.awaitFaults(3))
                    .extracting(Fault::reason)
                    .containsExactly(
                            FaultReason.BAD_LENGTH,
                            FaultReason.BAD_LENGTH,
                            FaultReason.OUT_OF_RANGE);
            dma.unmap(list);
        }
    }

    @ParameterizedTest
    @CsvSource({"STRICT", "DEFERRED"})
    void shouldTakeCoherentMemoryBackOnlyFlushed(Strategy strategy) {
        try (Bench bench = new Bench(directory, CALGARY);
                Dma dma = bench.domain.dma(strategy)) {
            long free = bench.memory.freeBytes();
            CoherentMemory rings = dma.allocateCoherent(20_000);
            assertThat(rings.lengthBytes()).isEqualTo(20_480);
            assertThat(bench.reaches(rings.iova(), 20_480, Access.READ_WRITE)).isTrue();
            assertThat(bench.window.lengthBytes).isEqualTo(20_480);
            bench.window.memory.set(ValueLayout.JAVA_INT, bench.window.offset + 16_384, 77);
            assertThat(rings.memory().get(ValueLayout.JAVA_INT, 16_384)).isEqualTo(77);
            rings.close();
            rings.close();
            assertThat(bench.reaches(rings.iova(), 1, Access.READ)).isFalse();
            assertThat(bench.memory.freeBytes()).isEqualTo(free);
        }
    }

    @ParameterizedTest
    @CsvSource({"STRICT", "DEFERRED"})
    void shouldTakeMemoryAndListsBackAfterTheServiceWasClosed(Strategy strategy) {
        try (Bench bench = new Bench(directory, CALGARY)) {
            long free = bench.memory.freeBytes();
            Dma dma = bench.domain.dma(strategy);
            CoherentMemory rings = dma.allocateCoherent(4096);
            ScatterGatherList list = new ScatterGatherList(1);
            list.add(rings.memory().byteSize() + PhysicalMemory.FIRST_ADDRESS, 10);
            dma.map(list, DmaDirection.TO_DEVICE);
            dma.close();
            rings.close();
            dma.unmap(list);
            list.clear();
            assertThat(bench.memory.freeBytes()).isEqualTo(free);
        }
    }

    @Test
    void shouldRefuseATranslationThatIsNotMemory() {
        try (Bench bench = new Bench(directory, DART)) {
            bench.domain.table().map(5, 3, 1, Access.READ);
            assertThat(bench.reaches(5 * 4096, 1, Access.READ)).isFalse();
            assertThat(bench.awaitFaults(1))
                    .containsExactly(
                            new Fault("nic0", 5 * 4096, Access.READ, FaultReason.NO_MEMORY));
        }
    }

    @Test
    void shouldKeepDmaInsideSections() {
        try (Bench bench = new Bench(directory, DART)) {
            assertThatThrownBy(() -> bench.device.resolve(4096, 1, Access.READ, bench.window))
                    .hasMessageContaining("enter first");
            bench.device.enter();
            assertThatThrownBy(bench.device::enter).hasMessageContaining("open already");
            bench.device.exit();
            bench.device.exit();
            assertThat(bench.device.ringAddress(0x1234)).isEqualTo(0x1234);
            assertThat(bench.device.isTranslated()).isTrue();
        }
    }

    @Test
    void shouldTellTheGenerationUnderWhichAWindowHolds() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(4096)) {
            long before = bench.device.enter();
            bench.device.exit();
            assertThat(bench.device.enter()).isEqualTo(before);
            bench.device.exit();
            long iova = dma.map(memory.physicalAddress(), 1, DmaDirection.TO_DEVICE);
            assertThat(bench.device.enter()).isEqualTo(before);
            bench.device.exit();
            dma.unmap(iova, 1);
            assertThat(bench.device.enter()).isNotEqualTo(before);
            bench.device.exit();
        }
    }

    @Test
    void shouldKeepTheTableReadOnlyForEverybodyElse() {
        try (Bench bench = new Bench(directory, DART)) {
            assertThatThrownBy(() -> bench.domain.tableFile().map(0, 4096, true))
                    .isInstanceOf(NativeException.class)
                    .hasMessageContaining("EPERM");
            bench.domain.tableFile().map(0, 4096, false).close();
            assertThat(bench.domain.tableFile().isSizeSealed()).isTrue();
        }
    }

    @Test
    void shouldUnmapEverythingWhenTheServiceCloses() {
        try (Bench bench = new Bench(directory, DART);
                DmaMemory memory = bench.memory.allocate(4096)) {
            Dma dma = bench.domain.dma(Strategy.DEFERRED);
            assertThatThrownBy(() -> bench.domain.dma(Strategy.STRICT))
                    .hasMessageContaining("close one first");
            long iova = dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            assertThat(bench.reaches(iova, 1, Access.READ)).isTrue();
            dma.close();
            dma.close();
            assertThat(bench.reaches(iova, 1, Access.READ)).isFalse();
            assertThatThrownBy(() -> dma.map(memory.physicalAddress(), 1, DmaDirection.TO_DEVICE))
                    .hasMessageContaining("closed");
            assertThatThrownBy(() -> bench.domain.dma(Strategy.OFF))
                    .hasMessageContaining("Dma.off");
            bench.domain.dma(Strategy.STRICT).close();
        }
    }

    @Test
    void shouldLeaveNoDescriptorOpen() {
        new Bench(directory, DART).close();
        int before = Descriptor.openCount();
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(Strategy.STRICT);
                CoherentMemory rings = dma.allocateCoherent(1)) {
            assertThat(bench.reaches(rings.iova(), 1, Access.READ)).isTrue();
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldGiveADomainAsManyServicesAsItWasClaimedFor() {
        try (Bench bench = new Bench(directory, DART.withServices(2));
                DmaMemory memory = bench.memory.allocate(4096)) {
            Dma first = bench.domain.dma(Strategy.STRICT);
            Dma second = bench.domain.dma(Strategy.DEFERRED);
            assertThatThrownBy(() -> bench.domain.dma(Strategy.STRICT))
                    .hasMessageContaining("2 mapping services");
            long one = first.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            long two = second.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            assertThat(one).isNotEqualTo(two);
            assertThat(bench.reaches(one, 1, Access.READ)).isTrue();
            assertThat(bench.reaches(two, 1, Access.READ)).isTrue();
            assertNotMapped(first, two, 4096);
            assertThat(first.statistics().maps()).isEqualTo(1);
            first.close();
            assertThat(bench.reaches(one, 1, Access.READ)).isFalse();
            assertThat(bench.reaches(two, 1, Access.READ)).as("of the other").isTrue();
            bench.domain.dma(Strategy.STRICT);
            bench.domain.close();
            assertThat(bench.reaches(two, 1, Access.READ)).isFalse();
        }
    }

    @Test
    void shouldRefuseNoServicesAtAll() {
        assertThatThrownBy(() -> DART.withServices(0)).hasMessageContaining("services=0");
        assertThatThrownBy(() -> DART.withServices(65)).hasMessageContaining("services=65");
    }
}
