package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.CalgaryFormat;
import dev.outboard.iommu.DartFormat;
import dev.outboard.iommu.TableFormat;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A bound on the time that unmapped pages wait, kept while their driver does nothing. */
@Timeout(60)
final class MediatorTimerTest {
    private static final long BOUND_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final StrategyOptions TIMED =
            StrategyOptions.of(Strategy.DEFERRED).withQueue(StrategyOptions.UNBOUNDED, BOUND_NANOS);

    @TempDir Path directory;

    static List<TableFormat> formats() {
        return List.of(DartFormat.INSTANCE, CalgaryFormat.INSTANCE);
    }

    private static DomainOptions options(TableFormat format) {
        return DomainOptions.DEFAULT.withFormat(format).withTableEntries(8192);
    }

    /** One clear, of which the mediator hears nothing by itself, while it sleeps. */
    @ParameterizedTest
    @MethodSource("formats")
    void shouldFlushForADriverThatIsIdle(TableFormat format) throws InterruptedException {
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic0", memory, options(format));
                IommuAttachment device = rig.device("nic0");
                Dma dma = domain.dma(TIMED);
                DmaMemory buffer = dma.allocate(8192)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            for (int round = 1; round <= 3; round++) {
                long iova = dma.map(buffer.physicalAddress(), 8192, DmaDirection.TO_DEVICE);
                assertThat(rig.reaches(device, iova, 4096, Access.READ)).isTrue();
                Thread.sleep(20);
                dma.unmap(iova, 8192);
                assertThat(rig.reaches(device, iova, 4096, Access.READ)).as("stale").isTrue();
                Rig.await("the flush", () -> dma.statistics().staleEntries() == 0);
                assertThat(rig.reaches(device, iova, 4096, Access.READ)).isFalse();
                assertThat(rig.reaches(device, iova + 4096, 4096, Access.READ)).isFalse();
                assertThat(dma.statistics().flushes()).isEqualTo(round);
            }
            assertThat(dma.statistics().windowEntries()).isEqualTo(2);
            assertThat(rig.usage("a", "entries")).isZero();
            assertThat(rig.report("a").refusals()).isEmpty();
        }
    }

    /**
     * The service's ring waits for a device; what was cleared behind that is not flushed before.
     */
    @Test
    void shouldNotTakeAFlushForOverThatTheDeviceHoldsUp() throws InterruptedException {
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain =
                        client.claim(
                                "nic0",
                                memory,
                                options(DartFormat.INSTANCE)
                                        .withFlushLimitNanos(TimeUnit.MILLISECONDS.toNanos(50)));
                IommuAttachment device = rig.device("nic0");
                Dma dma = domain.dma(TIMED);
                DmaMemory buffer = dma.allocate(4096)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            long iova = dma.map(buffer.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
            device.enter();
            assertThat(device.resolve(iova, 4096, Access.READ, rig.window)).isTrue();
            dma.unmap(iova, 4096);
            // The limit of the flush passes, and the mediator answers that the device is stuck.
            Rig.await("a refusal", () -> rig.report("a").refusals().size() == 1);
            assertThat(rig.report("a").refusals()).containsOnlyKeys(Status.DEVICE_STUCK);
            assertThat(dma.statistics().staleEntries()).isEqualTo(1);
            assertThat(device.resolve(iova, 4096, Access.READ, rig.window)).isTrue();
            device.exit();
            Rig.await("the flush", () -> dma.statistics().staleEntries() == 0);
            assertThat(rig.reaches(device, iova, 4096, Access.READ)).isFalse();
        }
    }

    /** Many clears, of which some are in the ring when the timer comes and some come then. */
    @Test
    void shouldNeverReachWhatAFlushIsSaidToHaveReached() {
        StrategyOptions queued = TIMED.withQueue(64, StrategyOptions.LEAST_QUEUE_NANOS);
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic0", memory, options(DartFormat.INSTANCE));
                IommuAttachment device = rig.device("nic0");
                Dma dma = domain.dma(queued);
                DmaMemory buffer = dma.allocate(4096)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            long[] iovas = new long[40];
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
            for (int round = 0; System.nanoTime() < end; round++) {
                for (int index = 0; index < iovas.length; index++) {
                    iovas[index] = dma.map(buffer.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
                    assertThat(rig.reaches(device, iovas[index], 8, Access.READ)).isTrue();
                }
                for (long iova : iovas) {
                    dma.unmap(iova, 4096);
                }
                if (round % 7 == 0) {
                    Rig.await("the flush", () -> dma.statistics().staleEntries() == 0);
                    for (long iova : iovas) {
                        assertThat(rig.reaches(device, iova, 8, Access.READ)).isFalse();
                    }
                }
            }
            assertThat(dma.statistics().windowEntries()).isBetween(1L, 64L);
            assertThat(rig.report("a").refusals()).isEmpty();
        }
    }

    /** Both rings in the test's hands: the order in which a mediator takes them is its own. */
    @Test
    void shouldAskForNothingBeforeTheMediatorHasTakenTheClears() {
        RequestRing cleared = ring();
        RequestRing own = ring();
        try (EventDescriptor clearedBell = EventDescriptor.create();
                EventDescriptor bell = EventDescriptor.create()) {
            MediatorSideFlush flush =
                    new MediatorSideFlush(cleared, clearedBell, own, bell, () -> {});
            cleared.setPutRelease(7);
            cleared.setTakenRelease(3);
            cleared.setMediatorAsleep(true);
            flush.begin();
            assertThat(clearedBell.drain()).as("it is woken").isEqualTo(1);
            cleared.setMediatorAsleep(false);
            cleared.setPutRelease(9);
            assertThat(flush.poll()).isFalse();
            assertThat(own.putAcquire()).isZero();
            cleared.setTakenRelease(6);
            assertThat(flush.poll()).isFalse();
            assertThat(own.putAcquire()).isZero();
            own.setMediatorAsleep(true);
            cleared.setTakenRelease(7);
            assertThat(flush.poll()).isFalse();
            assertThat(bell.drain()).isEqualTo(1);
            assertThat(own.putAcquire()).isEqualTo(2);
            assertThat(Request.code(own.firstOpaque(0))).isEqualTo(Request.FORGET_ALL);
            assertThat(Request.code(own.firstOpaque(1))).isEqualTo(Request.SETTLE);
            own.setAnswerRelease(2, Status.DEVICE_STUCK);
            assertThat(flush.poll()).isFalse();
            assertThat(own.putAcquire()).as("asked again").isEqualTo(4);
            own.setAnswerRelease(4, Status.DONE);
            assertThat(flush.poll()).isTrue();
            assertThat(flush.flushes()).isEqualTo(1);
        }
    }

    private static RequestRing ring() {
        return new RequestRing(
                Arena.ofAuto().allocate(RequestRingDescriptor.LENGTH_BYTES, Long.BYTES));
    }

    @Test
    void shouldGiveItsRingBack() {
        int before = Descriptor.openCount();
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic0", memory, options(DartFormat.INSTANCE))) {
            domain.dma(TIMED).close();
            int idle = Descriptor.openCount();
            // More often than a client may have services at once.
            for (int round = 0; round < 2 * Estate.MAX_SERVICES; round++) {
                try (Dma dma = domain.dma(TIMED)) {
                    long iova =
                            dma.map(
                                    memory.segments().getFirst().physicalAddress(),
                                    4096,
                                    DmaDirection.TO_DEVICE);
                    dma.unmap(iova, 4096);
                }
                assertThat(Descriptor.openCount()).isEqualTo(idle);
            }
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    /** The timer's thread is everybody's: it outlives a mediator that dies under a flush. */
    @Test
    void shouldOutliveTheMediator() {
        Rig rig = new Rig(directory);
        try (MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic0", memory, options(DartFormat.INSTANCE))) {
            Dma dma = domain.dma(TIMED);
            long physical = memory.segments().getFirst().physicalAddress();
            dma.unmap(dma.map(physical, 4096, DmaDirection.TO_DEVICE), 4096);
            rig.close();
            Rig.await("the bound", () -> dma.statistics().windowNanos() > BOUND_NANOS);
        }
        assertThat(flushTimers()).as("ended, or in nobody's service").isLessThanOrEqualTo(1);
        shouldGiveItsRingBack();
    }

    private static long flushTimers() {
        return Stream.of(Thread.getAllStackTraces().keySet().toArray(Thread[]::new))
                .filter(thread -> thread.getName().equals("flush-timer"))
                .count();
    }
}
