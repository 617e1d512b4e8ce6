package dev.outboard.host.vhost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.device.DeviceDomain;
import dev.outboard.dma.device.DeviceDomains;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.Match;
import dev.outboard.driver.QueueAddresses;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.DmaServices;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.host.bus.RingChoice;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.Fault;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Resources;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.uio.vhost.VhostFeatures;
import dev.outboard.virtio.VirtioFeatures;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A device with an IOTLB of its own, which the driver's process feeds. */
@Timeout(30)
class VhostIotlbTest {
    private static final long VERSION_1 = 1L << 32;
    private static final long OFFERED = VERSION_1 | VhostFeatures.ACCESS_PLATFORM;
    private static final long ASKS = VhostFeatures.PROTOCOL_BACKEND_REQ;
    private static final long BASE = PhysicalMemory.FIRST_ADDRESS;
    private static final int PAGE = 4096;

    @TempDir Path folder;
    private final Resources resources = new Resources();
    private final List<Fault> faults = new CopyOnWriteArrayList<>();
    private int descriptorsBefore;
    private PhysicalMemory memory;
    private DeviceDomain domain;
    private Dma dma;

    @BeforeEach
    void claim() {
        PhysicalMemory.create(PAGE).close();
        descriptorsBefore = Descriptor.openCount();
        var domains = new DeviceDomains();
        memory = resources.add(domains.memory(1 << 20));
        resources.add(domains);
        domain = domains.claim("dev", memory, DomainOptions.DEFAULT.withTableEntries(8192));
        domain.onFault(faults::add);
        dma = domain.dma(Strategy.STRICT);
    }

    @AfterEach
    void shouldHaveClosedEveryDescriptor() {
        resources.close();
        assertThat(Descriptor.openCount()).isEqualTo(descriptorsBefore);
    }

    private TestDevice device(long features, long protocol) {
        return new TestDevice(folder.resolve("dev.sock"), features, protocol, new byte[8], 1);
    }

    private HostedDevice open() {
        var setup =
                new DeviceSetup(
                        "dev",
                        Match.type("virtio", 2),
                        memory,
                        new DmaServices(() -> dma),
                        domain,
                        256,
                        RingChoice.AUTO,
                        1,
                        0,
                        WaitPolicy.BLOCK,
                        false,
                        fault -> {});
        return new VhostUserBus().open(folder.resolve("dev.sock").toString(), setup);
    }

    private static InterruptLine line() {
        return new InterruptLine() {
            @Override
            public boolean unmask() {
                return false;
            }

            @Override
            public void mask() {}

            @Override
            public boolean isPending() {
                return false;
            }
        };
    }

    /** A ring of 64 entries, one part after another. */
    private static QueueAddresses ring(CoherentMemory ring) {
        return new QueueAddresses(64, ring.iova(), ring.iova() + 0x1000, ring.iova() + 0x2000);
    }

    /** DPDK's loses frames of those for whose buffers it has to ask. */
    @Test
    void shouldNotChoosePackedRingsOfItselfForADeviceThatAsks() throws Exception {
        try (var device = device(OFFERED | VirtioFeatures.RING_PACKED, ASKS);
                var driver = open()) {
            assertThat(driver.queues().offeredFeatures() & VirtioFeatures.RING_PACKED).isZero();
            assertThat(driver.queues().offeredFeatures() & VERSION_1).isNotZero();
        }
    }

