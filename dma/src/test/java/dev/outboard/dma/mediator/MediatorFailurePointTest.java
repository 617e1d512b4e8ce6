package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.OutOfDmaMemoryException;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.dma.Unplug;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import dev.outboard.uio.ConnectionRefusedException;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.failure.FailurePoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whatever runs out first, on the client's side, the mediator's or the device's: a driver's life
 * with a mediator fails at its first, second … point, until it succeeds. What the mediator has of
 * it is gone after each, and the next driver finds a mediator that serves.
 */
@Timeout(240)
final class MediatorFailurePointTest {
    private static final int MOST_POINTS = 500;
    private static final List<String> POINTS =
            List.of(
                    "accept4",
                    "connect",
                    "epoll_ctl",
                    "eventfd",
                    "mmap",
                    "memfd_create",
                    "pages",
                    "sendmsg",
                    "socket");
    private static final long ATTACH_NANOS = 1_000_000_000;
    private static final DomainOptions OPTIONS =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(8192);

    @TempDir Path directory;

    @AfterEach
    void disarm() {
        FailurePoint.disarm();
    }

    /** What this process has, that may leak. */
    private record Possessions(int descriptors, long mappings) {
        static Possessions now() {
            try (var maps = Files.lines(Path.of("/proc/self/maps"))) {
                return new Possessions(
                        Descriptor.openCount(),
                        maps.filter(line -> line.contains("memfd:outboard")).count());
            } catch (IOException failure) {
                throw new AssertionError(failure);
            }
        }

        /** Both sides are here: the other one may be a moment behind. */
        void await(String when) throws InterruptedException {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
            while (!now().equals(this) && System.nanoTime() < deadline) {
                Thread.sleep(1);
            }
            assertThat(now()).as(when).isEqualTo(this);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Strategy.class,
            names = {"STRICT", "DEFERRED", "GRANTED"})
    void shouldTakeEverythingBackWhateverFails(Strategy strategy) throws InterruptedException {
        // Memory and frames for one driver: whatever is forgotten, the next one lacks.
        try (Rig rig = new Rig(directory, Map.of("*", Quotas.parse("frames=1024")))) {
            life(rig, strategy);
            Rig.await("the first to go", () -> rig.mediator.clients().isEmpty());
            Possessions before = Possessions.now();
            TreeMap<String, Integer> hits = new TreeMap<>();
            String title = "strategy=" + strategy;
            failAll(rig, title, () -> life(rig, strategy), null, before, hits);
            // Threads race: what was never the n-th point is asked for by its name.
            for (String point : POINTS) {
                if (!hits.containsKey(point)) {
                    failAll(rig, title, () -> life(rig, strategy), point, before, hits);
                }
                assertThat(hits).containsKey(point);
            }
            life(rig, strategy);
        }
    }

    /** The first point of a kind fails, then the second, and so on, until a life succeeds. */
    private static void failAll(
            Rig rig,
            String title,
            Runnable life,
            String kind,
            Possessions before,
            TreeMap<String, Integer> hits)
            throws InterruptedException {
        int number = 0;
        String hit;
        do {
            assertThat(++number).isLessThan(MOST_POINTS);
            RuntimeException failure = null;
            FailurePoint.arm(kind, number);
            try {
                life.run();
            } catch (ConnectionRefusedException
                    | IllegalStateException
                    | NativeException
                    | OutOfDmaMemoryException
                    | PeerGoneException
                    | PeerTimeoutException expected) {
                failure = expected;
            } catch (IllegalArgumentException wrong) {
                // What was received is looked at, and the look failed.
                assertThat(wrong).hasMessageContaining("was expected");
                failure = wrong;
            } finally {
                hit = FailurePoint.disarm();
            }
            hits.merge(hit, 1, Integer::sum);
            String when = "%s number=%d hit=%s failure=%s".formatted(title, number, hit, failure);
            Rig.await(when, () -> rig.mediator.clients().isEmpty());
            before.await(when);
        } while (!hit.isEmpty());
    }

