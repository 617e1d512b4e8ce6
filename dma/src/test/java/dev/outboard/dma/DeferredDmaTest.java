package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Queues, timers, devices that are stuck, and two services that roll over. */
@Timeout(60)
final class DeferredDmaTest {
    private static final DomainOptions DART =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(1024);
    private static final StrategyOptions DEFERRED = StrategyOptions.of(Strategy.DEFERRED);

    /** Long enough for a busy machine to find time for the timer within half of it. */
    private static final long BOUND_NANOS = TimeUnit.MILLISECONDS.toNanos(1_000);

    @TempDir Path directory;

    private static void awaitFlushes(Dma dma, long count) {
        long deadline = System.nanoTime() + Bench.TIMEOUT_NANOS;
        while (dma.statistics().flushes() < count || dma.statistics().staleEntries() > 0) {
            assertThat(System.nanoTime()).as("no flush came").isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    private static boolean isTimerAlive() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().equals("flush-timer"));
    }

    @Test
    void shouldFlushAFullQueueAtOnceAndReuseOnlyWhatWasFlushed() {
        try (Bench bench = new Bench(directory, DART);
                Dma dma = bench.domain.dma(DEFERRED.withQueue(16, Long.MAX_VALUE));
                DmaMemory memory = dma.allocate(64 * 4096)) {
            long[] iovas = new long[40];
            for (int index = 0; index < 40; index++) {
                iovas[index] = dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
                assertThat(bench.reaches(iovas[index], 1, Access.READ)).isTrue();
            }
            for (int index = 0; index < 16; index++) {
                dma.unmap(iovas[index], 4096);
                assertThat(dma.statistics().flushes()).isZero();
            }
            assertThat(bench.reaches(iovas[0], 1, Access.READ)).as("the window").isTrue();
            dma.unmap(iovas[16], 4096);
            assertThat(dma.statistics().flushes()).isEqualTo(1);
            assertThat(dma.statistics().windowEntries()).isEqualTo(16);
            assertThat(dma.statistics().staleEntries()).isZero();
            for (int index = 0; index <= 16; index++) {
                assertThat(bench.reaches(iovas[index], 1, Access.READ)).isFalse();
            }
            long large = dma.map(memory.physicalAddress(), 20 * 4096, DmaDirection.TO_DEVICE);
            assertThat(bench.reaches(large, 20 * 4096, Access.READ)).isTrue();
            dma.unmap(large, 20 * 4096);
            assertThat(bench.reaches(large, 1, Access.READ)).as("longer than the queue").isFalse();
            assertThat(dma.statistics().windowEntries()).isEqualTo(16);
        }
    }

