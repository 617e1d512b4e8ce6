package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The caches together, over every format: whatever stands between a device and its table, it finds
 * what is mapped, and nothing that was invalidated.
 */
final class TranslationPathTest {
    private static final IotlbGeometry SMALL = new IotlbGeometry(4, 2, Replacement.LRU);

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void free() {
        arena.close();
    }

    static List<TableFormat> formats() {
        return TableFormat.all();
    }

    /** A run of pages that was mapped, is cleared, and may be cached until it is invalidated. */
    private record Run(long page, long frame, long pages, int access, boolean oneEntry) {}

    /** A device, its table and control page, and a model of what it may reach. */
    private final class Device {
        final MemorySegment page = arena.allocate(ControlPageDescriptor.LENGTH_BYTES, IoPage.BYTES);
        final OwnerControl control = new OwnerControl(page);
        final PageTable table;
        final long granule;
        final Translator translator;
        final List<Run> live = new ArrayList<>();
        final List<Run> cleared = new ArrayList<>();
        final List<Run> asked = new ArrayList<>();
        boolean inside;

        Device(TableFormat format, IotlbGeometry geometry, Iotlb shared) {
            int entries = format.entriesFor(4096);
            MemorySegment memory = arena.allocate(format.tableBytes(entries), IoPage.BYTES);
            table = format.create(memory, entries);
            granule = 1L << format.granuleShift();
            PageTable walked = format.open(memory.asReadOnly(), entries);
            translator =
                    shared == null
                            ? new Translator(walked, page, geometry)
                            : new Translator(walked, page, geometry, shared);
            control.setLanes(2);
        }

        long units() {
            return Math.min(4096, table.pages() / granule)
                    - table.format().reservedLastPages() / granule;
        }

        boolean isFree(long page, long pages) {
            for (List<Run> runs : List.of(live, cleared, asked)) {
                for (Run run : runs) {
                    if (page < run.page + run.pages && run.page < page + pages) {
                        return false;
                    }
                }
            }
            return true;
        }

        void map(Random random, int access) {
            boolean large = random.nextInt(3) == 0;
            long units = large ? 1L << random.nextInt(10) : 1 + random.nextInt(6);
            if (units > units() / 2) {
                units = 1;
            }
            long first = random.nextLong(units() - units + 1);
            long frame = random.nextLong(1 << 12) * granule;
            if (large) {
                first -= first % units;
                frame = frame * units;
            }
            long pages = units * granule;
            if (isFree(first * granule, pages)
                    && frame + pages - 1 <= table.format().maxPageFrame()) {
                table.map(first * granule, frame, pages, access);
                int order = Translation.order(table.walk(first * granule));
                live.add(new Run(first * granule, frame, pages, access, 1L << order == pages));
            }
        }

        void clear(Random random) {
            if (!live.isEmpty()) {
                Run run = live.remove(random.nextInt(live.size()));
                table.clear(run.page, run.pages);
                cleared.add(run);
            }
        }

        void request(Random random) {
            InvalidationLane lane = control.lane(random.nextInt(2));
            switch (random.nextInt(8)) {
                case 0 -> lane.requestAll();
                case 1 -> lane.requestAllCounted();
                case 2 -> {
                    // More than the ring holds.
                    for (int lap = 0; lap < ControlPageDescriptor.INVALIDATIONS; lap++) {
                        lane.request(0, 1);
                    }
                    requestEach(lane, random);
                }
                default -> requestEach(lane, random);
            }
            asked.addAll(cleared);
            cleared.clear();
        }

        private void requestEach(InvalidationLane lane, Random random) {
            for (Run run : cleared) {
                if (run.oneEntry && random.nextBoolean()) {
                    // Any page of a superpage takes it away as a whole.
                    lane.request(run.page + random.nextLong(run.pages), 1);
                } else {
                    lane.request(run.page, run.pages);
                }
            }
        }

        void enter() {
            if (inside) {
                translator.exit();
            }
            translator.enter();
            inside = true;
            asked.clear();
        }

        void translate(Random random) {
            long page = somePage(random);
            for (int step = 0; step < 1 + random.nextInt(4); step++) {
                check(page + step * granule, random);
            }
        }

