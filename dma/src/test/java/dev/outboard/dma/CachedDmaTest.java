package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import dev.outboard.iommu.TableFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Mappings that outlive their unmap: what stays reachable is just what the class says. */
final class CachedDmaTest {
    private static final DomainOptions DART =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(1024);
    private static final StrategyOptions CACHED = StrategyOptions.of(Strategy.CACHED);
    private static final StrategyOptions NEVER_FREE = StrategyOptions.of(Strategy.NEVER_FREE);

    @TempDir Path directory;

    @Test
    void shouldFindAMappingAgainAndKeepItReachable() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(CACHED);
                DmaMemory memory = dma.allocate(4 * 4096)) {
            long first = dma.map(memory.physicalAddress() + 100, 50, DmaDirection.TO_DEVICE);
            assertThat(first & 4095).isEqualTo(100);
            dma.unmap(first, 50);
            assertThat(dma.statistics().staleEntries()).isEqualTo(1);
            assertThat(bench.reaches(first, 50, Access.READ)).as("the window").isTrue();
            long again = dma.map(memory.physicalAddress() + 2000, 96, DmaDirection.TO_DEVICE);
            assertThat(again >>> 12).isEqualTo(first >>> 12);
            assertThat(dma.statistics().staleEntries()).isZero();
            assertThat(dma.statistics().windowEntries()).isEqualTo(1);
            assertThat(dma.statistics().windowNanos()).isPositive();
            assertThat(dma.statistics().flushes()).isZero();
            dma.unmap(again, 96);
        }
    }

    @Test
    void shouldGiveOtherRightsAnIovaOfTheirOwn() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(CACHED);
                DmaMemory memory = dma.allocate(8192)) {
            long out = dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            dma.unmap(out, 4096);
            long in = dma.map(memory.physicalAddress(), 4096, DmaDirection.FROM_DEVICE);
            assertThat(in).isNotEqualTo(out);
            assertThat(bench.reaches(in, 1, Access.WRITE)).isTrue();
            assertThat(bench.reaches(in, 1, Access.READ)).isFalse();
            assertThat(bench.reaches(out, 1, Access.WRITE)).isFalse();
            long both = dma.map(memory.physicalAddress(), 8192, DmaDirection.BIDIRECTIONAL);
            assertThat(bench.reaches(both + 4096, 1, Access.READ_WRITE)).isTrue();
            dma.unmap(in, 4096);
            dma.unmap(both, 8192);
        }
    }

    @Test
    void shouldCountTheBuffersOfOnePage() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(CACHED);
                DmaMemory memory = dma.allocate(4096)) {
            long low = dma.map(memory.physicalAddress(), 2048, DmaDirection.TO_DEVICE);
            long high = dma.map(memory.physicalAddress() + 2048, 1000, DmaDirection.TO_DEVICE);
            assertThat(high).isEqualTo(low + 2048);
            dma.unmap(low, 2048);
            assertThat(dma.statistics().staleEntries()).as("one is live").isZero();
            dma.flush();
            assertThat(bench.reaches(high, 1000, Access.READ)).as("live").isTrue();
            assertNotMapped(dma, high, 2048);
            dma.unmap(high, 1000);
            assertNotMapped(dma, high, 1000);
            dma.flush();
            assertThat(bench.reaches(high, 1, Access.READ)).isFalse();
            assertThat(dma.statistics().staleEntries()).isZero();
        }
    }

    @Test
    void shouldEvictTheLongestIdleWithOneFlushForMany() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(CACHED.withCacheEntries(64));
                DmaMemory memory = dma.allocate(65 * 4096)) {
            long[] iovas = new long[65];
            for (int page = 0; page < 65; page++) {
                iovas[page] = dma.map(frame(memory, page), 4096, DmaDirection.TO_DEVICE);
                assertThat(bench.reaches(iovas[page], 1, Access.READ)).isTrue();
                dma.unmap(iovas[page], 4096);
                if (page == 63) {
                    // Used again, so not the longest idle any more.
                    iovas[0] = dma.map(frame(memory, 0), 4096, DmaDirection.TO_DEVICE);
                    dma.unmap(iovas[0], 4096);
                    assertThat(dma.statistics().flushes()).isZero();
                }
            }
            assertThat(dma.statistics().flushes()).isEqualTo(1);
            assertThat(dma.statistics().staleEntries()).isEqualTo(56);
            assertThat(dma.statistics().windowEntries()).isEqualTo(64);
            for (int page = 0; page < 65; page++) {
                assertThat(bench.reaches(iovas[page], 1, Access.READ))
                        .as("page %d", page)
                        .isEqualTo(page == 0 || page > 9);
            }
        }
    }

    private static long frame(DmaMemory memory, int page) {
        return memory.physicalAddress() + page * 4096L;
    }

    @Test
    void shouldEvictToMakeRoomWhenNoIovaIsFree() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(CACHED);
                DmaMemory memory = dma.allocate(1000 * 4096)) {
            for (int page = 0; page < 1000; page++) {
                dma.unmap(dma.map(frame(memory, page), 4096, DmaDirection.TO_DEVICE), 4096);
            }
            assertThat(dma.statistics().flushes()).isZero();
            long large = dma.map(frame(memory, 0), 900 * 4096, DmaDirection.FROM_DEVICE);
            assertThat(large).isNotEqualTo(Dma.NO_IOVA);
            assertThat(bench.reaches(large, 900 * 4096, Access.WRITE)).isTrue();
            assertThat(bench.window.lengthBytes).isEqualTo(900 * 4096);
            assertThat(dma.map(frame(memory, 0), 900 * 4096, DmaDirection.TO_DEVICE))
                    .isEqualTo(Dma.NO_IOVA);
            dma.unmap(large, 900 * 4096);
        }
    }

    @Test
    void shouldHaveNoIovaWhenTheWindowIsFullAndNothingIsFreed() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(NEVER_FREE);
                DmaMemory memory = dma.allocate(1022 * 4096);
                DmaMemory other = bench.memory.allocate(4096)) {
            for (int page = 0; page < 1022; page++) {
                dma.unmap(dma.map(frame(memory, page), 4096, DmaDirection.TO_DEVICE), 4096);
            }
            assertThat(dma.map(other.physicalAddress(), 1, DmaDirection.TO_DEVICE))
                    .isEqualTo(Dma.NO_IOVA);
            long known = dma.map(frame(memory, 7), 4096, DmaDirection.TO_DEVICE);
            assertThat(known).isNotEqualTo(Dma.NO_IOVA);
            dma.unmap(known, 4096);
            assertThat(dma.statistics().flushes()).isZero();
            assertThat(dma.statistics().windowEntries()).isEqualTo(1022);
            assertThatThrownBy(() -> dma.allocateCoherent(4096))
                    .isInstanceOf(OutOfDmaMemoryException.class);
            dma.flush();
            assertThat(dma.map(other.physicalAddress(), 1, DmaDirection.TO_DEVICE))
                    .as("asked for by name, the flush drops what is idle")
                    .isNotEqualTo(Dma.NO_IOVA);
        }
    }

    @ParameterizedTest
    @CsvSource({"CACHED", "NEVER_FREE"})
    void shouldGiveNobodyPagesThatAreStillReachable(Strategy strategy) {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(strategy)) {
            long free = bench.memory.freeBytes();
            DmaMemory untouched = dma.allocate(8192);
            DmaMemory used = dma.allocate(8192);
            DmaMemory other = dma.allocate(4096);
            long stale = dma.map(used.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL);
            dma.unmap(stale, 4096);
            untouched.close();
            assertThat(bench.memory.heldBytes()).as("never mapped").isZero();
            used.close();
            assertThat(bench.memory.heldBytes()).isEqualTo(8192);
            assertThat(bench.reaches(stale, 1, Access.WRITE)).as("not noticed yet").isTrue();
            assertThat(bench.memory.freeBytes()).isEqualTo(free - 8192 - 4096);
            long iova = dma.map(other.physicalAddress(), 1, DmaDirection.TO_DEVICE);
            dma.unmap(iova, 1);
            assertThat(bench.memory.heldBytes()).isZero();
            assertThat(bench.reaches(stale, 1, Access.WRITE)).as("dropped").isFalse();
            assertThat(bench.reaches(iova, 1, Access.READ)).as("kept").isTrue();
            assertThat(dma.statistics().flushes()).isEqualTo(1);
            other.close();
            dma.flush();
            assertThat(bench.memory.freeBytes()).isEqualTo(free);
        }
    }

    @ParameterizedTest
    @CsvSource({"CACHED", "GRANTED"})
    void shouldHoldPagesWhileADeviceIsStuck(Strategy strategy) {
        DomainOptions impatient = DART.withFlushLimitNanos(5_000_000);
        try (Bench bench = new Bench(directory, impatient);
                Dma dma = bench.domain.dma(StrategyOptions.of(strategy).withCacheEntries(1))) {
            long free = bench.memory.freeBytes();
            DmaMemory first = dma.allocate(4096);
            DmaMemory second = dma.allocate(4096);
            long stale = dma.map(first.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL);
            long other = dma.map(second.physicalAddress(), 4096, DmaDirection.BIDIRECTIONAL);
            dma.unmap(stale, 4096);
            bench.device.enter();
            assertThat(bench.device.resolve(stale, 1, Access.WRITE, bench.window)).isTrue();
            if (strategy == Strategy.CACHED) {
                assertThatThrownBy(() -> dma.unmap(other, 4096))
                        .isInstanceOf(DeviceStuckException.class);
            } else {
                dma.unmap(other, 4096);
            }
            first.close();
            second.close();
            assertThat(bench.memory.heldBytes()).as("still reachable").isEqualTo(8192);
            assertThat(dma.statistics().staleEntries()).isEqualTo(2);
            assertThatThrownBy(dma::flush).isInstanceOf(DeviceStuckException.class);
            assertThat(bench.memory.heldBytes()).isEqualTo(8192);
            DmaMemory third = dma.allocate(4096);
            assertThat(bench.memory.heldBytes()).as("not let go by what comes").isEqualTo(8192);
            bench.device.exit();
            third.close();
            dma.flush();
            assertThat(dma.statistics().staleEntries()).isZero();
            assertThat(bench.memory.heldBytes()).isZero();
            assertThat(bench.memory.freeBytes()).isEqualTo(free);
            assertThat(bench.reaches(stale, 1, Access.WRITE)).isFalse();
            assertThat(bench.reaches(other, 1, Access.WRITE)).isFalse();
        }
    }

    @Test
    void shouldHoldPagesThatAreGivenBackWhileMapped() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(CACHED)) {
            DmaMemory wrong = dma.allocate(4096);
            long iova = dma.map(wrong.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            wrong.close();
            dma.flush();
            assertThat(bench.memory.heldBytes()).as("a mistake that hurts nobody").isEqualTo(4096);
            dma.unmap(iova, 4096);
            dma.flush();
            assertThat(bench.memory.heldBytes()).isZero();
        }
    }

    @Test
    void shouldLetGoOfEverythingWhenClosed() {
        try (Bench bench = new Bench(directory, DART)) {
            long free = bench.memory.freeBytes();
            Dma dma = bench.domain.dma(CACHED);
            CoherentMemory rings = dma.allocateCoherent(4096);
            DmaMemory memory = dma.allocate(8192);
            long live = dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            long idle = dma.map(memory.physicalAddress() + 4096, 1, DmaDirection.TO_DEVICE);
            dma.unmap(idle, 1);
            memory.close();
            assertThat(bench.memory.heldBytes()).isEqualTo(8192);
            dma.close();
            assertThat(bench.memory.heldBytes()).isZero();
            assertThat(bench.reaches(live, 1, Access.READ)).isFalse();
            assertThat(bench.reaches(idle, 1, Access.READ)).isFalse();
            assertThat(bench.reaches(rings.iova(), 1, Access.READ)).isFalse();
            assertNotMapped(dma, live, 4096);
            rings.close();
            assertThat(bench.memory.freeBytes()).isEqualTo(free);
            assertThat(dma.statistics().windowEntries()).isEqualTo(1);
            try (Dma next = bench.domain.dma(CACHED)) {
                next.allocate(4096).close();
                assertThat(bench.memory.freeBytes()).isEqualTo(free);
            }
        }
    }

    private static void assertNotMapped(Dma dma, long iova, int lengthBytes) {
        assertThatThrownBy(() -> dma.unmap(iova, lengthBytes))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("not mapped like that");
    }

    @ParameterizedTest
    @CsvSource({"CACHED", "NEVER_FREE"})
    void shouldRefuseWrongUnmapsAndChangeNothing(Strategy strategy) {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(8192)) {
            long iova = dma.map(memory.physicalAddress(), 8192, DmaDirection.TO_DEVICE);
            long[][] wrong = {
                {iova, 4096},
                {iova, 8191},
                {iova + 4096, 4096},
                {iova, 0},
                {iova, -8192},
                {0, 4096},
                {-1, 4096},
                {Long.MAX_VALUE, Integer.MAX_VALUE},
                {1024 * 4096, 4096},
                {iova, 8193},
                {Long.MIN_VALUE, 1}
            };
            for (long[] unmap : wrong) {
                assertNotMapped(dma, unmap[0], (int) unmap[1]);
            }
            long[] twice = {iova, iova};
            assertThatThrownBy(() -> dma.unmapAll(twice, new int[] {8192, 8192}, 2))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(dma.statistics().liveMappings()).isEqualTo(1);
            assertThat(dma.statistics().livePages()).isEqualTo(2);
            assertThat(dma.statistics().staleEntries()).isZero();
            dma.flush();
            assertThat(bench.reaches(iova, 8192, Access.READ)).as("still mapped").isTrue();
            dma.unmap(iova, 8192);
            assertNotMapped(dma, iova, 8192);
            assertThatThrownBy(() -> dma.map(memory.physicalAddress(), 0, DmaDirection.TO_DEVICE))
                    .hasMessageContaining("not memory of this service");
        }
    }

    /** What a model of the class's promise allows, after every step, over the whole window. */
    @ParameterizedTest
    @CsvSource({"CACHED,24", "CACHED,1", "NEVER_FREE,0"})
    void shouldReachJustWhatIsLiveOrKept(Strategy strategy, int keep) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        StrategyOptions options = StrategyOptions.of(strategy).withCacheEntries(Math.max(1, keep));
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(options);
                DmaMemory memory = dma.allocate(40 * 4096)) {
            Model model = new Model(bench, dma, memory, random);
            for (int step = 0; step < 1_500; step++) {
                model.step();
                String at = "seed=%d step=%d".formatted(seed, step);
                long stale = model.check(at);
                assertThat(dma.statistics().staleEntries()).as(at).isEqualTo(stale);
                assertThat(dma.statistics().windowEntries()).as(at).isGreaterThanOrEqualTo(stale);
                assertThat(dma.statistics().windowEntries())
                        .as(at)
                        .isLessThanOrEqualTo(options.statedWindowEntries());
                assertThat(dma.statistics().liveMappings()).as(at).isEqualTo(model.live.size());
            }
        }
    }

    /** Which frame and rights each IOVA page was last given, and how many buffers use it. */
    private static final class Model {
        private final Bench bench;
        private final Dma dma;
        private final DmaMemory memory;
        private final Random random;
        private final long[] frame = new long[1024];
        private final int[] access = new int[1024];
        private final int[] uses = new int[1024];
        private final List<long[]> live = new ArrayList<>();

        Model(Bench bench, Dma dma, DmaMemory memory, Random random) {
            this.bench = bench;
            this.dma = dma;
            this.memory = memory;
            this.random = random;
        }

        void step() {
            switch (random.nextInt(20)) {
                case 0 -> dma.flush();
                case 1, 2 -> unmapSeveral();
                case 3, 4, 5, 6, 7, 8, 9, 10 -> {
                    if (!live.isEmpty()) {
                        long[] mapping = live.remove(random.nextInt(live.size()));
                        dma.unmap(mapping[0], (int) mapping[1]);
                        use(mapping, -1);
                    }
                }
                default -> map();
            }
        }

        private void map() {
            int length = 1 + random.nextInt(3 * 4096);
            long physical = memory.physicalAddress() + random.nextInt(37 * 4096);
            DmaDirection direction = DmaDirection.values()[random.nextInt(3)];
            long iova = dma.map(physical, length, direction);
            if (iova == Dma.NO_IOVA) {
                assertThat(dma.strategy()).isEqualTo(Strategy.NEVER_FREE);
                return;
            }
            for (int page = 0; page < Buffers.pages(iova, length); page++) {
                int at = (int) (iova >>> 12) + page;
                long expected = (physical >>> 12) + page;
                if (uses[at] > 0) {
                    assertThat(frame[at]).as("shared with who is live").isEqualTo(expected);
                    assertThat(access[at]).isEqualTo(direction.access());
                }
                frame[at] = expected;
                access[at] = direction.access();
            }
            long[] mapping = {iova, length};
            use(mapping, 1);
            live.add(mapping);
        }

        private void unmapSeveral() {
            int count = Math.min(live.size(), 1 + random.nextInt(8));
            long[] iovas = new long[count];
            int[] lengths = new int[count];
            for (int index = 0; index < count; index++) {
                long[] mapping = live.remove(random.nextInt(live.size()));
                iovas[index] = mapping[0];
                lengths[index] = (int) mapping[1];
                use(mapping, -1);
            }
            dma.unmapAll(iovas, lengths, count);
        }

        private void use(long[] mapping, int change) {
            int first = (int) (mapping[0] >>> 12);
            for (int page = 0; page < Buffers.pages(mapping[0], (int) mapping[1]); page++) {
                uses[first + page] += change;
            }
        }

        /** Looks at every page of the window as the device; pages reached that are not live. */
        long check(String at) {
            long stale = 0;
            bench.device.enter();
            for (int page = 0; page < 1024; page++) {
                boolean reads = reaches(page, Access.READ);
                boolean writes = reaches(page, Access.WRITE);
                if (uses[page] == 0 && !reads && !writes) {
                    continue;
                }
                stale += uses[page] == 0 ? 1 : 0;
                assertThat(reads).as("%s page=%d", at, page).isEqualTo((access[page] & 1) != 0);
                assertThat(writes).as("%s page=%d", at, page).isEqualTo((access[page] & 2) != 0);
                assertThat(bench.physicalAddress() >>> 12).as(at).isEqualTo(frame[page]);
            }
            bench.device.exit();
            return stale;
        }

        private boolean reaches(int page, int right) {
            return bench.device.resolve((long) page << 12, 1, right, bench.window);
        }
    }

    @Test
    void shouldMapAListPieceByPieceAndFindItAgain() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(CACHED);
                DmaMemory memory = dma.allocate(8 * 4096)) {
            ScatterGatherList list = new ScatterGatherList(3);
            list.add(memory.physicalAddress() + 100, 4096);
            list.add(memory.physicalAddress() + 4196, 4096);
            list.add(memory.physicalAddress() + 5 * 4096, 10);
            assertThat(dma.map(list, DmaDirection.TO_DEVICE)).isTrue();
            long first = list.iova(0);
            assertThat(list.iova(1)).as("merged").isEqualTo(first + 4096);
            assertThat(bench.reaches(list.iova(2), 10, Access.READ)).isTrue();
            dma.unmap(list);
            assertThat(dma.statistics().staleEntries()).isEqualTo(4);
            assertThat(dma.map(list, DmaDirection.TO_DEVICE)).isTrue();
            assertThat(list.iova(0)).isEqualTo(first);
            assertThat(dma.statistics().staleEntries()).isZero();
            dma.unmap(list);
        }
    }

    @ParameterizedTest
    @CsvSource({"CACHED", "GRANTED"})
    void shouldKeepWholeEntriesOfAFormatWithLargerPages(Strategy strategy) {
        TableFormat format = TableFormat.ofTitle("papr-64k");
        try (Bench bench = new Bench(directory, DomainOptions.DEFAULT.withFormat(format));
                Dma dma = bench.domain.dma(strategy);
                DmaMemory memory = dma.allocate(64 * 4096)) {
            long physical = memory.physicalAddress() + 3 * 4096 + 100;
            long iova = dma.map(physical, 14 * 4096, DmaDirection.TO_DEVICE);
            assertThat(iova & 0xffff).isEqualTo(physical & 0xffff);
            assertThat(bench.reaches(iova, 14 * 4096, Access.READ)).isTrue();
            assertThat(bench.physicalAddress()).isEqualTo(physical);
            assertNotMapped(dma, iova, 14 * 4096 - 1);
            dma.unmap(iova, 14 * 4096);
            assertThat(dma.map(physical, 1, DmaDirection.TO_DEVICE)).isNotEqualTo(Dma.NO_IOVA);
            long again = dma.map(physical, 14 * 4096, DmaDirection.TO_DEVICE);
            assertThat(again).isEqualTo(iova);
            assertThat(bench.reaches(again & ~0xffffL, 1, Access.READ)).as("its entry").isTrue();
        }
    }

    @Test
    void shouldMapAllOrUnwindWhenTheWindowIsFull() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(CACHED);
                DmaMemory memory = dma.allocate(1024 * 4096)) {
            long[] physical = new long[1024];
            int[] lengths = new int[1024];
            long[] iovas = new long[1024];
            Arrays.fill(lengths, 4096);
            Arrays.setAll(physical, page -> frame(memory, page));
            int mapped = dma.mapAll(physical, lengths, iovas, 1024, DmaDirection.TO_DEVICE);
            assertThat(mapped).isEqualTo(1022);
            ScatterGatherList list = new ScatterGatherList(2);
            list.add(frame(memory, 0), 1);
            list.add(frame(memory, 1023), 1);
            assertThat(dma.map(list, DmaDirection.TO_DEVICE)).isFalse();
            assertThat(list.isMapped()).isFalse();
            assertThat(dma.statistics().liveMappings()).isEqualTo(1022);
            dma.unmapAll(iovas, lengths, mapped);
            assertThat(dma.statistics().livePages()).isZero();
            assertThat(dma.map(list, DmaDirection.TO_DEVICE)).isTrue();
            dma.unmap(list);
        }
    }
}
