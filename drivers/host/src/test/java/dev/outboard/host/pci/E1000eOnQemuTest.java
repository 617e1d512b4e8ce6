package dev.outboard.host.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.driver.Match;
import dev.outboard.driver.Notice;
import dev.outboard.driver.net.FrameFacts;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
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

    /** Receive and send control; address, length, head and tail of both rings. */
    private static final int[] CLEARED_BY_RESET = {
        0x100, 0x400, 0x2800, 0x2804, 0x2808, 0x2810, 0x2818, 0x3800, 0x3804, 0x3808, 0x3810, 0x3818
    };

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
        }
    }

    @Test
    void shouldWakeWhoWaitsByAnInterrupt() throws Exception {
        try (var pair = new Pair()) {
            for (int round = 0; round < 5; round++) {
                var receiver = CompletableFuture.supplyAsync(() -> receive(pair.left));
                Thread.sleep(50);
                byte[] frame = frame(LEFT, RIGHT, 100, round);
                send(pair.right, frame);
                assertThat(receiver.get(20, TimeUnit.SECONDS)).isEqualTo(frame);
            }
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

    @Test
    void shouldSetItselfUpAgainAfterAReset() {
        try (var pair = new Pair()) {
            BlockingQueue<Notice> notices = new LinkedBlockingQueue<>();
            pair.left.onNotice(notices::add);
            var registers = pair.device.registers(0);
            for (int round = 0; round < 3; round++) {
                // In mid-flight: frames are in the ring, and nobody has taken them back.
                for (int number = 0; number < 20; number++) {
                    send(pair.left, frame(RIGHT, LEFT, 200, number));
                    send(pair.right, frame(LEFT, RIGHT, 200, number));
                }
                // QEMU 7.2's reset by register leaves the rings: this is what a real one does.
                for (int register : CLEARED_BY_RESET) {
                    registers.putInt(register, 0);
                }
                // It shows to whoever waits in vain.
                while (notices.size() <= round) {
                    pair.left.receiveQueue(0).await(10_000_000);
                    drain(pair.left);
                }
                while (pair.left.transmitQueue(0).pending() > 0) {
                    pair.left.transmitQueue(0).await(1_000_000);
                }
                drain(pair.left);
                drain(pair.right);
                byte[] there = frame(RIGHT, LEFT, 100, round);
                send(pair.left, there);
                assertThat(receive(pair.right)).isEqualTo(there);
                byte[] back = frame(LEFT, RIGHT, 100, -round);
                send(pair.right, back);
                assertThat(receive(pair.left)).isEqualTo(back);
            }
            assertThat(notices).hasSize(3);
        }
    }

    @Test
    void shouldSumWhatItSendsAndLookAtWhatItReceives() {
        try (var pair = new Pair()) {
            byte[] datagram = frame(RIGHT, LEFT, 142, 1);
            ByteBuffer udp = ByteBuffer.wrap(datagram);
            udp.putShort(12, (short) 0x0800).putInt(14, 0x45000080).putInt(18, 0);
            udp.putInt(22, 0x40110000).putInt(26, 0x0a000001).putInt(30, 0x0a000002);
            udp.putShort(38, (short) 108).putShort(40, (short) 0);
            udp.putShort(24, (short) ~sum(udp, 14, 34, 0));
            int pseudo = sum(udp, 26, 34, 17 + 108);
            int right = ~sum(udp, 34, 142, pseudo) & 0xffff;
            udp.putShort(40, (short) pseudo);
            send(pair.left, datagram, FrameOffload.checksum(34, 6));
            byte[] arrived = receive(pair.right);
            assertThat(ByteBuffer.wrap(arrived).getShort(40) & 0xffff).isEqualTo(right);
            assertThat(arrived.length).isEqualTo(142);

            // The same back: right, and with a bit that changed on the way.
            System.arraycopy(LEFT, 0, arrived, 0, 6);
            System.arraycopy(RIGHT, 0, arrived, 6, 6);
            send(pair.right, arrived);
            assertThat(facts(pair.left)).isEqualTo(FrameFacts.CHECKSUM_GOOD);
            arrived[100] ^= 4;
            send(pair.right, arrived);
            assertThat(facts(pair.left)).isEqualTo(FrameFacts.CHECKSUM_WRONG);
            send(pair.right, frame(LEFT, RIGHT, 100, 5));
            assertThat(facts(pair.left)).isEqualTo(FrameFacts.NONE);
        }
    }

    /** Words of ones' complement. */
    private static int sum(ByteBuffer bytes, int from, int to, int before) {
        int sum = before;
        for (int at = from; at < to; at += 2) {
            sum += bytes.getShort(at) & 0xffff;
        }
        while (sum > 0xffff) {
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return sum;
    }

    private static int facts(NetworkService at) {
        var got = new int[] {-1};
        var handler =
                new FrameHandler() {
                    @Override
                    public void onFrame(MemorySegment memory, long offset, int lengthBytes) {
                        got[0] = FrameFacts.NONE;
                    }

                    @Override
                    public void onFrame(
                            MemorySegment memory, long offset, int lengthBytes, int facts) {
                        got[0] = facts;
                    }
                };
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (got[0] < 0) {
            assertThat(System.nanoTime()).as("no frame came").isLessThan(deadline);
            at.receiveQueue(0).await(100_000_000);
            at.receiveQueue(0).poll(handler, 1);
        }
        return got[0];
    }

    @Test
    void shouldReceiveWhatIsForOthersOnlyWhenTold() {
        try (var pair = new Pair()) {
            byte[] forOther = frame(new byte[] {2, 9, 9, 9, 9, 9}, RIGHT, 100, 1);
            byte[] forAll = frame(new byte[] {-1, -1, -1, -1, -1, -1}, RIGHT, 100, 2);
            byte[] forGroup = frame(new byte[] {1, 0, 0x5e, 0, 0, 1}, RIGHT, 100, 3);
            for (byte[] sent : List.of(forOther, forAll, forOther, forGroup)) {
                send(pair.right, sent);
            }
            assertThat(receive(pair.left)).isEqualTo(forAll);
            assertThat(receive(pair.left)).isEqualTo(forGroup);
            pair.left.receiveAll(true);
            send(pair.right, forOther);
            assertThat(receive(pair.left)).isEqualTo(forOther);
            pair.left.receiveAll(false);
            send(pair.right, forOther);
            send(pair.right, forAll);
            assertThat(receive(pair.left)).isEqualTo(forAll);
        }
    }

    @Test
    void shouldLoseNothingOfAHundredThousandFramesEachWay() {
        try (var pair = new Pair()) {
            var toRight = new Flow(pair.left, pair.right, RIGHT, LEFT);
            var toLeft = new Flow(pair.right, pair.left, LEFT, RIGHT);
            long deadline = System.nanoTime() + 4 * PATIENCE_NANOS;
            while (!toRight.isDone() || !toLeft.isDone()) {
                assertThat(System.nanoTime()).as("%s, %s", toRight, toLeft).isLessThan(deadline);
                toRight.turn();
                toLeft.turn();
            }
            assertThat(pair.left.statistics().sentFrames()).isEqualTo(Flow.FRAMES);
            assertThat(pair.left.statistics().receivedFrames()).isEqualTo(Flow.FRAMES);
            assertThat(pair.left.statistics().missedFrames()).isZero();
        }
    }

    /** Frames with numbers, of which never more are on their way than have room. */
    private static final class Flow implements FrameHandler {
        static final int FRAMES = 100_000;
        private static final int WINDOW = 200;
        private final NetworkService from;
        private final NetworkService at;
        private final byte[] start;
        private long sent;
        private long received;

        Flow(NetworkService from, NetworkService at, byte[] to, byte[] own) {
            this.from = from;
            this.at = at;
            start = frame(to, own, 14, 0);
        }

        boolean isDone() {
            return received == FRAMES;
        }

        void turn() {
            TransmitQueue queue = from.transmitQueue(0);
            while (sent < FRAMES && sent - received < WINDOW) {
                int buffer = queue.claim();
                if (buffer == TransmitQueue.NONE) {
                    break;
                }
                long offset = queue.offset(buffer);
                MemorySegment.copy(
                        start, 0, queue.memory(), ValueLayout.JAVA_BYTE, offset, start.length);
                queue.memory().set(ValueLayout.JAVA_LONG_UNALIGNED, offset + 16, sent++);
                queue.commit(buffer, 60 + (int) (sent % 1400));
            }
            queue.flush();
            if (at.receiveQueue(0).poll(this, 256) == 0 && !isDone()) {
                at.receiveQueue(0).await(1_000_000);
            }
        }

        @Override
        public void onFrame(MemorySegment memory, long offset, int lengthBytes) {
            long number = memory.get(ValueLayout.JAVA_LONG_UNALIGNED, offset + 16);
            if (number != received || lengthBytes != 60 + (int) ((number + 1) % 1400)) {
                throw new AssertionError(
                        "frame %d of %d bytes where %d was to come"
                                .formatted(number, lengthBytes, received));
            }
            received++;
        }

        @Override
        public String toString() {
            return "%d sent, %d received".formatted(sent, received);
        }
    }

    private static void drain(NetworkService at) {
        do {
            at.receiveQueue(0).await(20_000_000);
        } while (at.receiveQueue(0).poll((memory, offset, length) -> {}, 256) > 0);
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
        send(from, frame, FrameOffload.NONE);
    }

    private static void send(NetworkService from, byte[] frame, long offload) {
        TransmitQueue queue = from.transmitQueue(0);
        int buffer = queue.claim();
        MemorySegment.copy(
                frame,
                0,
                queue.memory(),
                ValueLayout.JAVA_BYTE,
                queue.offset(buffer),
                frame.length);
        queue.commit(buffer, frame.length, offload);
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