    private static void life(Rig rig, Strategy strategy) {
        StrategyOptions options = StrategyOptions.of(strategy);
        if (strategy == Strategy.DEFERRED) {
            // With a timer, which has a ring of its own.
            options = options.withQueue(64, TimeUnit.MILLISECONDS.toNanos(10));
        }
        try (MediatorClient client =
                        MediatorClient.connect(rig.options.listen(), "driver", ATTACH_NANOS);
                PhysicalMemory memory = client.memory(4 << 20)) {
            boolean isServed = true;
            try (IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                    IommuAttachment device =
                            IommuAttachment.connect(rig.options.iommu(), "nic0", ATTACH_NANOS);
                    Dma dma = domain.dma(options)) {
                use(rig, device, dma);
                assertThat(domain.statistics().faultsGarbled()).isZero();
            } catch (PeerGoneException gone) {
                // Nobody says that a device has forgotten coherent memory: it is not used again.
                isServed = false;
                throw gone;
            } finally {
                if (isServed) {
                    assertThat(memory.freeBytes()).as("pages").isEqualTo(memory.lengthBytes());
                    assertThat(memory.heldBytes()).isZero();
                }
            }
            client.checkPresent();
            assertThat(rig.usage("driver", "entries")).isZero();
            assertThat(rig.usage("driver", "mappings")).isZero();
        }
    }

    private static void use(Rig rig, IommuAttachment device, Dma dma) {
        try (CoherentMemory coherent = dma.allocateCoherent(8192);
                DmaMemory buffer = dma.allocate(32768)) {
            assertThat(rig.reaches(device, coherent.iova(), 8, Access.WRITE)).isTrue();
            long start = buffer.physicalAddress();
            long iova = dma.map(start, 5000, DmaDirection.TO_DEVICE);
            assertThat(rig.reaches(device, iova, 8, Access.READ)).isTrue();
            dma.unmap(iova, 5000);
            long[] physical = {start, start + 4096, start + 8192};
            long[] iovas = new long[3];
            int[] lengths = {100, 4096, 5000};
            int count = dma.mapAll(physical, lengths, iovas, 3, DmaDirection.FROM_DEVICE);
            dma.unmapAll(iovas, lengths, count);
            dma.grant(start, 4096, DmaDirection.TO_DEVICE).close();
            dma.flush();
        }
    }

    /** Whatever fails while memory comes and goes, in whole and in part, all of it is returned. */
    @Test
    void shouldTakeBackMemoryThatCouldNotComeOrGo() throws InterruptedException {
        try (Rig rig = new Rig(directory, Map.of("*", Quotas.parse("frames=1024")))) {
            plugAndUnplug(rig);
            Rig.await("the first to go", () -> rig.mediator.clients().isEmpty());
            Possessions before = Possessions.now();
            TreeMap<String, Integer> hits = new TreeMap<>();
            failAll(rig, "memory", () -> plugAndUnplug(rig), null, before, hits);
            assertThat(hits).containsKeys("segment", "memfd_create", "mmap", "sendmsg");
            plugAndUnplug(rig);
        }
    }

    private static void plugAndUnplug(Rig rig) {
        try (MediatorClient client =
                        MediatorClient.connect(rig.options.listen(), "driver", ATTACH_NANOS);
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                Dma dma = domain.dma(Strategy.STRICT)) {
            PhysicalSegment segment = memory.plug(3 << 20, PageKind.BASE);
            long start = segment.physicalAddress();
            assertThat(rig.usage("driver", "frames")).isEqualTo(1024);
            memory.unplug(start + (1 << 20), 1 << 20, Unplug.REFUSE);
            long iova = dma.map(start, 4096, DmaDirection.TO_DEVICE);
            memory.unplug(start, 1 << 20, Unplug.FORCE);
            dma.unmap(iova, 4096);
            memory.unplug(start + (2 << 20), 1 << 20, Unplug.REFUSE);
            assertThat(rig.usage("driver", "frames")).isEqualTo(256);
        }
    }

    /** A mediator that cannot be made leaves neither sockets nor anything else. */
    @Test
    void shouldLeaveNothingOfAMediatorThatCannotBeMade() throws InterruptedException {
        new Rig(directory).close();
        Possessions before = Possessions.now();
        int number = 0;
        String hit;
        do {
            assertThat(++number).isLessThan(MOST_POINTS);
            FailurePoint.arm(number);
            try {
                new Rig(directory).close();
            } catch (ConnectionRefusedException | NativeException expected) {
                assertThat(expected).hasMessageMatching(".*(failed|cannot listen at).*");
            } finally {
                hit = FailurePoint.disarm();
            }
            before.await("number=%d hit=%s".formatted(number, hit));
            assertThat(directory).as("number=%d hit=%s", number, hit).isEmptyDirectory();
        } while (!hit.isEmpty());
    }
}
