package dev.outboard.dma.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.outboard.dma.DeviceStuckException;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.FaultReason;
import dev.outboard.iommu.Translation;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.vhost.IotlbMessage;
import dev.outboard.uio.vhost.VhostProtocolException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a device with an IOTLB is told, when, and what it may say. */
@Timeout(30)
final class DeviceDomainTest {
    private static final int PAGE = 4096;

    @TempDir Path directory;
    private int openBefore;

    @BeforeEach
    void count() {
        PhysicalMemory.create(PAGE).close();
        openBefore = Descriptor.openCount();
    }

    @AfterEach
    void shouldHaveClosedEveryDescriptor() {
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
    }

    private static IotlbMessage update(long iova, long length, long physical, int access) {
        return new IotlbMessage(iova, length, physical, access, IotlbMessage.UPDATE);
    }

    private static IotlbMessage invalidation(long iova, long length) {
        return new IotlbMessage(iova, length, 0, 0, IotlbMessage.INVALIDATE);
    }

    @Test
    void shouldPushWhatIsMappedAndTakeItAwayBeforeAnUnmapReturns() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(2 * PAGE)) {
            long physical = memory.physicalAddress();
            long iova = dma.map(physical + 100, PAGE, DmaDirection.TO_DEVICE);
            fed.device.awaitHeard(1);
            assertThat(fed.device.heard)
                    .containsExactly(update(iova - 100, 2 * PAGE, physical, Access.READ));
            dma.unmap(iova, PAGE);
            assertThat(fed.device.heard).hasSize(2);
            assertThat(fed.device.last()).isEqualTo(invalidation(iova - 100, 2 * PAGE));
            assertThat(fed.device.iotlb).isEmpty();
            assertThat(dma.statistics().flushes()).isEqualTo(1);
            assertThat(fed.domain.pushedUpdates()).isEqualTo(1);
            assertThat(fed.domain.statistics().counters().invalidations()).isEqualTo(1);
        }
    }

    @Test
    void shouldAnswerAMissOfALiveMappingWithAllThatAdjoins() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(4 * PAGE)) {
            long iova = dma.map(memory.physicalAddress(), 4 * PAGE, DmaDirection.FROM_DEVICE);
            fed.device.awaitHeard(1);
            fed.device.iotlb.clear();
            assertThat(fed.device.miss(iova + PAGE + 17, Access.WRITE)).isTrue();
            fed.device.awaitHeard(2);
            assertThat(fed.device.last())
                    .isEqualTo(
                            update(
                                    iova + PAGE,
                                    3 * PAGE,
                                    memory.physicalAddress() + PAGE,
                                    Access.WRITE));
            // It is counted after it was sent: by then the thread that counts has ended.
            fed.domain.detach();
            assertThat(fed.domain.statistics().counters().misses()).isEqualTo(1);
            assertThat(fed.faults).isEmpty();
        }
    }

    @Test
    void shouldAnswerWhatWasMappedBeforeTheDeviceCame() throws InterruptedException {
        try (Fed fed = new Fed(directory);
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(3 * PAGE)) {
            long gone = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            long iova = dma.map(memory.physicalAddress(), 3 * PAGE, DmaDirection.TO_DEVICE);
            dma.unmap(gone, PAGE);
            assertThat(fed.domain.isAttached()).isFalse();
            assertThat(fed.domain.awaitAttached(1)).isFalse();
            fed.attach();
            fed.awaitQuiet();
            assertThat(fed.domain.awaitAttached(1)).isTrue();
            assertThat(fed.device.miss(iova, Access.READ)).isTrue();
            assertThat(fed.device.miss(gone, Access.READ)).isTrue();
            fed.device.awaitHeard(1);
            fed.awaitFaults(1);
            assertThat(fed.device.heard)
                    .containsExactly(update(iova, 3 * PAGE, memory.physicalAddress(), Access.READ));
        }
    }

    @Test
    void shouldPushARangeAndPassOverItsHoles() throws InterruptedException {
        try (Fed fed = new Fed(directory);
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(3 * PAGE)) {
            long first = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            long hole = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            long last = dma.map(memory.physicalAddress(), PAGE, DmaDirection.FROM_DEVICE);
            dma.unmap(hole, PAGE);
            fed.attach();
            fed.domain.push(first, 100 * PAGE);
            fed.device.awaitHeard(2);
            assertThat(fed.device.heard)
                    .containsExactly(
                            update(first, PAGE, memory.physicalAddress(), Access.READ),
                            update(last, PAGE, memory.physicalAddress(), Access.WRITE));
            fed.domain.push(-PAGE, PAGE);
            fed.domain.push(8191L * PAGE, 5 * PAGE);
            assertThat(fed.device.heard).hasSize(2);
        }
    }

    @Test
    void shouldTellFaultsByName() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(PAGE)) {
            long iova = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            fed.device.awaitHeard(1);
            fed.device.miss(iova + PAGE, Access.READ);
            fed.device.miss(iova, Access.READ_WRITE);
            fed.device.miss(-PAGE, Access.READ);
            fed.device.miss(8192L * PAGE, Access.READ);
            fed.device.miss(iova, Access.NONE);
            fed.device.fail(iova + PAGE, Access.WRITE);
            fed.device.fail(iova, Access.READ);
            fed.awaitFaults(7);
            assertThat(fed.faults)
                    .containsExactly(
                            fault(iova + PAGE, Access.READ, FaultReason.NOT_MAPPED),
                            fault(iova, Access.READ_WRITE, FaultReason.ACCESS_DENIED),
                            fault(-PAGE, Access.READ, FaultReason.OUT_OF_RANGE),
                            fault(8192L * PAGE, Access.READ, FaultReason.OUT_OF_RANGE),
                            fault(iova, Access.NONE, FaultReason.BAD_LENGTH),
                            fault(iova + PAGE, Access.WRITE, FaultReason.NOT_MAPPED),
                            fault(iova, Access.READ, FaultReason.ACCESS_DENIED));
            assertThat(fed.domain.statistics().counters().faults()).isEqualTo(7);
            // Answered, so that the device has heard whatever it was sent before.
            dma.unmap(iova, PAGE);
            assertThat(fed.device.heard(IotlbMessage.UPDATE)).as("only the push").isOne();
        }
    }

    private static Fault fault(long iova, int access, FaultReason reason) {
        return new Fault(Fed.NAME, iova, access, reason);
    }

    @Test
    void shouldNotCallAQuestionAFaultThatWasAskedBeforeTheUnmap() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(PAGE)) {
            long iova = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            CountDownLatch hearing = new CountDownLatch(1);
            CountDownLatch release = new CountDownLatch(1);
            fed.domain.onFault(
                    fault -> {
                        fed.faults.add(fault);
                        hearing.countDown();
                        await(release);
                    });
            fed.device.miss(-PAGE, Access.READ);
            assertThat(hearing.await(10, TimeUnit.SECONDS)).isTrue();
            fed.device.miss(iova, Access.READ);
            dma.unmap(iova, PAGE);
            release.countDown();
            while (fed.domain.statistics().counters().misses() < 2) {
                Thread.sleep(1);
            }
            assertThat(fed.faults).as("only the first").hasSize(1);
            fed.awaitQuiet();
            fed.device.miss(iova, Access.READ);
            fed.awaitFaults(2);
            assertThat(fed.faults.getLast())
                    .isEqualTo(fault(iova, Access.READ, FaultReason.NOT_MAPPED));
        }
    }

    @Test
    void shouldLetADeviceReadWhatItWritesOnlyIfItAsksForBoth() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(PAGE)) {
            long physical = memory.physicalAddress();
            long iova = dma.map(physical, PAGE, DmaDirection.FROM_DEVICE);
            fed.device.miss(iova, Access.READ);
            fed.awaitFaults(1);
            assertThat(fed.domain.isReadingWhatItWrites()).isFalse();
            fed.device.miss(iova, Access.READ_WRITE);
            fed.device.awaitHeard(3);
            long next = dma.map(physical, PAGE, DmaDirection.FROM_DEVICE);
            long other = dma.map(physical, PAGE, DmaDirection.TO_DEVICE);
            fed.device.awaitHeard(5);
            assertThat(fed.device.heard)
                    .containsExactly(
                            update(iova, PAGE, physical, Access.WRITE),
                            invalidation(iova, PAGE),
                            update(iova, PAGE, physical, Access.READ_WRITE),
                            update(next, PAGE, physical, Access.READ_WRITE),
                            update(other, PAGE, physical, Access.READ));
            fed.device.miss(other, Access.READ_WRITE);
            fed.awaitFaults(2);
            assertThat(fed.domain.isReadingWhatItWrites()).isTrue();
        }
    }

    @Test
    void shouldPushTheRingsAgainWhenEverythingWasDropped() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.DEFERRED);
                DmaMemory memory = dma.allocate(2 * PAGE)) {
            long ring = dma.map(memory.physicalAddress(), PAGE, DmaDirection.BIDIRECTIONAL);
            fed.domain.push(ring + 64, 100);
            long other = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            dma.unmap(other, PAGE);
            dma.flush();
            fed.device.awaitHeard(5);
            assertThat(fed.device.heard)
                    .endsWith(
                            invalidation(0, 8192L * PAGE),
                            update(ring, PAGE, memory.physicalAddress(), Access.READ_WRITE));
            dma.unmap(ring, PAGE);
            dma.flush();
            assertThat(fed.device.last()).as("it is gone").isEqualTo(invalidation(0, 8192L * PAGE));
        }
    }

    @Test
    void shouldOutliveAConsumerOfFaultsThatFails() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(PAGE)) {
            fed.domain.onFault(
                    fault -> {
                        throw new IllegalStateException("on purpose");
                    });
            fed.device.miss(0x7000, Access.READ);
            long iova = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            fed.device.miss(iova, Access.READ);
            fed.device.awaitHeard(2);
            assertThat(fed.domain.statistics().faultsDelivered()).isEqualTo(1);
            assertThat(fed.failures).isEmpty();
        }
    }

    @Test
    void shouldTakeABatchAwayWithOneAnswer() {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.BATCHED);
                DmaMemory memory = dma.allocate(PAGE)) {
            long[] iovas = new long[3];
            long[] physical = new long[3];
            int[] lengths = new int[3];
            Arrays.fill(physical, memory.physicalAddress());
            Arrays.fill(lengths, PAGE);
            assertThat(dma.mapAll(physical, lengths, iovas, 3, DmaDirection.TO_DEVICE))
                    .isEqualTo(3);
            dma.unmapAll(iovas, lengths, 3);
            assertThat(fed.device.last()).isEqualTo(invalidation(iovas[0], 3 * PAGE));
            assertThat(dma.statistics().flushes()).isEqualTo(1);
        }
    }

    @Test
    void shouldTakeEverythingAwayWhenABatchHasTooManyHoles() {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.BATCHED);
                DmaMemory memory = dma.allocate(PAGE)) {
            int count = 2 * 65 + 1;
            long[] iovas = new long[count];
            long[] physical = new long[count];
            int[] lengths = new int[count];
            Arrays.fill(physical, memory.physicalAddress());
            Arrays.fill(lengths, PAGE);
            dma.mapAll(physical, lengths, iovas, count, DmaDirection.TO_DEVICE);
            long[] odd = new long[65];
            for (int i = 0; i < odd.length; i++) {
                odd[i] = iovas[2 * i];
            }
            long before = fed.device.heard(IotlbMessage.INVALIDATE);
            dma.unmapAll(odd, lengths, 64);
            assertThat(fed.device.heard(IotlbMessage.INVALIDATE) - before).isEqualTo(64);
            assertThat(dma.statistics().flushes()).isEqualTo(1);
            dma.mapAll(physical, lengths, odd, 65, DmaDirection.TO_DEVICE);
            for (int i = 0; i < odd.length; i++) {
                odd[i] = iovas[2 * i + 1];
            }
            dma.unmapAll(odd, lengths, 65);
            assertThat(fed.device.last()).isEqualTo(invalidation(0, 8192L * PAGE));
            assertThat(fed.device.iotlb).isEmpty();
            assertThat(fed.domain.statistics().counters().flushes()).isEqualTo(1);
        }
    }

    @Test
    void shouldLeaveAStaleTranslationUntilTheRollOverWhenDeferred() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.DEFERRED);
                DmaMemory memory = dma.allocate(PAGE)) {
            long stale = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            dma.unmap(stale, PAGE);
            fed.device.awaitHeard(1);
            fed.awaitQuiet();
            assertThat(fed.device.iotlb).containsOnlyKeys(stale / PAGE);
            assertThat(fed.device.miss(stale, Access.READ)).isTrue();
            fed.awaitFaults(1);
            dma.flush();
            assertThat(fed.device.last()).isEqualTo(invalidation(0, 8192L * PAGE));
            assertThat(fed.device.iotlb).isEmpty();
        }
    }

    @Test
    void shouldWaitForTheDevicesAnswerAndServeItsMissesMeanwhile() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        CountDownLatch arrived = new CountDownLatch(1);
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(PAGE)) {
            long kept = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            long iova = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            fed.device.onMessage =
                    message -> {
                        if (message.type() == IotlbMessage.INVALIDATE) {
                            arrived.countDown();
                            await(release);
                        }
                    };
            CompletableFuture<Void> unmapped =
                    CompletableFuture.runAsync(() -> dma.unmap(iova, PAGE));
            assertThat(arrived.await(10, TimeUnit.SECONDS)).isTrue();
            fed.awaitQuiet();
            fed.device.miss(kept, Access.READ);
            fed.device.miss(iova, Access.READ);
            fed.awaitFaults(1);
            assertThat(unmapped).as("the device has not answered").isNotDone();
            release.countDown();
            unmapped.get(10, TimeUnit.SECONDS);
            fed.device.awaitHeard(4);
            assertThat(fed.device.iotlb)
                    .containsOnly(
                            Map.entry(
                                    kept / PAGE,
                                    Translation.of(
                                            memory.physicalAddress() / PAGE, 0, Access.READ)));
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void shouldLetGoOfADeviceThatDied() {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(PAGE)) {
            long iova = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            fed.device.die();
            dma.unmap(iova, PAGE);
            long again = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            dma.unmap(again, PAGE);
            assertThat(fed.failures).isNotEmpty().hasSizeLessThanOrEqualTo(2);
        }
    }

    @Test
    void shouldCallADeviceStuckThatDoesNotAnswerAnInvalidation() {
        CountDownLatch release = new CountDownLatch(1);
        try (Fed fed = new Fed(directory).attach()) {
            DmaMemory memory = fed.memory.allocate(PAGE);
            Dma dma = fed.domain.dma(Strategy.STRICT);
            long iova = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            fed.device.onMessage = message -> await(release);
            assertThatExceptionOfType(DeviceStuckException.class)
                    .isThrownBy(() -> dma.unmap(iova, PAGE))
                    .withMessageContaining("device=nic0 did not drop what was unmapped")
                    .withMessageContaining("did not answer IOTLB_MSG within 5000 ms")
                    .withMessageContaining("stop its process");
            assertThat(fed.failures).hasSize(1);
            assertThatExceptionOfType(DeviceStuckException.class)
                    .as("what it may still reach is not forgotten")
                    .isThrownBy(dma::flush);
            assertThat(dma.statistics().staleEntries()).isEqualTo(1);
            release.countDown();
        }
    }

    @Test
    void shouldCallADeviceStuckThatRefusesAnInvalidation() {
        try (Fed fed = new Fed(directory).attach()) {
            DmaMemory memory = fed.memory.allocate(PAGE);
            Dma dma = fed.domain.dma(Strategy.STRICT);
            long iova = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            fed.device.onMessage =
                    message -> {
                        if (message.type() == IotlbMessage.INVALIDATE) {
                            throw new VhostProtocolException("I keep it");
                        }
                    };
            assertThatExceptionOfType(DeviceStuckException.class)
                    .isThrownBy(() -> dma.unmap(iova, PAGE))
                    .withMessageContaining("refused IOTLB_MSG");
            assertThat(fed.failures).hasSize(1);
        }
    }

    @Test
    void shouldSayWhyTheChannelOfMissesEnded() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach()) {
            fed.device.requests().close();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
            while (fed.failures.isEmpty() && System.nanoTime() < deadline) {
                Thread.sleep(1);
            }
            assertThat(fed.failures)
                    .singleElement()
                    .satisfies(
                            failure ->
                                    assertThat(failure)
                                            .hasMessageContaining("its channel for misses ended"));
        }
    }

    @Test
    void shouldServeADriverDuringAStormOfMissesAndFaults() throws InterruptedException {
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(PAGE)) {
            fed.domain.onFault(fault -> {});
            long kept = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            // Not by an interrupt, which a call on the way may take for its own.
            var isOver = new AtomicBoolean();
            Thread storm =
                    Thread.ofPlatform()
                            .daemon()
                            .start(
                                    () -> {
                                        long iova = 0;
                                        while (!isOver.get()) {
                                            fed.device.miss(iova * PAGE, Access.READ_WRITE);
                                            fed.device.fail(-iova, Access.READ);
                                            fed.device.miss(kept, Access.READ);
                                            iova = iova * 31 + 7;
                                            // Else the device's thread may get its lock seldom.
                                            Thread.yield();
                                        }
                                    });
            for (int round = 0; round < 2_000; round++) {
                long iova = dma.map(memory.physicalAddress(), PAGE, DmaDirection.FROM_DEVICE);
                dma.unmap(iova, PAGE);
            }
            isOver.set(true);
            storm.join();
            assertThat(fed.failures).isEmpty();
            assertThat(fed.domain.statistics().counters().faults()).isPositive();
            assertThat(fed.device.iotlb).containsOnlyKeys(kept / PAGE);
        }
    }

    @Test
    void shouldBeOneDevicesOwn() {
        try (Fed fed = new Fed(directory).attach()) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> fed.domain.admit("nic1"))
                    .withMessageContaining("cannot share the domain of device=nic0");
            assertThatIllegalStateException()
                    .isThrownBy(() -> fed.domain.attach(fed.frontEnd, failure -> {}))
                    .withMessageContaining("has had its device already");
        }
    }

    @Test
    void shouldHandOutADomainOnceAndNothingWhenClosed() {
        DeviceDomains domains = new DeviceDomains();
        try (PhysicalMemory memory = domains.memory(PAGE)) {
            DeviceDomain domain = domains.claim("d", memory, DomainOptions.DEFAULT);
            assertThatIllegalStateException()
                    .isThrownBy(() -> domains.claim("d", memory, DomainOptions.DEFAULT))
                    .withMessageContaining("device=d is claimed already");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> domains.claim(" ", memory, DomainOptions.DEFAULT));
            try (Dma dma = domain.dma(Strategy.STRICT)) {
                assertThatIllegalStateException()
                        .isThrownBy(() -> domain.dma(Strategy.STRICT))
                        .withMessageContaining("has its 1 mapping services already");
                assertThat(dma.strategy()).isEqualTo(Strategy.STRICT);
            }
            domain.close();
            domain.close();
            domains.claim("d", memory, DomainOptions.DEFAULT);
            domains.close();
            assertThatIllegalStateException()
                    .isThrownBy(() -> domains.claim("e", memory, DomainOptions.DEFAULT));
            assertThatIllegalStateException().isThrownBy(() -> domain.dma(Strategy.STRICT));
        }
    }
}
