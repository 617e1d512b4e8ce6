package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.HeldDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.uio.vhost.VhostFeatures;
import dev.outboard.uio.vhost.VhostFrontEnd;
import dev.outboard.uio.vhost.VhostProtocolException;
import dev.outboard.virtio.VirtioFeatures;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of drivers that connect to the switch. */
class NicSessionTest extends NicFixture {
    private static final long OFFERED =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.RING_PACKED
                    | VirtioFeatures.IN_ORDER
                    | VirtioFeatures.NET_MAC
                    | VirtioFeatures.NET_STATUS
                    | VirtioFeatures.NET_MTU
                    | VirtioFeatures.NET_CSUM
                    | VirtioFeatures.NET_GUEST_CSUM
                    | VirtioFeatures.NET_CTRL_GUEST_OFFLOADS
                    | VirtioFeatures.NET_GUEST_TSO4
                    | VirtioFeatures.NET_GUEST_TSO6
                    | VirtioFeatures.NET_GUEST_ECN
                    | VirtioFeatures.NET_GUEST_USO4
                    | VirtioFeatures.NET_GUEST_USO6
                    | VirtioFeatures.NET_HOST_TSO4
                    | VirtioFeatures.NET_HOST_TSO6
                    | VirtioFeatures.NET_HOST_ECN
                    | VirtioFeatures.NET_HOST_USO
                    | VirtioFeatures.NET_MRG_RXBUF
                    | VirtioFeatures.NET_CTRL_VQ
                    | VirtioFeatures.NET_CTRL_RX
                    | VirtioFeatures.NET_CTRL_RX_EXTRA
                    | VirtioFeatures.NET_CTRL_VLAN
                    | VirtioFeatures.NET_CTRL_MAC_ADDR
                    | VirtioFeatures.NET_GUEST_ANNOUNCE
                    | VirtioFeatures.ACCESS_PLATFORM;

    @Test
    void shouldOfferOnlyWhatWorks() {
        startModel(2, false);
        var driver = opened(TestDriver.open(socket(0)));
        assertThat(driver.frontEnd.features() & ~(1L << 30)).isEqualTo(OFFERED);
        driver.negotiate(0);
        assertThat(driver.frontEnd.queueCount()).isEqualTo(1);
        var config = ByteBuffer.wrap(driver.frontEnd.readConfig(0, 12));
        config.order(ByteOrder.LITTLE_ENDIAN);
        var mac = new byte[6];
        config.get(mac);
        assertThat(mac).isEqualTo(A.bytes());
        assertThat(config.getShort(6)).isEqualTo((short) 1);
        assertThat(config.getShort(10)).isEqualTo((short) 1500);
    }

    @Test
    void shouldAskTheDriverOnlyWhereThereIsNoOwner() {
        startModel(2, true);
        var driver = opened(TestDriver.open(socket(0)));
        assertThat(driver.frontEnd.features() & ~(1L << 30)).isEqualTo(OFFERED);
        assertThat(driver.frontEnd.protocolFeatures() & VhostFeatures.PROTOCOL_BACKEND_REQ)
                .isZero();
        startModelAgain();
        var asked = opened(TestDriver.open(socket(0)));
        assertThat(asked.frontEnd.protocolFeatures() & VhostFeatures.PROTOCOL_BACKEND_REQ)
                .isNotZero();
    }

    private void startModelAgain() {
        model.close();
        startModel(2, false);
    }

    @Test
    void shouldRefuseALegacyDriver() {
        startModel(2, false);
        var driver = opened(TestDriver.open(socket(0)));
        assertThatThrownBy(() -> driver.negotiate(VirtioFeatures.VERSION_1))
                .isInstanceOf(VhostProtocolException.class);
        driver.hangUp();
        Await.until("the end of the session", () -> port(0).disconnections() == 1);
    }