    @Test
    void shouldPushTheRingsBeforeTheDeviceIsToldOfThem() throws Exception {
        try (var device = device(OFFERED, ASKS)) {
            long iova;
            try (var driver = open();
                    var ring = dma.allocateCoherent(3 * PAGE)) {
                iova = ring.iova();
                driver.queues().acceptFeatures(VERSION_1);
                assertThat(domain.isAttached()).isTrue();
                driver.queues().interrupt(0, line());
                driver.queues().start(0, ring(ring));
                driver.queues().stop(0);
            }
            device.awaitEnd();
            var user = "update 0x%x+0x1000 user 0x%x access 3";
            assertThat(device.heard())
                    .containsExactly(
                            "owner",
                            "features 0x%x".formatted(OFFERED | VhostFeatures.PROTOCOL_FEATURES),
                            "memory 0x%x+0x100000 user 0x%x file 0x0".formatted(BASE, BASE),
                            "channel",
                            user.formatted(iova, BASE),
                            user.formatted(iova + 0x1000, BASE + 0x1000),
                            user.formatted(iova + 0x2000, BASE + 0x2000),
                            "call 0",
                            "size 0 64",
                            "base 0 0",
                            "addresses 0 0x%x 0x%x 0x%x"
                                    .formatted(iova, iova + 0x2000, iova + 0x1000),
                            "kick 0",
                            "enabled 0 true",
                            "stop 0",
                            "invalidate 0x%x+0x3000 user 0x0 access 0".formatted(iova),
                            "end: the front-end closed the connection");
        }
    }

    @Test
    void shouldAnswerMissesAndTellFaults() throws Exception {
        try (var device = device(OFFERED, ASKS);
                var driver = open();
                var buffer = dma.allocate(PAGE)) {
            long iova = dma.map(buffer.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            driver.queues().acceptFeatures(VERSION_1);
            device.miss(iova + 5, Access.READ);
            device.awaitHeard(
                    "update 0x%x+0x1000 user 0x%x access 1"
                            .formatted(iova, buffer.physicalAddress()));
            device.miss(iova, Access.WRITE);
            while (faults.isEmpty()) {
                Thread.sleep(1);
            }
            assertThat(faults.getFirst())
                    .hasToString(
                            "device=dev iova=0x%x access=write reason=ACCESS_DENIED"
                                    .formatted(iova));
        }
    }

    @Test
    void shouldRefuseADeviceWithoutAnIotlb() {
        try (var device = device(VERSION_1, ASKS)) {
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(this::open)
                    .withMessageContaining("does not offer VIRTIO_F_ACCESS_PLATFORM")
                    .withMessageContaining("IOTLB of its own")
                    .withMessageContaining("iommu-support=1");
            assertThat(device.heard()).noneMatch(line -> line.startsWith("features"));
        }
    }

    @Test
    void shouldRefuseADeviceThatCannotAsk() {
        try (var device = device(OFFERED, 0)) {
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(this::open)
                    .withMessageContaining("cannot be fed with translations")
                    .withMessageContaining("BACKEND_REQ")
                    .withMessageContaining("run without --iommu device");
            assertThat(device.heard()).noneMatch(line -> line.startsWith("features"));
        }
    }

    @Test
    void shouldSayWhyADeviceCanBeFedNoMore() throws Exception {
        var lost = new CountDownLatch(1);
        try (var device = device(OFFERED, ASKS);
                var driver = open()) {
            driver.queues().acceptFeatures(VERSION_1);
            driver.onLost(lost::countDown);
            device.askNoMore();
            assertThat(lost.await(10, TimeUnit.SECONDS)).isTrue();
            assertThat(driver.isLost()).isTrue();
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(driver::checkPresent)
                    .withMessageContaining("device dev cannot be fed with translations any more")
                    .withMessageContaining("the back-end closed the connection");
        }
    }

    @Test
    void shouldCallADeviceLostThatDied() throws Exception {
        var lost = new CountDownLatch(1);
        try (var device = device(OFFERED, ASKS);
                var driver = open();
                var buffer = dma.allocate(PAGE)) {
            driver.queues().acceptFeatures(VERSION_1);
            driver.onLost(lost::countDown);
            long iova = dma.map(buffer.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            device.die();
            dma.unmap(iova, PAGE);
            assertThat(lost.await(10, TimeUnit.SECONDS)).isTrue();
            assertThatExceptionOfType(DeviceLostException.class)
                    .isThrownBy(driver::checkPresent)
                    .withMessageContaining("device dev went away");
        }
    }
}
