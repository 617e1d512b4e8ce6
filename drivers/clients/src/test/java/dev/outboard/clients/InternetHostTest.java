package dev.outboard.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Device;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.internet.InternetSum;
import dev.outboard.internet.Ipv4;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A host on a wire that the test holds: what it says, and what it takes for true. */
@Timeout(60)
class InternetHostTest {
    private static final int OWN = 0x0a00020f;
    private static final int PEER = 0x0a000202;
    private static final byte[] OWN_MAC = {2, 0, 0, 0, 0, 1};
    private static final byte[] PEER_MAC = {2, 0, 0, 0, 0, 2};
    private static final long SOON_NANOS = 1_000_000;

    private final Wire wire = new Wire();
    private final InternetHost host = new InternetHost(wire, new Context(), OWN, false);
    private final List<String> heard = new ArrayList<>();

    private void listen() {
        host.listen(
                new PacketListener() {
                    @Override
                    public void onEchoReply(int from, int id, int number, ByteBuffer payload) {
                        heard.add("echo %d %d".formatted(number, payload.remaining()));
                    }

                    @Override
                    public void onDatagram(int from, int fromPort, int toPort, ByteBuffer payload) {
                        heard.add("udp %d %d %d".formatted(fromPort, toPort, payload.remaining()));
                    }
                });
    }

    private void step() {
        host.step(System.nanoTime() + SOON_NANOS);
    }

    private static ByteBuffer arp(int operation, byte[] mac, int from, int to) {
        return ByteBuffer.allocate(60)
                .put(OWN_MAC)
                .put(mac)
                .putShort((short) 0x0806)
                .putLong(0x0001_0800_0604_0000L | operation)
                .put(mac)
                .putInt(from)
                .put(OWN_MAC)
                .putInt(to)
                .clear();
    }

    /** A right packet of IPv4 for this host. */
    private static ByteBuffer packet(int protocol, byte[] payload) {
        var frame =
                ByteBuffer.allocate(34 + payload.length)
                        .put(OWN_MAC)
                        .put(PEER_MAC)
                        .putShort((short) 0x0800)
                        .putShort((short) 0x4500)
                        .putShort((short) (20 + payload.length))
                        .putInt(0)
                        .putShort((short) (0x4000 | protocol))
                        .putShort((short) 0)
                        .putInt(PEER)
                        .putInt(OWN)
                        .put(payload)
                        .clear();
        sumHeader(frame);
        return frame;
    }

    private static void sumHeader(ByteBuffer frame) {
        frame.putShort(24, (short) 0);
        frame.putShort(24, InternetSum.stored(InternetSum.add(0, frame, 14, 20)));
    }

    private static ByteBuffer echo(int type, int dataBytes) {
        var icmp = ByteBuffer.allocate(8 + dataBytes).put((byte) type);
        icmp.putInt(4, 0x0007_0001);
        icmp.putShort(2, InternetSum.stored(InternetSum.add(0, icmp, 0, 8 + dataBytes)));
        return packet(1, icmp.array());
    }

    private static ByteBuffer udp(int dataBytes) {
        var udp =
                ByteBuffer.allocate(8 + dataBytes)
                        .putShort((short) 69)
                        .putShort((short) 5000)
                        .putShort((short) (8 + dataBytes));
        int pseudo = InternetSum.pseudoHeader(PEER, OWN, 17, 8 + dataBytes);
        udp.putShort(6, InternetSum.stored(InternetSum.add(pseudo, udp, 0, 8 + dataBytes)));
        return packet(17, udp.array());
    }

    @Test
    void shouldFindItsPeerByItsFirstAnswer() {
        wire.onSent =
                frame -> {
                    if (frame.getShort(20) == 1) {
                        wire.come(arp(2, PEER_MAC, PEER, OWN));
                        wire.come(arp(2, new byte[] {2, 6, 6, 6, 6, 6}, PEER, OWN));
                    }
                };
        assertThat(host.find(PEER)).isTrue();
        step();
        host.ping(PEER, 1, 1, new byte[4]);
        assertThat(wire.last(0, 6)).isEqualTo(PEER_MAC);
        assertThat(host.dropped()).as("who says so later").isEqualTo(1);
    }

    @Test
    void shouldAnswerWhoAsksForIt() {
        wire.come(arp(1, PEER_MAC, PEER, OWN));
        wire.come(arp(1, PEER_MAC, PEER, OWN + 1));
        step();
        assertThat(wire.sent).hasSize(1);
        assertThat(wire.last(20, 2)).containsExactly(0, 2);
        assertThat(wire.last(22, 6)).isEqualTo(OWN_MAC);
        wire.come(echo(8, 56));
        step();
        assertThat(wire.sent).hasSize(2);
        assertThat(wire.last(34, 2)).containsExactly(0, 0);
        var reply = ByteBuffer.wrap(wire.sent.getLast());
        assertThat(InternetSum.isRight(InternetSum.add(0, reply, 34, 64))).isTrue();
        assertThat(InternetSum.isRight(InternetSum.add(0, reply, 14, 20))).isTrue();
    }

    @Test
    void shouldHearWhatIsRight() {
        listen();
        wire.come(echo(0, 5));
        wire.come(udp(7));
        wire.come(udp(0));
        step();
        assertThat(heard).containsExactly("echo 1 5", "udp 69 5000 7", "udp 69 5000 0");
        assertThat(host.dropped()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "14, 0x65", // version 6
        "14, 0x44", // a header of 16 bytes
        "14, 0x4f", // longer than the packet
        "17, 19", // shorter than its header
        "16, 0x7f", // longer than the frame
        "20, 0x20", // more pieces follow
        "21, 1", // not the first piece
        "23, 6", // TCP
        "33, 16", // for somebody else
        "12, 9" // another type
    })
    void shouldDropWhatItsHeaderDoesNotAllow(int offset, String value) {
        listen();
        var frame = udp(20);
        frame.put(offset, (byte) (int) Integer.decode(value));
        sumHeader(frame);
        wire.come(frame);
        step();
        assertThat(heard).isEmpty();
        assertThat(host.dropped()).isEqualTo(1);
    }

