package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaWindow;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.CalgaryFormat;
import dev.outboard.iommu.TableFormat;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the mediator obeys of a ring that its client may fill with anything. */
@Timeout(60)
final class ServiceRingTest {
    private static final long FRAME = PhysicalMemory.FIRST_ADDRESS >>> 12;
    private static final int LAST = LocalRing.WINDOW_PAGES;
    private static final long IDLE = -1;
    private static final long END = -2;

    @TempDir Path directory;

    static Stream<Arguments> wrongMaps() {
        return Stream.of(
                Arguments.of(0, FRAME, 1, 1, Status.OUTSIDE_WINDOW),
                Arguments.of(LAST, FRAME, 1, 1, Status.OUTSIDE_WINDOW),
                Arguments.of(LAST - 2, FRAME, 2, 1, Status.OUTSIDE_WINDOW),
                Arguments.of((1L << 36) - 1, FRAME, 2, 1, Status.OUTSIDE_WINDOW),
                Arguments.of(1, FRAME, 0, 1, Status.OUTSIDE_WINDOW),
                Arguments.of(1, FRAME, 4097, 1, Status.OUTSIDE_WINDOW),
                Arguments.of(1, FRAME - 1, 1, 1, Status.FOREIGN_FRAMES),
                Arguments.of(1, FRAME - 1, 2, 1, Status.FOREIGN_FRAMES),
                Arguments.of(1, FRAME + 1024, 1, 1, Status.FOREIGN_FRAMES),
                Arguments.of(1, FRAME + 1023, 2, 1, Status.FOREIGN_FRAMES),
                Arguments.of(1, 0, 1, 1, Status.FOREIGN_FRAMES),
                Arguments.of(1, (1L << 52) - 1, 2, 1, Status.FOREIGN_FRAMES),
                Arguments.of(1, FRAME, 1, 0, Status.MALFORMED),
                Arguments.of(5, FRAME, 1, 1, Status.ALREADY_MAPPED),
                Arguments.of(4, FRAME, 2, 1, Status.ALREADY_MAPPED),
                Arguments.of(1, FRAME, 512, 3, Status.ALREADY_MAPPED));
    }

    @ParameterizedTest
    @MethodSource("wrongMaps")
    void shouldMapNothingOfABatchOfWhichOneIsWrong(
            long page, long frame, int pages, int access, Status expected) {
        try (LocalRing local = new LocalRing(directory, Quotas.UNLIMITED)) {
            local.map(5, FRAME + 7, 1, Access.READ);
            assertThat(local.commit()).isEqualTo(Status.DONE);
            local.map(1000, FRAME + 1, 4, Access.READ_WRITE);
            local.map(page, frame, pages, access);
            local.map(1004, FRAME + 1, 4, Access.READ_WRITE);
            assertThat(local.commit()).isEqualTo(expected);
            for (int index = 1; index < LAST; index++) {
                assertThat(local.frameAt(index)).isEqualTo(index == 5 ? FRAME + 7 : -1);
            }
            assertThat(local.session.entries().usage()).isEqualTo(1);
            assertThat(local.session.mappings().usage()).isEqualTo(1);
            assertThat(local.service.explain()).contains(expected.cause()).contains("domain=nic0");
            local.map(1000, FRAME + 1, 4, Access.READ_WRITE);
            assertThat(local.commit()).as("and it goes on").isEqualTo(Status.DONE);
        }
    }

    @Test
    void shouldRefuseToClearWhatIsNoWholeMapping() {
        try (LocalRing local = new LocalRing(directory, Quotas.UNLIMITED)) {
            local.map(10, FRAME, 4, Access.READ);
            local.map(14, FRAME, 2, Access.READ);
            assertThat(local.commit()).isEqualTo(Status.DONE);
            for (int[] wrong : new int[][] {{10, 3}, {11, 3}, {9, 5}, {10, 7}, {14, 1}, {16, 1}}) {
                local.clear(wrong[0], wrong[1]);
                assertThat(local.settle()).isEqualTo(Status.NOT_MAPPED);
            }
            local.queue(Request.first(Request.CLEAR, 10, 6), 1L << 40);
            assertThat(local.settle()).isEqualTo(Status.MALFORMED);
            local.queue(Request.first(15, 10, 6), 0);
            assertThat(local.settle()).isEqualTo(Status.MALFORMED);
            assertThat(local.frameAt(12)).isEqualTo(FRAME + 2);
            local.clear(10, 6);
            assertThat(local.settle()).as("two whole ones").isEqualTo(Status.DONE);
            assertThat(local.frameAt(12)).isEqualTo(-1);
            assertThat(local.session.mappings().usage()).isZero();
            local.clear(10, 6);
            assertThat(local.settle()).as("twice").isEqualTo(Status.NOT_MAPPED);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1025, -1, Long.MIN_VALUE, Long.MAX_VALUE})
    void shouldEndASessionWhoseIndexIsOutOfRange(long put) {
        try (LocalRing local = new LocalRing(directory, Quotas.UNLIMITED)) {
            local.ring.setPutRelease(put);
            assertThatThrownBy(() -> local.service.serve(512))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("put=" + put);
        }
    }

