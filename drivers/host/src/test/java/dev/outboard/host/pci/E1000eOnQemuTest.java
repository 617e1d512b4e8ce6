package dev.outboard.host.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.driver.Match;
import dev.outboard.driver.Notice;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The e1000e driver on QEMU's device model, with a virtio interface of QEMU's at the other end. */
@Timeout(120)
class E1000eOnQemuTest {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final Match MATCH = Match.pci(0x8086, 0x10d3);
    private static final byte[] LEFT = {0x52, 0x54, 0, 0, 0, 4};
    private static final byte[] RIGHT = {0x52, 0x54, 0, 0, 0, 5};

    @TempDir Path directory;

    /** An e1000e and a virtio interface on one hub, each with its driver. */
    private final class Pair implements AutoCloseable {
        final QemuBench bench;
        final QemuMonitor monitor;
        final PciDevice device;
        final PciDevice other;
        final NetworkService left;
        final NetworkService right;

        Pair(String... options) {
            var all =
                    new ArrayList<>(
                            List.of(
                                    "-netdev",
                                    "hubport,id=h0,hubid=0",
                                    "-netdev",
                                    "hubport,id=h1,hubid=0",
                                    "-device",
                                    "e1000e,id=e,netdev=h0,addr=04.0,mac=52:54:00:00:00:04",
                                    "-device",
                                    "virtio-net-pci,disable-legacy=on,mq=off,netdev=h1,addr=05.0,"
                                            + "mac=52:54:00:00:00:05"));
            all.addAll(List.of(QemuMonitor.OPTIONS));
            all.addAll(List.of(options));
            bench = new QemuBench(directory, all.toArray(String[]::new));
            monitor = new QemuMonitor(directory);
            device = bench.open("00:04.0", MATCH);
            other = bench.open("00:05.0", Match.type("virtio", 1));
            left = (NetworkService) QemuBench.driver("e1000e").start(device);
            right = (NetworkService) QemuBench.driver("virtio-net").start(other);
        }

        @Override
        public void close() {
            left.close();
            right.close();
            monitor.close();
            bench.close();
        }
    }

    @Test
    void shouldSayWhatItIs() {
        int before = Descriptor.openCount();
        try (var pair = new Pair()) {
            assertThat(pair.left.macAddress()).isEqualTo(LEFT);
            assertThat(pair.left.isLinkUp()).isTrue();
            assertThat(pair.left.describe())
                    .isEqualTo(
                            "e1000e 52:54:00:00:00:04, mtu 1500, link up with 1000 Mb/s full"
                                    + " duplex, 256 buffers each way, a vector each");
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldSendAndReceiveFramesOfEveryLength() {
        try (var pair = new Pair()) {
            for (int number = 0; number < 60; number++) {
                byte[] there = frame(RIGHT, LEFT, 60 + number * 1454 / 59, number);
                send(pair.left, there);
                assertThat(receive(pair.right)).as("to the right, %d", number).isEqualTo(there);
                byte[] back = frame(LEFT, RIGHT, 60 + number * 1454 / 59, -number);
                send(pair.right, back);
                assertThat(receive(pair.left)).as("to the left, %d", number).isEqualTo(back);
            }
            var counted = pair.left.statistics();
            assertThat(counted.sentFrames()).isEqualTo(60);
            assertThat(counted.receivedFrames()).isEqualTo(60);
            assertThat(pair.left.receiveQueue(0).interrupts()).isPositive();
        }
    }

    @Test
    void shouldHearOfALinkThatGoesDownAndUp() throws Exception {
        try (var pair = new Pair()) {
            BlockingQueue<Boolean> links = new LinkedBlockingQueue<>();
            BlockingQueue<Notice> notices = new LinkedBlockingQueue<>();
            pair.left.onLink(links::add);
            pair.left.onNotice(notices::add);
            for (int round = 0; round < 3; round++) {
                pair.monitor.setLink("e", false);
                assertThat(links.poll(20, TimeUnit.SECONDS)).isFalse();
                assertThat(pair.left.isLinkUp()).isFalse();
                assertThat(notices.poll(20, TimeUnit.SECONDS).text()).contains("went down");
                pair.monitor.setLink("e", true);
                assertThat(links.poll(20, TimeUnit.SECONDS)).isTrue();
                assertThat(pair.left.isLinkUp()).isTrue();
                assertThat(notices.poll(20, TimeUnit.SECONDS).kind()).isEqualTo(Notice.LINK);
                byte[] frame = frame(LEFT, RIGHT, 100, round);
                send(pair.right, frame);
                assertThat(receive(pair.left)).isEqualTo(frame);
            }
        }
    }

    static byte[] frame(byte[] to, byte[] from, int lengthBytes, int seed) {
        var frame = new byte[lengthBytes];
        new Random(seed).nextBytes(frame);
        System.arraycopy(to, 0, frame, 0, 6);
        System.arraycopy(from, 0, frame, 6, 6);
        frame[12] = (byte) 0x88;
        frame[13] = (byte) 0xb5;
        return frame;
    }

    static void send(NetworkService from, byte[] frame) {
        TransmitQueue queue = from.transmitQueue(0);
        int buffer = queue.claim();
        MemorySegment.copy(
                frame,
                0,
                queue.memory(),
                ValueLayout.JAVA_BYTE,
                queue.offset(buffer),
                frame.length);
        queue.commit(buffer, frame.length);
        assertThat(queue.flush()).isEqualTo(1);
    }

    static byte[] receive(NetworkService at) {
        var got = new byte[1][];
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (got[0] == null) {
            assertThat(System.nanoTime()).as("no frame came").isLessThan(deadline);
            at.receiveQueue(0).await(100_000_000);
            at.receiveQueue(0)
                    .poll(
                            (memory, offset, length) ->
                                    got[0] =
                                            memory.asSlice(offset, length)
                                                    .toArray(ValueLayout.JAVA_BYTE),
                            1);
        }
        return got[0];
    }
}