    @Test
    void shouldDropWhateverBitIsWrong() {
        listen();
        for (var right : List.of(udp(21), echo(0, 21))) {
            // The sums have no part in the first 14 bytes, and a UDP without a sum is allowed.
            for (int bit = 14 * 8; bit < right.capacity() * 8; bit++) {
                byte[] wrong = right.array().clone();
                wrong[bit / 8] ^= (byte) (1 << bit % 8);
                wire.come(ByteBuffer.wrap(wrong));
                step();
                assertThat(heard).as("bit %d", bit).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {7, 30, 65535})
    void shouldDropDatagramsWithAWrongLength(int length) {
        listen();
        var frame = udp(20);
        frame.putShort(38, (short) length);
        frame.putShort(40, (short) 0);
        wire.come(frame);
        step();
        assertThat(heard).isEmpty();
    }

    @Test
    void shouldTakeAnythingForNoise() {
        listen();
        long seed = System.nanoTime();
        var random = new Random(seed);
        for (int round = 0; round < 20_000; round++) {
            byte[] frame = (random.nextBoolean() ? udp(40) : echo(8, 40)).array();
            int changes = random.nextInt(20);
            for (int change = 0; change < changes; change++) {
                frame[random.nextInt(frame.length)] = (byte) random.nextInt();
            }
            wire.come(ByteBuffer.wrap(Arrays.copyOf(frame, random.nextInt(frame.length + 30))));
            wire.sent.clear();
            step();
        }
        assertThat(host.dropped()).as("seed %d", seed).isPositive();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"10.0.2", "10.0.2.256", "10.0.2.2.2", "host", "", "-1.0.0.1", "1e1.0.0.0"})
    void shouldRefuseWhatIsNoAddress(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Ipv4.parse("to", text))
                .withMessageContaining("option to=" + text);
    }

    @Test
    void shouldWantAGatewayForWhoIsFarAway() {
        var far = new Context(Map.of("to", "192.168.1.1"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NetOptions.of(far, "to", "10.0.2.2"))
                .withMessageContaining("gateway=ADDRESS");
        var known = new Context(Map.of("to", "192.168.1.1", "gateway", "10.0.2.2"));
        assertThat(NetOptions.of(known, "to", "10.0.2.2").neighbour()).isEqualTo(PEER);
    }

    /** A context that asks for nothing. */
    private record Context(Map<String, String> options) implements ClientContext {
        Context() {
            this(Map.of());
        }

        @Override
        public Device device() {
            return null;
        }

        @Override
        public boolean isStopping() {
            return false;
        }

        @Override
        public void ready() {}

        @Override
        public void result(String name, Object value) {}
    }

    /** An interface whose wire ends in the test. */
    private static final class Wire implements NetworkService, TransmitQueue, ReceiveQueue {
        private final MemorySegment memory = Arena.ofAuto().allocate(2048);
        private final ArrayDeque<byte[]> coming = new ArrayDeque<>();
        final List<byte[]> sent = new ArrayList<>();
        Consumer<ByteBuffer> onSent = frame -> {};

        void come(ByteBuffer frame) {
            coming.add(frame.array());
        }

        byte[] last(int offset, int lengthBytes) {
            return Arrays.copyOfRange(sent.getLast(), offset, offset + lengthBytes);
        }

        @Override
        public int poll(FrameHandler handler, int limit) {
            byte[] frame = coming.poll();
            int taken = 0;
            while (frame != null) {
                handler.onFrame(MemorySegment.ofArray(frame), 0, frame.length, 0);
                frame = ++taken == limit ? null : coming.poll();
            }
            return taken;
        }

        @Override
        public boolean await(long timeoutNanos) {
            return false;
        }

        @Override
        public boolean move(LongFunction<DmaMemory> allocator) {
            return true;
        }

        @Override
        public long frames() {
            return sent.size();
        }

        @Override
        public long interrupts() {
            return 0;
        }

        @Override
        public int claim() {
            return 0;
        }

        @Override
        public MemorySegment memory() {
            return memory;
        }

        @Override
        public long offset(int buffer) {
            return 0;
        }

        @Override
        public int capacityBytes() {
            return 1514;
        }

        @Override
        public void commit(int buffer, int lengthBytes) {
            byte[] frame = memory.asSlice(0, lengthBytes).toArray(ValueLayout.JAVA_BYTE);
            sent.add(frame);
            onSent.accept(ByteBuffer.wrap(frame));
        }

        @Override
        public void abandon(int buffer) {}

        @Override
        public boolean transmit(ScatterGatherList frame) {
            return false;
        }

        @Override
        public int flush() {
            return 1;
        }

        @Override
        public int pending() {
            return 0;
        }

        @Override
        public long doorbells() {
            return 0;
        }

        @Override
        public byte[] macAddress() {
            return OWN_MAC;
        }

        @Override
        public int mtuBytes() {
            return 1500;
        }

        @Override
        public boolean isLinkUp() {
            return true;
        }

        @Override
        public int queuePairs() {
            return 1;
        }

        @Override
        public TransmitQueue transmitQueue(int pair) {
            return this;
        }

        @Override
        public ReceiveQueue receiveQueue(int pair) {
            return this;
        }

        @Override
        public String describe() {
            return "a wire";
        }

        @Override
        public void close() {}
    }
}