    @Test
    void shouldRefuseAnIommuWhoseOwnerDoesNotAnswer() {
        startModel(2, true);
        var driver = opened(TestDriver.open(socket(0)));
        driver.frontEnd.setProtocolFeatures(driver.frontEnd.protocolFeatures());
        driver.frontEnd.setOwner();
        assertThatThrownBy(
                        () ->
                                driver.frontEnd.setFeatures(
                                        VirtioFeatures.VERSION_1 | VirtioFeatures.ACCESS_PLATFORM))
                .isInstanceOf(VhostProtocolException.class);
        // Who tries again at once is refused at once: the others have waited already.
        long before = System.nanoTime();
        assertThatThrownBy(
                        () ->
                                driver.frontEnd.setFeatures(
                                        VirtioFeatures.VERSION_1 | VirtioFeatures.ACCESS_PLATFORM))
                .isInstanceOf(VhostProtocolException.class);
        assertThat(System.nanoTime() - before).isLessThan(900_000_000L);
        // The refusal is no reason to hang up: without the IOMMU it works.
        driver.frontEnd.setFeatures(VirtioFeatures.VERSION_1);
        assertThat(port(0).connected()).isTrue();
    }

    @Test
    void shouldRefuseASecondDriver() {
        startModel(2, false);
        var first = driver(0, false);
        assertThatThrownBy(
                        () -> {
                            try (var second = VhostFrontEnd.connect(socket(0), 1_000_000_000L)) {
                                second.features();
                            }
                        })
                .isInstanceOf(RuntimeException.class);
        assertThat(port(0).connected()).isTrue();
        assertThat(port(0).disconnections()).isZero();
        assertThat(first.driver.frontEnd.readConfig(0, 6)).hasSize(6);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldServeOneDriverAfterTheOtherAndKeepNothing(boolean translated) throws Exception {
        startModel(2, translated);
        var b = driver(1, translated).supply(64);
        cycle(translated, b, 1);
        int before = Descriptor.openCount();
        for (int i = 2; i < 42; i++) {
            cycle(translated, b, i);
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
        assertThat(port(1).disconnections()).isZero();
    }

    private void cycle(boolean translated, NicDriver b, int number) throws Exception {
        try (var a = NicDriver.start(socket(0), translated ? iommu(0) : null)) {
            var frame = NicDriver.frame(B, A, 64, number);
            a.send(frame, false);
            assertThat(b.next()).isEqualTo(frame);
            if (number % 2 == 0) {
                // Stopped in good order, every other time.
                assertThat(a.driver.frontEnd.stopVring(1)).isEqualTo(1);
            }
        }
        Await.until("disconnection " + number, () -> port(0).disconnections() == number);
    }

    @Test
    void shouldStopAndStartAQueue() {
        startModel(2, false);
        var a = driver(0, false);
        var b = driver(1, false).supply(8);
        a.send(NicDriver.frame(B, A, 60, 1), false);
        b.next();
        assertThat(a.driver.frontEnd.stopVring(1)).isEqualTo(1);
        // Nothing is taken from a ring that is stopped.
        a.send(NicDriver.frame(B, A, 60, 2), false);
        a.driver.frontEnd.readConfig(0, 6);
        assertThat(a.transmit.used()).isEqualTo(1);
        a.driver.frontEnd.setVringBase(1, 1);
        a.driver.frontEnd.setVringKick(1, a.driver.kicks.get(1));
        a.driver.frontEnd.setVringEnabled(1, true);
        assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 60, 2));
    }

    @Test
    void shouldReleaseEverythingAtTheEnd() {
        int before = Descriptor.openCount();
        startModel(4, false);
        var a = NicDriver.start(socket(0), null);
        var b = NicDriver.start(socket(1), null);
        a.send(NicDriver.frame(B, A, 60, 1), false);
        model.stop();
        assertThat(socket(0)).doesNotExist();
        a.close();
        b.close();
        assertThat(Descriptor.openCount()).isEqualTo(before);
        assertThatThrownBy(model::start).hasMessageContaining("was started before");
    }

    @Test
    void shouldRefuseAPathWhereSomebodyListens() {
        startModel(2, false);
        int before = Descriptor.openCount();
        var second =
                new NicModel(
                        NicOptions.of(
                                NicPortOptions.at(directory.resolve("new.sock")),
                                NicPortOptions.at(socket(1))));
        assertThatThrownBy(second::start)
                .isInstanceOf(DeviceModelException.class)
                .hasMessageContaining(socket(1).toString());
        // To find out it connects, which the first switch notices a moment later.
        Await.until("the descriptors", () -> Descriptor.openCount() == before);
        assertThat(directory.resolve("new.sock")).doesNotExist();
    }

