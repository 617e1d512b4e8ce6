package dev.outboard.dma.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.DeviceStuckException;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.OutOfDmaMemoryException;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.uio.ConnectionRefusedException;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.failure.FailurePoint;
import dev.outboard.uio.vhost.VhostFeatures;
import dev.outboard.uio.vhost.VhostFrontEnd;
import dev.outboard.uio.vhost.VhostProtocolException;
import java.nio.file.Path;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whatever runs out first, here or in a device with an IOTLB of its own: a driver's life with it
 * fails at its first, second … point, until it succeeds, and leaves nothing behind at any.
 */
@Timeout(120)
final class DeviceFailurePointTest {
    private static final int MOST_POINTS = 200;
    private static final long CONNECT_NANOS = 1_000_000_000;

    @TempDir Path directory;

    @AfterEach
    void disarm() {
        FailurePoint.disarm();
    }

    @ParameterizedTest
    @EnumSource(
            value = Strategy.class,
            names = {"STRICT", "DEFERRED", "CACHED"})
    void shouldLeaveNothingBehindWhateverFails(Strategy strategy) {
        life(strategy, 0);
        int before = Descriptor.openCount();
        TreeMap<String, Integer> hits = new TreeMap<>();
        int number = 0;
        String hit;
        do {
            assertThat(++number).isLessThan(MOST_POINTS);
            RuntimeException failure = null;
            try {
                life(strategy, number);
            } catch (IllegalStateException scarce) {
                // That of "segment", and no other, says that it could not be noted.
                assertThat(scarce).hasMessageContaining("is left to note a change of");
                failure = scarce;
            } catch (ConnectionRefusedException
                    | DeviceStuckException
                    | NativeException
                    | OutOfDmaMemoryException
                    | PeerGoneException
                    | PeerTimeoutException
                    | VhostProtocolException expected) {
                failure = expected;
            } finally {
                hit = FailurePoint.disarm();
            }
            hits.merge(hit, 1, Integer::sum);
            assertThat(Descriptor.openCount())
                    .as("number=%d hit=%s failure=%s", number, hit, failure)
                    .isEqualTo(before);
        } while (!hit.isEmpty());
        assertThat(hits).containsKeys("connect", "epoll_ctl", "eventfd", "memfd_create", "mmap");
        assertThat(hits).containsKeys("pages", "sendmsg");
    }

    /** The device listens before anything fails, as one that is another process does. */
    private void life(Strategy strategy, int number) {
        try (IotlbDevice device = new IotlbDevice(directory.resolve("d.sock"))) {
            if (number > 0) {
                FailurePoint.arm(number);
            }
            try (DeviceDomains domains = new DeviceDomains();
                    PhysicalMemory memory = domains.memory(1 << 20)) {
                live(domains, memory, strategy);
            }
        }
    }

    private void live(DeviceDomains domains, PhysicalMemory memory, Strategy strategy) {
        DomainOptions options = DomainOptions.DEFAULT.withTableEntries(8192);
        try (DeviceDomain domain = domains.claim("nic0", memory, options);
                VhostFrontEnd frontEnd =
                        VhostFrontEnd.connect(directory.resolve("d.sock"), CONNECT_NANOS);
                AutoCloseable detach = domain::detach) {
            frontEnd.setOwner();
            frontEnd.setProtocolFeatures(
                    VhostFeatures.PROTOCOL_REPLY_ACK | VhostFeatures.PROTOCOL_BACKEND_REQ);
            frontEnd.setFeatures(VhostFeatures.ACCESS_PLATFORM | VhostFeatures.PROTOCOL_FEATURES);
            try (Dma dma = domain.dma(strategy);
                    CoherentMemory coherent = dma.allocateCoherent(4096)) {
                domain.attach(frontEnd, failure -> {});
                domain.push(coherent.iova(), 4096);
                use(dma);
            }
        } catch (RuntimeException failure) {
            throw failure;
        } catch (Exception impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static void use(Dma dma) {
        try (DmaMemory buffer = dma.allocate(8192)) {
            for (int round = 0; round < 3; round++) {
                long iova = dma.map(buffer.physicalAddress(), 5000, DmaDirection.TO_DEVICE);
                dma.unmap(iova, 5000);
            }
            dma.flush();
        }
    }
}