        private long somePage(Random random) {
            List<Run> runs = random.nextInt(3) == 0 ? cleared : live;
            if (runs.isEmpty() || random.nextInt(10) == 0) {
                return random.nextLong(table.pages());
            }
            Run run = runs.get(random.nextInt(runs.size()));
            return run.page + random.nextLong(run.pages);
        }

        private void check(long page, Random random) {
            int access = 1 + random.nextInt(3);
            long offset = random.nextLong(IoPage.BYTES);
            long physical = translator.translate(page << IoPage.SHIFT | offset, access);
            Run mapped = covering(live, page);
            if (mapped != null && (mapped.access & access) == access) {
                assertThat(physical).isEqualTo(address(mapped, page, offset));
            } else if (physical >= 0) {
                Run stale = covering(cleared, page);
                stale = stale == null ? covering(asked, page) : stale;
                assertThat(stale).as("reached page %d, not mapped", page).isNotNull();
                assertThat(stale.access & access).isEqualTo(access);
                assertThat(physical).isEqualTo(address(stale, page, offset));
            }
        }

        private Run covering(List<Run> runs, long page) {
            for (Run run : runs) {
                if (page >= run.page && page < run.page + run.pages) {
                    return run;
                }
            }
            return null;
        }

        private long address(Run run, long page, long offset) {
            return run.frame + page - run.page << IoPage.SHIFT | offset;
        }

        void step(Random random) {
            switch (random.nextInt(20)) {
                case 0, 1, 2 -> map(random, 1 + random.nextInt(3));
                case 3 -> clear(random);
                case 4 -> request(random);
                case 5 -> enter();
                default -> translate(random);
            }
        }
    }

    private static IotlbGeometry randomGeometry(Random random) {
        Replacement[] all = Replacement.values();
        IotlbGeometry geometry =
                new IotlbGeometry(
                        1 << random.nextInt(5),
                        1 << random.nextInt(4),
                        all[random.nextInt(all.length)]);
        return geometry.withSuperpages(random.nextInt(4))
                .withAts(random.nextBoolean() ? 0 : 1 << random.nextInt(5))
                .withPrefetch(random.nextInt(Math.min(9, geometry.entries())));
    }