    @Test
    void shouldTakeNoMoreThanABatch() {
        try (LocalRing local = new LocalRing(directory, Quotas.UNLIMITED)) {
            for (int index = 0; index <= Request.MAX_BATCH; index++) {
                local.map(1 + index, FRAME, 1, Access.READ);
            }
            assertThat(local.commit()).isEqualTo(Status.MALFORMED);
            assertThat(local.session.entries().usage()).isZero();
        }
    }

    @Test
    void shouldNotMapStagedFramesOfWhichTheGrantHasEnded() {
        try (LocalRing local = new LocalRing(directory, Quotas.UNLIMITED)) {
            local.domain.frames().add(77, 10, Access.READ);
            local.map(20, FRAME, 1, Access.READ);
            local.map(21, 80, 1, Access.READ);
            local.ring.setPutRelease(local.put);
            local.service.serve(512);
            local.domain.frames().remove(77, 10);
            assertThat(local.commit()).isEqualTo(Status.FOREIGN_FRAMES);
            assertThat(local.frameAt(21)).isEqualTo(-1);
            assertThat(local.frameAt(20)).isEqualTo(-1);
            assertThat(local.session.entries().usage()).isZero();
        }
    }

    /** A thread changes a slot while it is read: what was checked is what is mapped. */
    @Test
    void shouldMapWhatItCheckedThoughTheSlotsChange() throws InterruptedException {
        AtomicLong target = new AtomicLong(IDLE);
        AtomicLong working = new AtomicLong(IDLE);
        try (LocalRing local = new LocalRing(directory, Quotas.UNLIMITED)) {
            long good = Request.second(FRAME + 3, Access.READ, 0);
            Thread flipper =
                    Thread.ofPlatform().start(() -> flip(local.ring, good, target, working));
            int mapped = 0;
            int refused = 0;
            try {
                long end = System.nanoTime() + 2_000_000_000L;
                while (System.nanoTime() < end) {
                    target.set(local.put);
                    local.queue(Request.first(Request.MAP, 9, 1), good);
                    Status status = local.commit();
                    target.set(IDLE);
                    while (working.get() != IDLE) {
                        Thread.onSpinWait();
                    }
                    if (status == Status.DONE) {
                        mapped++;
                        assertThat(local.frameAt(9)).isEqualTo(FRAME + 3);
                        assertThat(local.accessAt(9)).isEqualTo(Access.READ);
                        local.clear(9, 1);
                        assertThat(local.settle()).isEqualTo(Status.DONE);
                    } else {
                        refused++;
                        assertThat(status).isEqualTo(Status.FOREIGN_FRAMES);
                        assertThat(local.frameAt(9)).isEqualTo(-1);
                    }
                }
            } finally {
                target.set(END);
                flipper.join();
            }
            assertThat(mapped).as("checked as good, of %d refused", refused).isPositive();
        }
    }

    private static void flip(RequestRing ring, long good, AtomicLong target, AtomicLong working) {
        long bad = Request.second(FRAME + 5000, Access.READ_WRITE, 0);
        long first = Request.first(Request.MAP, 9, 1);
        while (true) {
            long at = target.get();
            if (at == END) {
                return;
            }
            working.set(at);
            // Looked at again: from here on the other side waits for this turn.
            if (at != IDLE && target.get() == at) {
                ring.write(at, first, bad);
                ring.write(at, first, good);
            }
            working.set(IDLE);
        }
    }

