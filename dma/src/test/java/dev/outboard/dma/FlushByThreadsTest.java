package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.CalgaryFormat;
import dev.outboard.iommu.ControlPageDescriptor;
import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.PageTable;
import dev.outboard.iommu.Replacement;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Several threads flush the devices of one domain: each for itself, or one for the others. */
@Timeout(60)
final class FlushByThreadsTest {
    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

    /** Pages of IOVA for each thread; its first is {@code 1 + thread * PAGES}. */
    private static final int PAGES = 8;

    @TempDir Path directory;

    private final DomainOptions options =
            DomainOptions.DEFAULT
                    .withFormat(CalgaryFormat.INSTANCE)
                    .withTableEntries(8192)
                    .withIotlb(new IotlbGeometry(4, 2, Replacement.FIFO));
    private final List<Flusher> flushers = new ArrayList<>();
    private Bench bench;

    @BeforeEach
    void attach() {
        bench = new Bench(directory, options);
    }

    @AfterEach
    void close() {
        flushers.forEach(Flusher::close);
        bench.close();
    }

    private Flusher open() {
        Flusher flusher = new Flusher("nic0", bench.domain.devices().flushed(), options);
        flushers.add(flusher);
        return flusher;
    }

    @Test
    void shouldCountOnlyFlushesOfEverythingThatBeganAfterwards() {
        Flusher timer = open();
        Flusher service = open();
        timer.begin();
        timer.requestAll();
        long cleared = service.generation();
        timer.complete();
        assertThat(service.isComplete(cleared)).as("that flush began before").isFalse();
        service.begin();
        service.request(3, 1);
        service.complete();
        assertThat(service.isComplete(cleared)).as("not everything").isFalse();
        timer.begin();
        timer.requestAll();
        assertThat(service.isComplete(cleared)).as("not over").isFalse();
        timer.complete();
        assertThat(service.isComplete(cleared)).isTrue();
        assertThat(service.isComplete(service.generation())).isFalse();
    }

    @Test
    void shouldNotWaitWhenOnlyPolling() {
        Flusher first = open();
        Flusher second = open();
        bench.device.enter();
        for (Flusher flusher : flushers) {
            flusher.begin();
            flusher.requestAll();
            assertThat(flusher.poll()).isFalse();
        }
        // Made larger before it is over.
        first.begin();
        first.request(1, 1);
        assertThat(first.poll()).isFalse();
        bench.device.exit();
        assertThat(first.poll()).isTrue();
        long generation = bench.device.enter();
        assertThat(second.poll()).as("inside, but it caught up").isTrue();
        bench.device.exit();
        assertThat(bench.device.enter()).isEqualTo(generation);
    }

    @Test
    void shouldSettleEachThreadByItself() {
        Flusher first = open();
        Flusher second = open();
        bench.device.enter();
        first.begin();
        first.request(1, 1);
        second.begin();
        second.request(9, 1);
        bench.device.exit();
        bench.device.enter();
        second.begin();
        second.request(10, 1);
        assertThat(first.poll()).as("its own request was done").isTrue();
        assertThat(second.poll()).isFalse();
        bench.device.exit();
        assertThat(second.poll()).isTrue();
    }

    @Test
    void shouldAskADeviceThatCameAfterTheLanesWereOpened() {
        open();
        Flusher second = open();
        bench.owner.admit("nic1", bench.domain);
        try (IommuAttachment newcomer =
                IommuAttachment.connect(bench.owner.path(), "nic1", Bench.TIMEOUT_NANOS)) {
            newcomer.enter();
            second.begin();
            second.requestAll();
            assertThat(second.poll()).isFalse();
            newcomer.exit();
            assertThat(second.poll()).isTrue();
        }
    }

