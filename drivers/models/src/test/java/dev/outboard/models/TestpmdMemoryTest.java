package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.device.DeviceDomain;
import dev.outboard.iommu.Access;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.vhost.MemoryRegion;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Memory that comes and goes under a back-end that we did not write and that has no memory slots:
 * DPDK's is told of the whole table anew, while frames flow, as QEMU tells it.
 */
@Timeout(120)
class TestpmdMemoryTest {
    private static final int HEADER = NetDescriptor.HEADER_BYTES;
    private static final int LENGTH = 1 << 20;
    private static final long PLUGGED = 1L << 40;
    private static final long USER = 0x7000_0000_0000L;
    private static final int ROUNDS = 40;
    private static final MacAddress OURS = MacAddress.parse("02:00:00:00:00:0b");
    private static final MacAddress THEIRS = MacAddress.parse("02:00:00:00:00:0a");
    private static final long KEPT =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.ACCESS_PLATFORM
                    | 1L << 15
                    | 1L << 30;

    @TempDir Path directory;

    /** Sends from plugged memory what lies there, at an address that the device knows. */
    private static void send(NicDriver driver, Mapping plugged, long address, byte[] frame) {
        var bytes = plugged.memory();
        bytes.asSlice(0, HEADER).fill((byte) 0);
        MemorySegment.copy(frame, 0, bytes, ValueLayout.JAVA_BYTE, HEADER, frame.length);
        driver.sendAt(address, frame.length);
    }

    @Test
    void shouldReachMemoryThatIsPluggedInWhileFramesFlow() throws Exception {
        try (var peer = TestpmdBackEnd.start(directory, false);
                var driver =
                        NicDriver.start(TestDriver.open(peer.socket).wantingAll(), ~KEPT)
                                .supply(64);
                var file = MemoryFile.create("plugged", LENGTH);
                var plugged = file.map(0, LENGTH, true)) {
            peer.forward();
            var frontEnd = driver.driver.frontEnd;
            assertThat(frontEnd.hasMemorySlots()).isFalse();
            assertThat(frontEnd.memorySlots()).isEqualTo(8);
            var region = new MemoryRegion(PLUGGED, LENGTH, PLUGGED + USER, 0, file.descriptor());
            int sent = 0;
            for (int round = 0; round < ROUNDS; round++) {
                var coming = CompletableFuture.runAsync(() -> frontEnd.addMemory(region));
                sent += exchange(driver, round, coming);
                var frame = NicDriver.frame(THEIRS, OURS, 700, round);
                send(driver, plugged, PLUGGED, frame);
                assertThat(driver.next()).as("round %d", round).isEqualTo(frame);
                driver.awaitTaken();
                var going = CompletableFuture.runAsync(() -> frontEnd.removeMemory(region));
                sent += exchange(driver, round, going) + 1;
            }
            assertThat(peer.stop()).isEqualTo(new TestpmdBackEnd.Counts(sent, sent, 0));
        }
    }

    /** Exchanges frames, one at a time, until that is done, and then one more; how many. */
    private static int exchange(NicDriver driver, int round, CompletableFuture<?> change) {
        int sent = 0;
        boolean last = false;
        while (!last) {
            last = change.isDone();
            var frame = NicDriver.frame(THEIRS, OURS, 60 + sent % 1400, round << 16 | sent);
            driver.send(frame, false);
            assertThat(driver.next()).as("round %d frame %d", round, sent).isEqualTo(frame);
            sent++;
        }
        change.join();
        return sent;
    }

    @Test
    void shouldRefuseTheNinthRegion() throws Exception {
        try (var peer = TestpmdBackEnd.start(directory, false);
                var driver =
                        NicDriver.start(TestDriver.open(peer.socket).wantingAll(), ~KEPT)
                                .supply(8);
                var file = MemoryFile.create("plugged", LENGTH)) {
            peer.forward();
            for (int i = 0; i < 7; i++) {
                driver.driver.frontEnd.addMemory(region(i, file));
            }
            assertThatThrownBy(() -> driver.driver.frontEnd.addMemory(region(7, file)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("takes 8 regions of memory");
            var frame = NicDriver.frame(THEIRS, OURS, 100, 1);
            driver.send(frame, false);
            assertThat(driver.next()).isEqualTo(frame);
        }
    }

    private static MemoryRegion region(int index, MemoryFile file) {
        long at = PLUGGED + 2L * index * LENGTH;
        return new MemoryRegion(at, LENGTH, at + USER, 0, file.descriptor());
    }

    /** It forgets all translations with the old table, and has its rings again at once. */
    @Test
    void shouldGoOnWithAnIotlbWhenItsTableIsAnotherOne() throws Exception {
        try (var peer = TestpmdBackEnd.start(directory, true);
                var driver =
                        NicDriver.start(
                                        TestDriver.openFed(peer.socket, Strategy.STRICT)
                                                .wantingAll()
                                                .pushingRings(),
                                        ~KEPT)
                                .supply(64);
                var file = MemoryFile.create("plugged", LENGTH);
                var plugged = file.map(0, LENGTH, true)) {
            peer.tell("set fwd io retry");
            peer.tell("set burst tx delay 10 retry 50000");
            peer.forward();
            var frontEnd = driver.driver.frontEnd;
            var domain = (DeviceDomain) driver.driver.domain;
            var region = new MemoryRegion(PLUGGED, LENGTH, PLUGGED, 0, file.descriptor());
            driver.driver.memory.addGranted(PLUGGED, LENGTH, Access.READ_WRITE);
            int sent = 0;
            for (int round = 0; round < ROUNDS; round++) {
                var coming =
                        CompletableFuture.runAsync(
                                () -> {
                                    frontEnd.addMemory(region);
                                    domain.forgotten();
                                });
                sent += exchange(driver, round, coming);
                var frame = NicDriver.frame(THEIRS, OURS, 700, round);
                long iova =
                        driver.driver.dma.map(
                                PLUGGED, HEADER + frame.length, DmaDirection.TO_DEVICE);
                send(driver, plugged, iova, frame);
                assertThat(driver.next()).as("round %d", round).isEqualTo(frame);
                driver.awaitTaken();
                driver.driver.dma.unmap(iova, HEADER + frame.length);
                var going =
                        CompletableFuture.runAsync(
                                () -> {
                                    frontEnd.removeMemory(region);
                                    domain.forgotten();
                                });
                sent += exchange(driver, round, going) + 1;
            }
            assertThat(peer.stop()).isEqualTo(new TestpmdBackEnd.Counts(sent, sent, 0));
            assertThat(domain.statistics().faultsDelivered()).isZero();
            driver.driver.memory.removeGranted(PLUGGED, LENGTH);
        }
    }
}