    @ParameterizedTest
    @MethodSource("formats")
    void shouldFindWhatIsMappedAndNothingInvalidatedWhateverTheCaches(TableFormat format) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 40; round++) {
            IotlbGeometry geometry = randomGeometry(random);
            String what = "seed=%d round=%d %s".formatted(seed, round, geometry);
            Iotlb shared = random.nextBoolean() ? new Iotlb(geometry) : null;
            List<Device> devices =
                    List.of(
                            new Device(format, geometry, shared),
                            new Device(format, geometry, shared));
            devices.forEach(Device::enter);
            try {
                for (int step = 0; step < 1_000; step++) {
                    devices.get(random.nextInt(2)).step(random);
                }
                devices.forEach(Device::enter);
            } catch (AssertionError | RuntimeException failure) {
                throw new AssertionError(what, failure);
            }
            for (Device device : devices) {
                checkSums(device, what);
            }
        }
    }

    private static void checkSums(Device device, String what) {
        DeviceCounters counters = device.control.counters();
        assertThat(counters.translations())
                .as(what)
                .isEqualTo(counters.atsHits() + counters.hits() + counters.misses());
        assertThat(counters.prefetchesUsed()).as(what).isLessThanOrEqualTo(counters.prefetches());
        assertThat(counters.domainFlushes()).as(what).isLessThanOrEqualTo(counters.flushes());
    }

    private Device device(TableFormat format, IotlbGeometry geometry) {
        Device device = new Device(format, geometry, null);
        device.translator.enter();
        return device;
    }

    private static void walkThrough(Device device, long first, long end) {
        for (long page = first; page < end; page++) {
            device.translator.translate(page << IoPage.SHIFT, Access.READ);
        }
        // What was counted is told at the end of a section.
        device.translator.exit();
        device.translator.enter();
    }

    @Test
    void shouldLookAheadOnlyWhereOnePageFollowsAnother() {
        Device device = device(DartFormat.INSTANCE, IotlbGeometry.DEFAULT.withPrefetch(3));
        device.table.map(100, 5, 64, Access.READ);
        for (int page : new int[] {100, 140, 120, 160}) {
            walkThrough(device, page, page + 1);
        }
        assertThat(device.control.counters().prefetches()).isZero();
        walkThrough(device, 121, 126);
        DeviceCounters counters = device.control.counters();
        // 121 misses, and does not follow 160; 122 follows it, and takes 123 to 125 along.
        assertThat(counters.misses()).isEqualTo(6);
        assertThat(counters.prefetches()).isEqualTo(3);
        assertThat(counters.prefetchesUsed()).isEqualTo(3);
        walkThrough(device, 121, 126);
        assertThat(device.control.counters().misses()).isEqualTo(6);
        assertThat(device.control.counters().prefetchesUsed()).isEqualTo(3);
    }

    @Test
    void shouldNotLookAheadBeyondWhatIsMappedOrIntoWhatTheFormatKeepsBack() {
        Device device = device(DartFormat.INSTANCE, IotlbGeometry.DEFAULT.withPrefetch(8));
        long last = device.table.pages() - 1;
        device.table.map(10, 1, 3, Access.READ);
        device.table.map(last - 2, 1, 3, Access.READ);
        walkThrough(device, 10, 13);
        assertThat(device.control.counters().prefetches()).as("12, and not 13").isEqualTo(1);
        walkThrough(device, last - 2, last);
        assertThat(device.control.counters().prefetches()).as("not the last").isEqualTo(1);
        // A page that is mapped after a look ahead works at once.
        device.table.map(13, 9, 1, Access.READ);
        assertThat(device.translator.translate(13 << 12, Access.READ)).isEqualTo(9 << 12);
    }

    @Test
    void shouldAskTheIotlbOnlyWhereTheDevicesOwnCacheDoesNotKnow() {
        Device device = device(DartFormat.INSTANCE, SMALL.withAts(4));
        device.table.map(1, 1, 100, Access.READ);
        walkThrough(device, 1, 5);
        walkThrough(device, 1, 5);
        device.translator.exit();
        DeviceCounters counters = device.control.counters();
        assertThat(counters.atsMisses()).isEqualTo(4);
        assertThat(counters.atsHits()).isEqualTo(4);
        assertThat(counters.hits()).isZero();
        device.control.lane(0).request(2, 2);
        device.translator.enter();
        walkThrough(device, 1, 5);
        device.translator.exit();
        counters = device.control.counters();
        assertThat(counters.atsMisses()).as("two were dropped from both").isEqualTo(6);
        assertThat(counters.misses()).isEqualTo(6);
        assertThat(counters.atsInvalidations()).isEqualTo(1);
        assertThat(counters.invalidations()).isEqualTo(2);
    }

    @Test
    void shouldHoldASuperpageInOneEntryAndDropItByAnyOfItsPages() {
        Device device = device(VtdFormat.of(3), SMALL);
        device.table.map(512, 1024, 512, Access.READ);
        walkThrough(device, 512, 1024);
        device.translator.exit();
        DeviceCounters counters = device.control.counters();
        assertThat(counters.misses()).isEqualTo(1);
        assertThat(counters.superpageHits()).isEqualTo(511);
        assertThat(counters.evictions()).isZero();
        device.table.clear(512, 512);
        device.control.lane(0).request(700, 1);
        device.translator.enter();
        assertThat(device.translator.translate(512L << 12, Access.READ)).isNegative();
        assertThat(device.translator.translate(1023L << 12, Access.READ)).isNegative();
    }

    @Test
    void shouldKeepOtherDevicesTranslationsWhenOneOfASharedIotlbIsFlushed() {
        Iotlb shared = new Iotlb(IotlbGeometry.DEFAULT);
        Device first = new Device(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT, shared);
        Device second = new Device(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT, shared);
        first.table.map(7, 1, 1, Access.READ);
        second.table.map(7, 2, 1, Access.READ);
        assertThat(first.translator.translate(7 << 12, Access.READ)).isEqualTo(1 << 12);
        assertThat(second.translator.translate(7 << 12, Access.READ)).isEqualTo(2 << 12);
        first.table.clear(7, 1);
        second.table.clear(7, 1);
        first.control.lane(0).requestAll();
        first.translator.enter();
        assertThat(first.translator.translate(7 << 12, Access.READ)).isNegative();
        assertThat(second.translator.translate(7 << 12, Access.READ))
                .as("nobody has asked for it")
                .isEqualTo(2 << 12);
        assertThat(first.control.counters().domainFlushes()).isEqualTo(1);
        second.translator.close();
        Device third = new Device(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT, shared);
        assertThat(third.translator.translate(7 << 12, Access.READ))
                .as("nothing of who had its domain before")
                .isNegative();
    }

    @Test
    void shouldRefuseMoreDevicesThanTheTagsCanTell() {
        Iotlb shared = new Iotlb(SMALL);
        for (int device = 0; device < Iotlb.MAX_DOMAINS; device++) {
            shared.open();
        }
        assertThatThrownBy(shared::open).hasMessageContaining("64 devices");
        shared.close(17);
        assertThat(shared.open()).isEqualTo(17);
    }

    @Test
    void shouldCountWhatIsStaleInEveryCache() {
        Device device = device(VtdFormat.of(3), SMALL.withAts(2));
        device.table.map(512, 1024, 512, Access.READ);
        device.table.map(1, 1, 2, Access.READ);
        walkThrough(device, 1, 3);
        walkThrough(device, 512, 513);
        device.translator.exit();
        device.table.clear(512, 512);
        device.table.clear(1, 1);
        device.control.lane(0).requestAllCounted();
        device.translator.enter();
        // Page 1 in the IOTLB, the superpage, and the part of it that the device's cache holds.
        assertThat(device.control.counters().staleHeld()).isEqualTo(3);
    }

    /** Rings, lanes and counts that no honest owner writes. */
    @Test
    void shouldOnlyEverFaultOrMissWhateverTheOwnerWrites() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            TableFormat format = formats().get(random.nextInt(formats().size()));
            Device device = new Device(format, randomGeometry(random), null);
            for (long offset = 0; offset < ControlPageDescriptor.INSIDE_OFFSET; offset += 8) {
                long word = random.nextBoolean() ? random.nextLong() : random.nextInt(600);
                device.page.set(ValueLayout.JAVA_LONG, offset, word);
            }
            for (int step = 0; step < 20; step++) {
                device.translator.enter();
                long iova = random.nextLong() >>> random.nextInt(64);
                assertThat(device.translator.translate(iova, Access.READ))
                        .as("seed=%d: nothing is mapped", seed)
                        .isNegative();
                device.translator.exit();
                device.page.set(
                        ValueLayout.JAVA_LONG,
                        random.nextInt(ControlPageDescriptor.MAX_LANES + 1) * 8L,
                        random.nextInt(300));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void shouldNotAllocateWhateverTheCaches(TableFormat format) {
        for (Replacement replacement : Replacement.values()) {
            IotlbGeometry geometry =
                    new IotlbGeometry(4, 4, replacement).withAts(8).withPrefetch(3);
            Device device = new Device(format, geometry, null);
            device.table.map(0, 0, 64 * device.granule, Access.READ);
            long sum = burst(device, 20_000);
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            long before = threads.getCurrentThreadAllocatedBytes();
            sum += burst(device, 20_000);
            long after = threads.getCurrentThreadAllocatedBytes();
            assertThat(sum).isPositive();
            assertThat(after - before).as("bytes, %s", geometry).isLessThan(2_000);
        }
    }

    private static long burst(Device device, int rounds) {
        long sum = 0;
        for (int round = 0; round < rounds; round++) {
            if (round % 16 == 0) {
                device.control.lane(round / 16 & 1).request(round % 64 * device.granule, 1);
                device.translator.enter();
            }
            long page = round * 7 % 64 * device.granule;
            sum += device.translator.translate(page << IoPage.SHIFT, Access.READ);
            if (round % 16 == 15) {
                device.translator.exit();
            }
        }
        return sum;
    }
}