    @Test
    void shouldFlushForAnIdleDriverWhenTheTimeHasPassed() {
        StrategyOptions options = DEFERRED.withQueue(StrategyOptions.UNBOUNDED, BOUND_NANOS);
        try (Bench bench = new Bench(directory, DART);
                DmaMemory memory = bench.memory.allocate(4096)) {
            Dma dma = bench.domain.dma(options);
            for (int round = 1; round <= 2; round++) {
                long iova = dma.map(memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
                assertThat(bench.reaches(iova, 1, Access.READ)).isTrue();
                long unmapped = System.nanoTime();
                dma.unmap(iova, 4096);
                awaitFlushes(dma, round);
                assertThat(bench.reaches(iova, 1, Access.READ)).isFalse();
                assertThat(System.nanoTime() - unmapped).isGreaterThanOrEqualTo(BOUND_NANOS / 2);
            }
            assertThat(dma.statistics().windowEntries()).isEqualTo(1);
            assertThat(dma.statistics().windowNanos())
                    .isGreaterThanOrEqualTo(BOUND_NANOS / 2)
                    .isLessThanOrEqualTo(options.statedWindowNanos());
            assertThat(isTimerAlive()).isTrue();
            dma.close();
            assertThat(bench.domain.statistics().attachedDevices()).isEqualTo(1);
        }
        long deadline = System.nanoTime() + Bench.TIMEOUT_NANOS;
        while (isTimerAlive()) {
            assertThat(System.nanoTime())
                    .as("the timer outlives its services")
                    .isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    @Test
    void shouldFlushOneDomainInTimeWhileADeviceOfAnotherIsStuck() throws Exception {
        StrategyOptions options = DEFERRED.withQueue(64, BOUND_NANOS);
        Path other = directory.resolve("other");
        java.nio.file.Files.createDirectory(other);
        try (Bench stuck = new Bench(directory, DART.withFlushLimitNanos(50_000_000));
                Bench bench = new Bench(other, DART);
                Dma held = stuck.domain.dma(options);
                Dma dma = bench.domain.dma(options);
                DmaMemory memory = held.allocate(4096);
                DmaMemory buffer = dma.allocate(4096)) {
            long kept = held.map(memory.physicalAddress(), 1, DmaDirection.TO_DEVICE);
            stuck.device.enter();
            assertThat(stuck.device.resolve(kept, 1, Access.READ, stuck.window)).isTrue();
            held.unmap(kept, 1);
            long iova = dma.map(buffer.physicalAddress(), 1, DmaDirection.TO_DEVICE);
            assertThat(bench.reaches(iova, 1, Access.READ)).isTrue();
            dma.unmap(iova, 1);
            awaitFlushes(dma, 1);
            assertThat(bench.reaches(iova, 1, Access.READ)).isFalse();
            assertThat(held.statistics().staleEntries()).as("honestly measured").isEqualTo(1);
            assertThatThrownBy(held::flush).isInstanceOf(DeviceStuckException.class);
            assertThat(held.statistics().staleEntries()).isEqualTo(1);
            stuck.device.exit();
            awaitFlushes(held, 1);
            assertThat(stuck.reaches(kept, 1, Access.READ)).isFalse();
        }
    }

    @Test
    void shouldUndoAWholeBatchWhileADeviceIsStuck() {
        for (Strategy strategy : List.of(Strategy.STRICT, Strategy.BATCHED, Strategy.DEFERRED)) {
            try (Bench bench = new Bench(directory, DART.withFlushLimitNanos(30_000_000));
                    Dma dma =
                            bench.domain.dma(
                                    StrategyOptions.of(strategy).withQueue(2, BOUND_NANOS));
                    DmaMemory memory = dma.allocate(4096)) {
                long[] physical = new long[4];
                int[] lengths = {4096, 4096, 4096, 4096};
                long[] iovas = new long[4];
                java.util.Arrays.fill(physical, memory.physicalAddress());
                dma.mapAll(physical, lengths, iovas, 4, DmaDirection.TO_DEVICE);
                bench.device.enter();
                assertThatThrownBy(() -> dma.unmapAll(iovas, lengths, 4))
                        .as("%s", strategy)
                        .isInstanceOf(DeviceStuckException.class);
                assertThat(dma.statistics().liveMappings()).isZero();
                assertThat(dma.statistics().staleEntries()).isPositive();
                for (long iova : iovas) {
                    long again = dma.map(physical[0], 4096, DmaDirection.TO_DEVICE);
                    assertThat(iovas).as("not before a flush").doesNotContain(again);
                    assertThatThrownBy(() -> dma.unmap(iova, 4096))
                            .isInstanceOf(IllegalArgumentException.class);
                }
                bench.device.exit();
                dma.flush();
                for (long iova : iovas) {
                    assertThat(bench.reaches(iova, 1, Access.READ)).isFalse();
                }
            }
        }
    }

    @Test
    void shouldNeverReuseWhatTheOtherServiceHasNotFlushed() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (Bench bench = new Bench(directory, DART.withServices(2));
                DmaMemory memory = bench.memory.allocate(8 * 4096)) {
            Dma[] services = {bench.domain.dma(DEFERRED), bench.domain.dma(DEFERRED)};
            // The service and its flushes at the time, by page; -1 once it may be reused.
            int[] unmappedBy = new int[1024];
            long[] unmappedAt = new long[1024];
            java.util.Arrays.fill(unmappedBy, -1);
            List<List<Long>> live = List.of(new ArrayList<>(), new ArrayList<>());
            for (int step = 0; step < 40_000; step++) {
                int who = random.nextInt(2);
                List<Long> mine = live.get(who);
                if (mine.isEmpty() || random.nextInt(100) < 51) {
                    long iova =
                            services[who].map(
                                    memory.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
                    if (iova == Dma.NO_IOVA) {
                        continue;
                    }
                    int page = (int) (iova >>> 12);
                    if (unmappedBy[page] >= 0) {
                        assertThat(services[unmappedBy[page]].statistics().flushes())
                                .as("seed=%d step=%d page=%d", seed, step, page)
                                .isGreaterThan(unmappedAt[page]);
                    }
                    mine.add(iova);
                } else {
                    long iova = mine.remove(random.nextInt(mine.size()));
                    services[who].unmap(iova, 4096);
                    unmappedBy[(int) (iova >>> 12)] = who;
                    unmappedAt[(int) (iova >>> 12)] = services[who].statistics().flushes();
                }
            }
            for (Dma service : services) {
                assertThat(service.statistics().flushes()).as("seed=%d", seed).isGreaterThan(5);
                service.close();
            }
        }
    }
}