    /** Any words whatever, biased towards those that nearly make sense. */
    @ParameterizedTest
    @ValueSource(strings = {"dart", "calgary"})
    void shouldKeepItsRulesWhateverStandsInTheSlots(String format) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Quotas quotas = Quotas.parse("entries=300:400,mappings=100:120");
        try (LocalRing local = new LocalRing(directory, quotas, TableFormat.ofTitle(format))) {
            for (int round = 0; round < 3_000; round++) {
                for (int index = random.nextInt(40); index > 0; index--) {
                    garbage(local, random);
                }
                if (random.nextBoolean()) {
                    local.commit();
                }
                local.settle();
                if (round % 50 == 0) {
                    checkTable(local, seed);
                }
            }
        }
    }

    private static void garbage(LocalRing local, Random random) {
        if (random.nextInt(8) == 0) {
            local.queue(random.nextLong(), random.nextLong());
            return;
        }
        int code = random.nextInt(8);
        long page = random.nextInt(10) == 0 ? random.nextLong(1L << 36) : random.nextInt(64);
        int pages = random.nextInt(10) == 0 ? random.nextInt(1 << 24) : random.nextInt(5);
        long frame = FRAME + random.nextInt(1100) - 30;
        long second =
                code == Request.MAP
                        ? Request.second(frame, random.nextInt(4), random.nextInt(3) << 3)
                        : random.nextInt(3) << 3;
        local.queue(Request.first(code, page, pages), second);
    }

    private static void checkTable(LocalRing local, long seed) {
        long entries = 0;
        for (int page = 0; page < LAST; page++) {
            long frame = local.frameAt(page);
            if (frame >= 0) {
                entries++;
                assertThat(frame)
                        .as("seed=%d page=%d", seed, page)
                        .isBetween(FRAME, FRAME + LocalRing.OWN_PAGES - 1);
                assertThat(local.domain.use().isUsed(page)).isTrue();
            }
        }
        assertThat(local.session.entries().usage()).as("seed=%d", seed).isBetween(entries, 400L);
        assertThat(local.session.mappings().usage()).as("seed=%d", seed).isBetween(0L, 120L);
    }

    /** A client that only asks what is right gets it, request by request, as a model says. */
    @Test
    void shouldDoAsAModelDoes() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Map<Integer, Integer> model = new HashMap<>();
        try (LocalRing local = new LocalRing(directory, Quotas.UNLIMITED)) {
            for (int round = 0; round < 20_000; round++) {
                int page = 1 + random.nextInt(60);
                int pages = 1 + random.nextInt(4);
                if (random.nextBoolean()) {
                    boolean free = true;
                    for (var run : model.entrySet()) {
                        free &=
                                page >= run.getKey() + run.getValue()
                                        || run.getKey() >= page + pages;
                    }
                    local.map(page, FRAME + page, pages, Access.READ);
                    assertThat(local.commit())
                            .as("seed=%d round=%d", seed, round)
                            .isEqualTo(free ? Status.DONE : Status.ALREADY_MAPPED);
                    if (free) {
                        model.put(page, pages);
                    }
                } else {
                    boolean whole = Integer.valueOf(pages).equals(model.get(page));
                    if (!whole) {
                        // Or several that follow each other.
                        int at = page;
                        while (model.containsKey(at)) {
                            at += model.get(at);
                            whole |= at == page + pages;
                        }
                    }
                    local.clear(page, pages);
                    assertThat(local.settle())
                            .as("seed=%d round=%d", seed, round)
                            .isEqualTo(whole ? Status.DONE : Status.NOT_MAPPED);
                    if (whole) {
                        int end = page + pages;
                        model.keySet().removeIf(start -> start >= page && start < end);
                    }
                }
                for (int at = 1; at < 64; at++) {
                    boolean mapped = false;
                    for (var run : model.entrySet()) {
                        mapped |= at >= run.getKey() && at < run.getKey() + run.getValue();
                    }
                    assertThat(local.frameAt(at))
                            .as("seed=%d round=%d page=%d", seed, round, at)
                            .isEqualTo(mapped ? FRAME + at : -1);
                }
            }
        }
    }

    @Test
    void shouldAnswerThatADeviceIsStuckAndGoOnWhenItMoves() {
        try (LocalRing local = new LocalRing(directory, Quotas.UNLIMITED);
                IommuAttachment device =
                        IommuAttachment.connect(
                                directory.resolve("i.sock"), "nic0", Rig.TIMEOUT_NANOS)) {
            local.held.awaitAttached(Rig.TIMEOUT_NANOS);
            local.map(9, FRAME, 1, Access.READ);
            assertThat(local.commit()).isEqualTo(Status.DONE);
            device.enter();
            local.clear(9, 1);
            assertThat(local.settle()).isEqualTo(Status.DEVICE_STUCK);
            assertThat(local.service.explain()).contains("stop its process");
            assertThat(local.settle()).as("looked at again").isEqualTo(Status.DEVICE_STUCK);
            device.exit();
            assertThat(local.settle()).isEqualTo(Status.DONE);
        }
    }

    @Test
    void shouldInvalidateEverythingWhereTheFormatCannotSingleEntries() {
        try (LocalRing local = new LocalRing(directory, Quotas.UNLIMITED, CalgaryFormat.INSTANCE);
                IommuAttachment device =
                        IommuAttachment.connect(
                                directory.resolve("i.sock"), "nic0", Rig.TIMEOUT_NANOS)) {
            local.held.awaitAttached(Rig.TIMEOUT_NANOS);
            local.map(9, FRAME, 1, Access.READ);
            assertThat(local.commit()).isEqualTo(Status.DONE);
            device.enter();
            assertThat(device.resolve(9 << 12, 1, Access.READ, new DmaWindow())).isTrue();
            device.exit();
            local.clear(9, 1);
            assertThat(local.settle()).isEqualTo(Status.DONE);
            device.enter();
            assertThat(device.resolve(9 << 12, 1, Access.READ, new DmaWindow())).isFalse();
            device.exit();
        }
    }

    @Test
    void shouldAllocateNothing() {
        try (LocalRing local = new LocalRing(directory, Quotas.UNLIMITED)) {
            var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
            long allocated = 0;
            for (int burst = 0; burst < 3; burst++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int round = 0; round < 10_000; round++) {
                    for (int page = 0; page < 32; page++) {
                        local.map(10 + page, FRAME + page, 1, Access.READ_WRITE);
                    }
                    local.commit();
                    for (int page = 0; page < 32; page++) {
                        local.clear(10 + page, 1);
                    }
                    local.settle();
                }
                allocated = threads.getCurrentThreadAllocatedBytes() - before;
            }
            assertThat(allocated).as("bytes allocated").isLessThan(1000);
        }
    }
}
