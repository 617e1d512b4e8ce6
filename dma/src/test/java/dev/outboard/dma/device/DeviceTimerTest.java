package dev.outboard.dma.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.iommu.Access;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.vhost.IotlbMessage;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A bound on the time that a device's own IOTLB keeps what was unmapped. */
@Timeout(30)
final class DeviceTimerTest {
    private static final int PAGE = 4096;
    private static final StrategyOptions TIMED =
            StrategyOptions.of(Strategy.DEFERRED)
                    .withQueue(StrategyOptions.UNBOUNDED, TimeUnit.MILLISECONDS.toNanos(100));

    @TempDir Path directory;
    private int openBefore;

    @BeforeEach
    void count() {
        openBefore = Descriptor.openCount();
    }

    @AfterEach
    void shouldHaveClosedEveryDescriptor() {
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as(what).isLessThan(deadline);
            Thread.sleep(1);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void shouldTakeWhatWasUnmappedFromADeviceWhoseDriverIsIdle() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(TIMED);
                DmaMemory memory = dma.allocate(2 * PAGE)) {
            long ring = dma.map(memory.physicalAddress(), PAGE, DmaDirection.BIDIRECTIONAL);
            fed.domain.push(ring, PAGE);
            for (int round = 1; round <= 3; round++) {
                long iova = dma.map(memory.physicalAddress(), 2 * PAGE, DmaDirection.TO_DEVICE);
                await("the push", () -> fed.device.iotlb.size() == 3);
                dma.unmap(iova, 2 * PAGE);
                assertThat(fed.device.iotlb).as("stale").hasSize(3);
                await("the flush", () -> dma.statistics().staleEntries() == 0);
                await("the ring, again", () -> fed.device.iotlb.size() == 1);
                assertThat(fed.device.iotlb).containsOnlyKeys(ring / PAGE);
                assertThat(dma.statistics().flushes()).isEqualTo(round);
            }
            assertThat(fed.domain.statistics().counters().flushes()).isEqualTo(3);
        }
    }

    @Test
    void shouldKeepEveryOtherBoundWhileADeviceDoesNotAnswer() throws InterruptedException {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Path other = directory.resolve("other");
        assertThat(other.toFile().mkdir()).isTrue();
        try (Fed slow = new Fed(directory).attach();
                Fed quick = new Fed(other).attach();
                Dma held = slow.domain.dma(TIMED);
                Dma dma = quick.domain.dma(TIMED);
                DmaMemory heldMemory = held.allocate(PAGE);
                DmaMemory memory = dma.allocate(PAGE)) {
            slow.device.onMessage =
                    message -> {
                        if (message.type() == IotlbMessage.INVALIDATE) {
                            asked.countDown();
                            await(release);
                        }
                    };
            held.unmap(held.map(heldMemory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE), PAGE);
            await(asked);
            dma.unmap(dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE), PAGE);
            await("the flush", () -> dma.statistics().staleEntries() == 0);
            assertThat(held.statistics().staleEntries()).as("not answered").isEqualTo(1);
            release.countDown();
            await("the other flush", () -> held.statistics().staleEntries() == 0);
        }
    }

    /** The connection may not close under a thread that waits on it. */
    @Test
    void shouldDetachOnlyWhenAFlushIsOver() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(TIMED);
                DmaMemory memory = dma.allocate(PAGE)) {
            fed.device.onMessage =
                    message -> {
                        if (message.type() == IotlbMessage.INVALIDATE) {
                            asked.countDown();
                            await(release);
                        }
                    };
            dma.unmap(dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE), PAGE);
            await(asked);
            var detached = CompletableFuture.runAsync(fed.domain::detach);
            Thread.sleep(50);
            assertThat(detached).isNotDone();
            release.countDown();
            detached.get(10, TimeUnit.SECONDS);
            assertThat(fed.device.iotlb).isEmpty();
            // From now on nobody is asked any more.
            dma.unmap(dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE), PAGE);
            Thread.sleep(150);
            assertThat(dma.statistics().staleEntries()).isEqualTo(1);
            assertThat(fed.failures).isEmpty();
        }
    }

    @Test
    void shouldHaveNothingToTakeFromADeviceThatIsNotThere() throws InterruptedException {
        try (Fed fed = new Fed(directory);
                Dma dma = fed.domain.dma(TIMED);
                DmaMemory memory = dma.allocate(PAGE)) {
            long iova = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            dma.unmap(iova, PAGE);
            await("the flush", () -> dma.statistics().staleEntries() == 0);
            fed.attach();
            fed.device.miss(iova, Access.READ);
            await(
                    "no answer",
                    () ->
                            !fed.faults.isEmpty()
                                    || fed.domain.statistics().counters().misses() == 1);
            assertThat(fed.device.iotlb).isEmpty();
        }
    }

    @Test
    void shouldEndItsThread() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach()) {
            for (int round = 0; round < 5; round++) {
                fed.domain.dma(TIMED).close();
            }
            await("their end", () -> flushers() == 0);
        }
    }

    private static long flushers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().endsWith("-iotlb-flush"))
                .count();
    }
}