    @Test
    void shouldRefuseMoreThreadsThanAControlPageHasLanes() {
        for (int lane = 0; lane < ControlPageDescriptor.MAX_LANES; lane++) {
            open();
        }
        assertThatThrownBy(this::open)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("15 threads");
        flushers.get(4).close();
        flushers.get(4).close();
        assertThat(open()).isNotNull();
        assertThatThrownBy(this::open).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void shouldNotCountAFlushThatFailed() {
        DomainOptions impatient = options.withFlushLimitNanos(5_000_000);
        Flusher flusher = new Flusher("nic0", bench.domain.devices().flushed(), impatient);
        flushers.add(flusher);
        long cleared = flusher.generation();
        bench.device.enter();
        flusher.begin();
        flusher.requestAll();
        assertThatThrownBy(flusher::complete).isInstanceOf(DeviceStuckException.class);
        assertThat(flusher.isComplete(cleared)).isFalse();
        bench.device.exit();
        flusher.begin();
        flusher.requestAll();
        flusher.complete();
        assertThat(flusher.isComplete(cleared)).as("nothing is owed for the failed one").isTrue();
    }

    /**
     * Two threads that each clear and flush for themselves, one of which leaves every other flush
     * to a third, as a flush queue leaves it to its timer.
     */
    @Test
    void shouldKeepTheDeviceOutOfWhatAnyThreadUnmapped() throws Exception {
        long seed = System.nanoTime();
        AtomicBoolean stop = new AtomicBoolean();
        AtomicLongArray written = new AtomicLongArray(2);
        AtomicLong timed = new AtomicLong();
        List<Thread> others = new ArrayList<>();
        try (DmaMemory buffers = bench.memory.allocate(2 * PAGES * 4096)) {
            PageTable table = bench.domain.table();
            others.add(Thread.ofPlatform().start(() -> runDevice(stop, written, seed)));
            Flusher timer = open();
            others.add(
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        while (!stop.get()) {
                                            timer.begin();
                                            timer.requestAll();
                                            timer.complete();
                                            timed.incrementAndGet();
                                        }
                                    }));
            Flusher first = open();
            Flusher second = open();
            CompletableFuture<Void> one =
                    CompletableFuture.runAsync(
                            () -> drive(0, table, first, buffers, written, seed, false));
            CompletableFuture<Void> two =
                    CompletableFuture.runAsync(
                            () -> drive(1, table, second, buffers, written, seed, true));
            try {
                CompletableFuture.allOf(one, two).get(40, TimeUnit.SECONDS);
            } finally {
                stop.set(true);
                for (Thread other : others) {
                    other.join();
                }
            }
        }
        assertThat(written.get(0)).as("the device reached pages of the first").isGreaterThan(100);
        assertThat(written.get(1)).as("and of the second").isGreaterThan(100);
        assertThat(timed.get()).isPositive();
    }

    /** Writes ones wherever it can; keeps what it resolved while the generation is the same. */
    private void runDevice(AtomicBoolean stop, AtomicLongArray written, long seed) {
        Random random = new Random(seed + 7);
        DmaWindow window = new DmaWindow();
        while (!stop.get()) {
            bench.device.enter();
            for (int burst = 0; burst < 4; burst++) {
                int thread = random.nextInt(2);
                long page = 1 + thread * PAGES + random.nextInt(PAGES);
                if (bench.device.resolve(page << 12, 8, Access.WRITE, window)) {
                    WORD.setOpaque(window.memory, window.offset, 1L);
                    written.incrementAndGet(thread);
                }
            }
            bench.device.exit();
        }
    }

    private static void drive(
            int thread,
            PageTable table,
            Flusher flusher,
            DmaMemory buffers,
            AtomicLongArray written,
            long seed,
            boolean leavesItToTheTimer) {
        Random random = new Random(seed + thread);
        long started = System.nanoTime();
        for (long round = 1;
                System.nanoTime() - started < TimeUnit.SECONDS.toNanos(1)
                        || written.get(thread) <= 100
                                && System.nanoTime() - started < Bench.TIMEOUT_NANOS;
                round++) {
            int index = thread * PAGES + random.nextInt(PAGES);
            long page = 1 + index;
            table.map(page, (buffers.physicalAddress() >>> 12) + index, 1, Access.READ_WRITE);
            long before = written.get(thread);
            int patience = random.nextInt(2) == 0 ? random.nextInt(30) : 2_000;
            while (patience-- > 0 && written.get(thread) == before) {
                Thread.onSpinWait();
            }
            table.clear(page, 1);
            if (leavesItToTheTimer && random.nextBoolean()) {
                long cleared = flusher.generation();
                while (!flusher.isComplete(cleared)) {
                    Thread.onSpinWait();
                }
            } else {
                flusher.begin();
                flusher.request(page, 1);
                if (random.nextBoolean()) {
                    flusher.complete();
                } else {
                    while (!flusher.poll()) {
                        Thread.onSpinWait();
                    }
                }
            }
            long at = index * 4096L;
            WORD.setOpaque(buffers.memory(), at, -round);
            for (int look = 0; look < 20; look++) {
                if ((long) WORD.getOpaque(buffers.memory(), at) != -round) {
                    throw new AssertionError(
                            "seed=%d thread=%d round=%d: written after the flush"
                                    .formatted(seed, thread, round));
                }
            }
        }
    }
}
