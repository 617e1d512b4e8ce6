package dev.outboard.host.vhost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.Match;
import dev.outboard.driver.QueueAddresses;
import dev.outboard.host.bus.DeviceAbsentException;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.DmaServices;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.host.bus.RingChoice;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.uio.vhost.VhostFeatures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class VhostUserDeviceTest {
    private static final long ACCESS_PLATFORM = 1L << 33;
    private static final long VERSION_1 = 1L << 32;
    private static final long OFFERED = VERSION_1 | ACCESS_PLATFORM | 1L << 9;
    private static final long CONFIG = VhostFeatures.PROTOCOL_CONFIG;
    private static final byte[] BYTES = {1, 2, 3, 4, 5, 6, 7, 8};
    private static final long BASE = PhysicalMemory.FIRST_ADDRESS;
    private static final Match DISK = Match.type("virtio", 2);
    private static final Match NETWORK = Match.type("virtio", 1);
    private static final QueueAddresses RING =
            new QueueAddresses(64, BASE, BASE + 0x1000, BASE + 0x2000);

    @TempDir Path folder;
    private int descriptorsBefore;
    private PhysicalMemory memory;

    @BeforeEach
    void takeMemory() {
        // What loads once (the native library) stays open: it must not look like a leak.
        PhysicalMemory.create(4096).close();
        descriptorsBefore = Descriptor.openCount();
        memory = PhysicalMemory.create(1 << 20);
    }

    @AfterEach
    void shouldHaveClosedEveryDescriptor() {
        memory.close();
        assertThat(Descriptor.openCount()).isEqualTo(descriptorsBefore);
    }

    private Path socket() {
        return folder.resolve("dev.sock");
    }

    private TestDevice device(long features, long protocol, int queues) {
        return new TestDevice(socket(), features, protocol, BYTES, queues);
    }

    private DeviceSetup setup(Match match) {
        return new DeviceSetup(
                "dev",
                match,
                memory,
                new DmaServices(() -> Dma.off(memory)),
                null,
                256,
                RingChoice.AUTO,
                1,
                0,
                WaitPolicy.BLOCK,
                false,
                fault -> {});
    }

    private HostedDevice open(Match match) {
        return new VhostUserBus().open(socket().toString(), setup(match));
    }

    /** A line whose work only the device's signal can announce. */
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

    @Test
    void shouldHandOverMemoryAndQueuesInTheOrderThatBackEndsExpect() throws Exception {
        try (var device = device(OFFERED, CONFIG, 2)) {
            try (var driver = open(DISK)) {
                var queues = driver.queues();
                queues.acceptFeatures(VERSION_1);
                queues.interrupt(1, line());
                queues.start(1, RING);
            }
            device.awaitEnd();
            long accepted = VERSION_1 | VhostFeatures.PROTOCOL_FEATURES;
            assertThat(device.heard())
                    .containsExactly(
                            "owner",
                            "features 0x%x".formatted(accepted),
                            "memory 0x%x+0x100000 user 0x%x file 0x0".formatted(BASE, BASE),
                            "call 1",
                            "size 1 64",
                            "base 1 0",
                            "addresses 1 0x%x 0x%x 0x%x"
                                    .formatted(BASE, BASE + 0x2000, BASE + 0x1000),
                            "kick 1",
                            "enabled 1 true",
                            "stop 1",
                            "end: the front-end closed the connection");
        }
    }

    @Test
    void shouldOfferTheDriverOnlyWhatIsItsBusiness() {
        try (var device = device(OFFERED, CONFIG, 3);
                var driver = open(DISK)) {
            assertThat(driver.queues().offeredFeatures()).isEqualTo(VERSION_1 | 1L << 9);
            assertThat(driver.queues().queueCount()).isEqualTo(3);
            assertThat(driver.queues().maximumEntries(2)).isEqualTo(256);
            assertThat(driver.queues().readConfig(2, 4)).containsExactly(3, 4, 5, 6);
            assertThat(driver.id().device()).isEqualTo(2);
            assertThat(device.heard()).doesNotContain("features");
        }
    }

    @Test
    void shouldCountPairsOfQueuesForANetworkDevice() {
        try (var device = device(OFFERED, 0, 1);
                var driver = open(NETWORK)) {
            assertThat(device.queueCount()).isEqualTo(1);
            assertThat(driver.queues().queueCount()).isEqualTo(2);
        }
    }

    @Test
    void shouldHaveNoConfigurationWhereTheDeviceHasNone() {
        try (var device = device(OFFERED, 0, 1);
                var driver = open(DISK)) {
            assertThat(device.protocolFeatures()).isZero();
            assertThat(driver.queues().readConfig(0, 8)).isNull();
        }
    }

    @Test
    void shouldRingTheDoorbellAndTakeTheInterrupt() {
        try (var device = device(OFFERED, CONFIG, 1);
                var driver = open(DISK)) {
            driver.queues().acceptFeatures(VERSION_1);
            var interrupt = driver.queues().interrupt(0, line());
            var doorbell = driver.queues().start(0, RING);

            assertThat(device.wasKicked(0, 0)).isFalse();
            doorbell.ring();
            assertThat(device.wasKicked(0, TimeUnit.SECONDS.toNanos(5))).isTrue();

            assertThat(interrupt.await(0)).isFalse();
            device.raise(0);
            assertThat(interrupt.await(TimeUnit.SECONDS.toNanos(5))).isTrue();
            assertThat(interrupt.count()).isEqualTo(1);
        }
    }

    @Test
    void shouldStopAQueueOnceAndStartItAgain() {
        try (var device = device(OFFERED, CONFIG, 1);
                var driver = open(DISK)) {
            driver.queues().acceptFeatures(VERSION_1);
            driver.queues().interrupt(0, line());
            driver.queues().start(0, RING);
            driver.queues().stop(0);
            driver.queues().stop(0);
            driver.queues().start(0, RING);

            assertThat(device.heard().stream().filter("stop 0"::equals)).hasSize(1);
            assertThat(device.heard().stream().filter("kick 0"::equals)).hasSize(2);
        }
    }

    @Test
    void shouldNoticeWithinATenthOfASecondThatTheDeviceDied() throws Exception {
        try (var device = device(OFFERED, CONFIG, 1);
                var driver = open(DISK)) {
            driver.queues().acceptFeatures(VERSION_1);
            var interrupt = driver.queues().interrupt(0, line());
            driver.queues().start(0, RING);
            var told = new CountDownLatch(1);
            driver.onLost(told::countDown);
            assertThat(driver.isLost()).isFalse();

            device.die();

            assertThat(told.await(100, TimeUnit.MILLISECONDS)).isTrue();
            assertThat(driver.isLost()).isTrue();
            var start = System.nanoTime();
            interrupt.await(TimeUnit.SECONDS.toNanos(10));
            assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(5));
            assertThatExceptionOfType(DeviceLostException.class)
                    .isThrownBy(driver::checkPresent)
                    .withMessageContaining("device dev went away");
            driver.queues().stop(0);
            assertThatExceptionOfType(DeviceLostException.class)
                    .isThrownBy(() -> driver.queues().readConfig(0, 1));
        }
    }

    @Test
    void shouldTellThoseWhoAskAfterTheLossToo() throws Exception {
        try (var device = device(OFFERED, CONFIG, 1);
                var driver = open(DISK)) {
            var first = new CountDownLatch(1);
            driver.onLost(first::countDown);
            device.die();
            first.await();
            var second = new CountDownLatch(1);
            driver.onLost(second::countDown);
            assertThat(second.getCount()).isZero();
        }
    }

    @Test
    void shouldCloseTwiceWithoutHarm() {
        try (var device = device(OFFERED, CONFIG, 1)) {
            var driver = open(DISK);
            driver.close();
            driver.close();
            assertThat(device.regions).isEmpty();
        }
    }

    @Test
    void shouldSayWhatToDoWhereThereIsNoSocket() {
        assertThatExceptionOfType(DeviceAbsentException.class)
                .isThrownBy(() -> open(DISK))
                .withMessageContaining("no such socket; start the device first");
    }

    @Test
    void shouldSayThatNobodyListens() throws IOException {
        Files.createFile(socket());
        assertThatExceptionOfType(DeviceAbsentException.class)
                .isThrownBy(() -> open(DISK))
                .withMessageContaining("device dev: cannot connect to");
    }

    @Test
    void shouldSayThatTheDeviceHungUpWhileOpened() {
        try (var device = device(OFFERED, CONFIG, 1).hangingUpOnAccept()) {
            assertThatExceptionOfType(DeviceAbsentException.class)
                    .isThrownBy(() -> open(DISK))
                    .withMessageContaining("device dev closed the connection");
            assertThat(device.heard()).isEmpty();
        }
    }

    @Test
    void shouldNotWaitForEverForADeviceThatIsSilent() {
        try (var device = device(OFFERED, CONFIG, 1).silent()) {
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(() -> open(DISK))
                    .withMessageContaining("device dev does not answer");
            assertThat(device.heard()).isEmpty();
        }
    }

    @Test
    void shouldSayThatTheDeviceRefused() {
        try (var device = device(OFFERED, CONFIG, 1).refusingFeatures();
                var driver = open(DISK)) {
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(() -> driver.queues().acceptFeatures(VERSION_1))
                    .withMessageContaining("device dev refused features");
            assertThat(device.heard()).containsExactly("owner");
        }
    }

    @Test
    void shouldRefuseWhatTheDeviceDoesNotHave() {
        try (var device = device(OFFERED, CONFIG, 1);
                var driver = open(DISK)) {
            var queues = driver.queues();
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(() -> queues.acceptFeatures(1L << 40))
                    .withMessageContaining("does not offer features 0x10000000000");
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(() -> queues.acceptFeatures(ACCESS_PLATFORM))
                    .withMessageContaining("does not offer");
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(() -> queues.maximumEntries(1))
                    .withMessageContaining("has no queue 1 (it has 1)");
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(() -> driver.registers(0))
                    .withMessageContaining("no registers");
            assertThatExceptionOfType(DeviceException.class).isThrownBy(() -> driver.interrupt(0));
            assertThat(device.heard()).containsExactly("owner");
        }
    }

    @Test
    void shouldRefuseStepsOutOfOrder() {
        try (var device = device(OFFERED, CONFIG, 1);
                var driver = open(DISK)) {
            var queues = driver.queues();
            assertThatIllegalStateException().isThrownBy(() -> queues.start(0, RING));
            queues.acceptFeatures(VERSION_1);
            assertThatIllegalStateException().isThrownBy(() -> queues.acceptFeatures(0));
            assertThatIllegalStateException()
                    .isThrownBy(() -> queues.start(0, RING))
                    .withMessageContaining("claim the interrupt");
            queues.interrupt(0, line());
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(() -> queues.start(0, new QueueAddresses(512, BASE, BASE, BASE)))
                    .withMessageContaining("at most 256 entries, not 512");
            queues.start(0, RING);
            assertThatIllegalStateException().isThrownBy(() -> queues.start(0, RING));
            assertThat(device.heard()).contains("enabled 0 true").doesNotContain("stop 0");
        }
    }

    @Test
    void shouldGiveNoMemoryButBit33WhereAnIommuIsOn() throws Exception {
        var path = folder.resolve("iommu.sock");
        try (var device = device(OFFERED, CONFIG, 1);
                var owner = IommuOwner.listen(path);
                var domain = owner.claim("dev", memory, DomainOptions.DEFAULT);
                var dma = domain.dma(Strategy.STRICT);
                var driver =
                        new VhostUserBus()
                                .open(
                                        socket().toString(),
                                        new DeviceSetup(
                                                "dev",
                                                DISK,
                                                memory,
                                                new DmaServices(() -> dma),
                                                domain,
                                                256,
                                                RingChoice.AUTO,
                                                1,
                                                0,
                                                WaitPolicy.BLOCK,
                                                false,
                                                fault -> {}));
                var attachment =
                        IommuAttachment.connect(path, "dev", TimeUnit.SECONDS.toNanos(5))) {
            driver.queues().acceptFeatures(VERSION_1);
            driver.queues().interrupt(0, line());
            driver.queues().start(0, new QueueAddresses(64, 0x1000, 0x2000, 0x3000));

            assertThat(attachment.isOwnerGone()).isFalse();
            assertThat(device.heard())
                    .contains(
                            "features 0x%x"
                                    .formatted(
                                            VERSION_1
                                                    | ACCESS_PLATFORM
                                                    | VhostFeatures.PROTOCOL_FEATURES),
                            "addresses 0 0x1000 0x3000 0x2000")
                    .noneMatch(line -> line.startsWith("memory"));
        }
    }

    @Test
    void shouldRefuseADeviceThatHasNoIommuWhereOneIsOn() {
        var path = folder.resolve("iommu.sock");
        try (var device = device(VERSION_1, CONFIG, 1);
                var owner = IommuOwner.listen(path);
                var domain = owner.claim("dev", memory, DomainOptions.DEFAULT);
                var dma = domain.dma(Strategy.STRICT)) {
            var setup =
                    new DeviceSetup(
                            "dev",
                            DISK,
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
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(() -> new VhostUserBus().open(socket().toString(), setup))
                    .withMessageContaining("has no IOMMU")
                    .withMessageContaining("--strategy off");
            assertThat(device.heard()).noneMatch(line -> line.startsWith("features"));
        }
    }
}