    @Test
    void shouldSayWhenItIsReadyAndRunUntilStopped() throws Exception {
        var options = NicOptions.of(NicPortOptions.at(socket(0)), NicPortOptions.at(socket(1)));
        var running = new NicModel(options);
        var ready = new CountDownLatch(1);
        var thread = Thread.ofPlatform().start(() -> running.run(ready::countDown));
        ready.await();
        assertThat(socket(1)).exists();
        running.stop();
        thread.join(5000);
        assertThat(thread.isAlive()).isFalse();
    }

    @Test
    void shouldNotRunWhenItWasStoppedBefore() {
        var early =
                new NicModel(
                        NicOptions.of(NicPortOptions.at(socket(0)), NicPortOptions.at(socket(1))));
        early.stop();
        early.run(() -> Assertions.fail("it is not to run"));
        assertThat(socket(0)).doesNotExist();
    }

    @Test
    void shouldLookAfterARingWhoseDriverRingsNoDoorbell() {
        startModel(2, false);
        var a = opened(TestDriver.open(socket(0)));
        a.negotiate(0);
        a.startQueue(0, TestDriver.ENTRIES);
        a.startQueue(1, TestDriver.ENTRIES);
        var driver = opened(NicDriver.of(a));
        var b = driver(1, false).supply(8);
        a.frontEnd.setVringKick(1, null);
        var frame = NicDriver.frame(B, A, 60, 1);
        driver.send(frame, false);
        assertThat(b.next()).isEqualTo(frame);
    }

