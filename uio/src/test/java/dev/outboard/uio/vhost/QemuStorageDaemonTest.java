package dev.outboard.uio.vhost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.WaitPolicy;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Our front-end against the vhost-user-blk export of qemu-storage-daemon. */
@Timeout(60)
final class QemuStorageDaemonTest {
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(15);
    private static final long DISK_BYTES = 8 << 20;
    private static final long PLUGGED = 1L << 40;
    private static final long VERSION_1 = 1L << 32;

    @TempDir static Path directory;
    private PeerProcess peer;
    private VhostFrontEnd frontEnd;

    @BeforeEach
    void start() throws IOException {
        Path disk = directory.resolve("disk.raw");
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(DISK_BYTES);
            file.seek(3 * 512);
            file.write("written by the file system".getBytes(StandardCharsets.US_ASCII));
        }
        peer =
                PeerProcess.start(
                        directory,
                        "qemu-storage-daemon",
                        List.of(
                                "--blockdev",
                                "driver=file,node-name=f0,filename=" + disk,
                                "--blockdev",
                                "driver=raw,node-name=d0,file=f0",
                                "--export",
                                "type=vhost-user-blk,id=e0,node-name=d0,addr.type=unix,"
                                        + "addr.path=blk.sock,writable=on,num-queues=2"));
        frontEnd = VhostFrontEnd.connect(directory.resolve("blk.sock"), PATIENCE);
    }

    @AfterEach
    void stop() throws InterruptedException {
        if (frontEnd != null) {
            frontEnd.close();
        }
        if (peer != null) {
            peer.close();
        }
    }

    private void negotiate() {
        frontEnd.setOwner();
        assertThat(frontEnd.features()).isEqualTo(0x175007e46L);
        long offered = frontEnd.protocolFeatures();
        assertThat(offered).isEqualTo(0x8f2bL);
        frontEnd.setProtocolFeatures(
                offered
                        & (VhostFeatures.PROTOCOL_MQ
                                | VhostFeatures.PROTOCOL_REPLY_ACK
                                | VhostFeatures.PROTOCOL_CONFIG
                                | VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS));
        frontEnd.setFeatures(VERSION_1 | VhostFeatures.PROTOCOL_FEATURES);
    }

    @Test
    void shouldNegotiateAndReadTheConfigurationSpace() {
        negotiate();
        assertThat(frontEnd.queueCount()).isEqualTo(2);
        assertThat(frontEnd.memorySlots()).isEqualTo(32);
        ByteBuffer config =
                ByteBuffer.wrap(frontEnd.readConfig(0, 60)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(config.getLong(0)).as("capacity").isEqualTo(DISK_BYTES / 512);
        assertThat(config.getInt(12)).as("seg_max").isEqualTo(126);
        assertThat(config.getInt(20)).as("blk_size").isEqualTo(512);
        assertThat(config.getShort(34)).as("num_queues").isEqualTo((short) 2);
    }

    @Test
    void shouldMoveDataThroughAQueue() {
        negotiate();
        int openBefore = Descriptor.openCount();
        try (OneRequestRing ring = new OneRequestRing();
                EventDescriptor kick = EventDescriptor.create();
                EventDescriptor call = EventDescriptor.create();
                Interrupt done =
                        Interrupt.open(
                                "qsd",
                                ring,
                                EventDescriptor.adopt(call.descriptor().duplicate()),
                                WaitPolicy.BLOCK)) {
            frontEnd.setMemoryTable(List.of(ring.region()));
            frontEnd.setVringCall(1, call);
            ring.describeTo(frontEnd, 1);
            frontEnd.setVringKick(1, kick);
            frontEnd.setVringEnabled(1, true);
            ring.submit(0, 3);
            kick.signal();
            await(done, ring);
            assertThat(ring.status()).isZero();
            assertThat(ring.text()).isEqualTo("written by the file system");
            ring.text("written through the queue");
            ring.submit(1, 64);
            kick.signal();
            await(done, ring);
            ring.text("");
            ring.submit(0, 64);
            kick.signal();
            await(done, ring);
            assertThat(ring.text()).isEqualTo("written through the queue");
            ring.submit(0, 3);
            done.arm();
            kick.signal();
            assertThat(call.await(PATIENCE)).as("interrupt").isTrue();
            assertThat(done.acknowledge()).isTrue();
            assertThat(done.count()).isPositive();
            assertThat(frontEnd.stopVring(1)).isEqualTo(4);
        }
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
    }

    /** 50 times, so that regions shift in its table; two at a time, so that each may go first. */
    @Test
    void shouldReachMemoryThatIsPluggedInWhileItsQueueRuns() {
        negotiate();
        int openBefore = Descriptor.openCount();
        try (OneRequestRing ring = new OneRequestRing();
                MemoryFile file = MemoryFile.create("plugged", 2 * OneRequestRing.DISTANCE);
                Mapping plugged = file.map(0, file.lengthBytes(), true);
                EventDescriptor kick = EventDescriptor.create();
                EventDescriptor call = EventDescriptor.create()) {
            frontEnd.setMemoryTable(List.of(ring.region()));
            frontEnd.setVringCall(0, call);
            ring.describeTo(frontEnd, 0);
            frontEnd.setVringKick(0, kick);
            frontEnd.setVringEnabled(0, true);
            MemoryRegion[] halves = {half(file, 0), half(file, 1)};
            for (int round = 0; round < 50; round++) {
                frontEnd.addMemory(halves[0]);
                frontEnd.addMemory(halves[1]);
                for (int half = 0; half < 2; half++) {
                    long at = half * OneRequestRing.DISTANCE + 4096L * round;
                    long sector = 8L * (1 + 2 * round + half);
                    plugged.memory().set(ValueLayout.JAVA_LONG, at, sector);
                    requestAt(ring, kick, 1, sector, PLUGGED + at);
                    plugged.memory().set(ValueLayout.JAVA_LONG, at, 0);
                    requestAt(ring, kick, 0, sector, PLUGGED + at);
                    assertThat(plugged.memory().get(ValueLayout.JAVA_LONG, at)).isEqualTo(sector);
                }
                frontEnd.removeMemory(halves[round % 2]);
                requestAt(ring, kick, 0, 0, halves[1 - round % 2].guestAddress());
                frontEnd.removeMemory(halves[1 - round % 2]);
            }
            requestAt(ring, kick, 0, 3, OneRequestRing.GUEST + 0x2000);
            assertThat(ring.text()).isEqualTo("written by the file system");
            assertThat(frontEnd.stopVring(0)).isEqualTo(50 * 5 + 1);
        }
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
        assertThat(peer.isAlive()).isTrue();
    }

    private static MemoryRegion half(MemoryFile file, int half) {
        long offset = half * OneRequestRing.DISTANCE;
        return new MemoryRegion(
                PLUGGED + offset,
                OneRequestRing.DISTANCE,
                PLUGGED + offset,
                offset,
                file.descriptor());
    }

    private static void requestAt(
            OneRequestRing ring, EventDescriptor kick, int type, long sector, long address) {
        ring.submit(type, sector, address);
        kick.signal();
        long deadline = System.nanoTime() + PATIENCE;
        while (!ring.isPending()) {
            assertThat(System.nanoTime()).as("sector %d", sector).isLessThan(deadline);
            Thread.onSpinWait();
        }
        assertThat(ring.status()).as("sector %d", sector).isZero();
    }

    private static void await(Interrupt done, OneRequestRing ring) {
        while (!ring.isPending()) {
            assertThat(done.await(PATIENCE)).as("the back-end answered").isTrue();
        }
    }

    @Test
    void shouldSeeTheDaemonCloseAtAProtocolErrorAndComeBack() {
        negotiate();
        // It confirms the bad request, then closes the connection, and lives on for the next
        // client.
        try (EventDescriptor kick = EventDescriptor.create()) {
            assertThatThrownBy(
                            () -> {
                                frontEnd.setVringKick(77, kick);
                                frontEnd.features();
                            })
                    .isInstanceOf(PeerGoneException.class)
                    .hasMessageContaining("blk.sock");
        }
        frontEnd = VhostFrontEnd.connect(directory.resolve("blk.sock"), PATIENCE);
        negotiate();
        assertThat(peer.isAlive()).isTrue();
    }

    @Test
    void shouldSeeTheDaemonDie() throws InterruptedException {
        negotiate();
        try (Epoll epoll = Epoll.create()) {
            epoll.add(frontEnd.descriptor(), Epoll.HANG_UP, 5);
            assertThat(frontEnd.isPeerGone()).isFalse();
            peer.kill();
            int[] token = new int[1];
            assertThat(epoll.await(PATIENCE, (which, events) -> token[0] = which)).isEqualTo(1);
            assertThat(token[0]).isEqualTo(5);
        }
        assertThat(frontEnd.isPeerGone()).isTrue();
        assertThatThrownBy(frontEnd::features).isInstanceOf(PeerGoneException.class);
    }
}