    @Test
    void shouldGoOnInAnotherMemoryTable() {
        startModel(2, false);
        var a = driver(0, false);
        var b = driver(1, false).supply(8);
        for (int i = 0; i < 5; i++) {
            a.send(NicDriver.frame(B, A, 60, i), false);
            assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 60, i));
            a.driver.frontEnd.setMemoryTable(a.driver.regions());
        }
        assertThat(port(0).disconnections()).isZero();
    }

    @Test
    void shouldEndTheSessionWhoseRingsAreNotInItsNewMemoryTable() {
        startModel(2, false);
        var a = driver(0, false);
        assertThatThrownBy(() -> a.driver.frontEnd.setMemoryTable(List.of()))
                .isInstanceOf(RuntimeException.class);
        Await.until("the end of the session", () -> port(0).disconnections() == 1);
        assertThat(port(0).lastReason()).contains("is in no region of the memory table");
    }

    @Test
    void shouldEndTheSessionWhoseIommuOwnerIsGone() {
        startModel(2, true);
        var a = driver(0, true);
        a.driver.owner.close();
        Await.until("the end of the session", () -> port(0).disconnections() == 1);
        // The owner takes the mappings away, then itself: the device may meet either first.
        assertThat(port(0).lastReason())
                .containsAnyOf("owner of its IOMMU is gone", "DMA fault on the available ring");
    }

    /** Whether it sleeps or works, its loop looks at what the owner says. */
    @Test
    void shouldTakeMemoryThatComesAndGoesWhileFramesFlow() {
        startModel(2, true);
        var a = driver(0, true).supply(64);
        var b = driver(1, true).supply(64);
        var domain = (HeldDomain) a.driver.domain;
        try (var more = PhysicalMemory.adopt(1L << 40, sealedFile(1 << 20), () -> {})) {
            var segment = more.segments().getFirst();
            for (int round = 0; round < 20; round++) {
                domain.addSegment(segment, TimeUnit.SECONDS.toNanos(5));
                a.send(NicDriver.frame(B, A, 100, round), false);
                domain.removeSegment(segment, TimeUnit.SECONDS.toNanos(5));
                assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 100, round));
            }
        }
        assertThat(port(0).disconnections()).isZero();
    }

    /** Two drivers, two tables, the same IOVAs: one IOTLB between them. */
    @Test
    void shouldKeepPortsApartThatShareAnIotlb() {
        var first = NicPortOptions.at(socket(0)).withIommu(iommu(0));
        var second = NicPortOptions.at(socket(1)).withIommu(iommu(1));
        try (var sharing = new NicModel(NicOptions.of(first, second).withSharedIotlb(true))) {
            sharing.start();
            var a = opened(NicDriver.start(socket(0), iommu(0)));
            var b = opened(NicDriver.start(socket(1), iommu(1)));
            a.supply(64);
            b.supply(64);
            for (int round = 0; round < 50; round++) {
                a.send(NicDriver.frame(B, A, 100, round), false);
                assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 100, round));
                b.send(NicDriver.frame(A, B, 100, round), false);
                assertThat(a.next()).isEqualTo(NicDriver.frame(A, B, 100, round));
            }
            a.driver.dma.flush();
            a.send(NicDriver.frame(B, A, 100, 1), false);
            assertThat(b.next()).isEqualTo(NicDriver.frame(B, A, 100, 1));
            Await.until(
                    "the flush of one domain",
                    () -> a.driver.domain.statistics().counters().domainFlushes() == 1);
            assertThat(b.driver.domain.statistics().counters().flushes()).isZero();
        }
    }

    private static MemoryFile sealedFile(long lengthBytes) {
        var file = MemoryFile.create("more", lengthBytes);
        file.sealSize();
        return file;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, 65536})
    void shouldRefuseARingOfAnOddSize(int entries) {
        startModel(2, false);
        var driver = opened(TestDriver.open(socket(0)));
        driver.negotiate(0);
        assertThatThrownBy(() -> driver.frontEnd.setVringSize(0, entries))
                .isInstanceOf(RuntimeException.class);
        assertThatThrownBy(() -> driver.frontEnd.setVringSize(3, 256))
                .isInstanceOf(RuntimeException.class);
    }

    @Test
    void shouldRefuseToStartARingThatIsNowhere() {
        startModel(2, false);
        var driver = opened(TestDriver.open(socket(0)));
        driver.negotiate(0);
        var kick = opened(EventDescriptor.create());
        assertThatThrownBy(() -> driver.frontEnd.setVringKick(0, kick))
                .isInstanceOf(VhostProtocolException.class);
        driver.frontEnd.setVringSize(0, 256);
        driver.frontEnd.setVringAddresses(0, 0x1000, 0x2000, 0x3000);
        assertThatThrownBy(() -> driver.frontEnd.setVringKick(0, kick))
                .isInstanceOf(VhostProtocolException.class);
        assertThat(port(0).connected()).isTrue();
    }

    @Test
    void shouldLetADriverWaitWhileThereIsNoDescriptorForIt() throws Exception {
        var arguments = List.of(socket(0).toString(), socket(1).toString());
        try (var full = ChildJvm.limited(128, FullProcess.class, arguments)) {
            assertThat(full.line()).isEqualTo("full");
            try (var frontEnd = VhostFrontEnd.connect(socket(0), 30_000_000_000L)) {
                full.order("watch");
                // A connection that cannot be accepted is no reason to turn round and round.
                assertThat(Long.parseLong(full.line())).isLessThan(250);
                assertThat(full.line()).isEqualTo("released");
                assertThat(frontEnd.features() & OFFERED).isEqualTo(OFFERED);
            }
        }
    }

    @Test
    void shouldEndTheSessionWhoseMemoryTablePutsItsRingsAtOddAddresses() {
        startModel(2, false);
        var a = driver(0, false);
        // Guest and file a byte apart: aligned for the driver, odd for the device.
        var odd = new ArrayList<MemoryRegion>();
        for (var region : a.driver.regions()) {
            odd.add(
                    new MemoryRegion(
                            region.guestAddress() + 1,
                            region.lengthBytes(),
                            region.userAddress() + 1,
                            0,
                            region.descriptor()));
        }
        try {
            a.driver.frontEnd.setMemoryTable(odd);
        } catch (RuntimeException refused) {
            // The device may meet the ring before or after it has answered.
        }
        Await.until("the end of the session", () -> port(0).disconnections() == 1);
        assertThat(port(0).lastReason())
                .containsAnyOf("is not aligned", "is in no region", "is refused");
    }
}
