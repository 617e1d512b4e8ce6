package dev.outboard.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.internet.InternetSum;
import dev.outboard.internet.PacketDescriptor;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.DatagramPacket;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a stranger on the wire sends: byte by byte, as no kernel would. */
class HostileFramesTest {
    private static final int PORT = 7;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long OWN_MAC = 0x5254_0000_0002L;
    private static final long STRANGER_MAC = 0x5254_0000_0001L;
    private static final Address OWN4 = Address.ipv4(0x0a00_0002);
    private static final Address STRANGER4 = Address.ipv4(0x0a00_0001);
    private static final Address OWN6 = new Address(true, 0xfd00L << 48, 2);
    private static final Address STRANGER6 = new Address(true, 0xfd00L << 48, 1);

    private final Wire.Pair pair = new Wire.Pair(0);
    private final AtomicInteger heard = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    @BeforeEach
    void listen() throws InterruptedException {
        new Bootstrap()
                .group(pair.rightGroup)
                .channel(DriverDatagramChannel.class)
                .handler(
                        new SimpleChannelInboundHandler<DatagramPacket>() {
                            @Override
                            protected void channelRead0(
                                    ChannelHandlerContext context, DatagramPacket packet) {
                                // Every byte that is said to be there is.
                                packet.content().forEachByte(value -> true);
                                heard.incrementAndGet();
                            }

                            @Override
                            public void exceptionCaught(
                                    ChannelHandlerContext context, Throwable cause) {
                                failure.set(cause);
                            }
                        })
                .bind("0.0.0.0", PORT)
                .sync();
    }

    @AfterEach
    void close() {
        pair.close();
    }

    private static byte[] udp4(int payloadBytes) {
        var frame = MemorySegment.ofArray(new byte[PacketHeaders.UDP4_BYTES + payloadBytes]);
        PacketHeaders.ethernet(frame, 0, OWN_MAC, STRANGER_MAC, PacketDescriptor.TYPE_IPV4);
        int length = PacketDescriptor.UDP_BYTES + payloadBytes;
        PacketHeaders.ipv4(frame, 0, STRANGER4.ipv4(), OWN4.ipv4(), 17, length, 64, 0);
        udp(frame, 34, length, false);
        return bytes(frame);
    }

    private static byte[] udp6(int payloadBytes) {
        var frame = MemorySegment.ofArray(new byte[PacketHeaders.UDP6_BYTES + payloadBytes]);
        PacketHeaders.ethernet(frame, 0, OWN_MAC, STRANGER_MAC, PacketDescriptor.TYPE_IPV6);
        int length = PacketDescriptor.UDP_BYTES + payloadBytes;
        PacketHeaders.ipv6(frame, 0, STRANGER6, OWN6, 17, length, 64, 0);
        udp(frame, 54, length, true);
        return bytes(frame);
    }

    private static void udp(MemorySegment frame, int start, int length, boolean isIpv6) {
        Bytes.putShort(frame, start, 1234);
        Bytes.putShort(frame, start + 2L, PORT);
        Bytes.putShort(frame, start + 4L, length);
        sum(frame, start, 6, length, PacketHeaders.pseudo(frame, 0, isIpv6, 17, length));
    }

    private static void sum(MemorySegment frame, int start, int offset, int length, int pseudo) {
        int sum = InternetSum.add(pseudo, frame, start, length);
        Bytes.putShort(frame, start + (long) offset, InternetSum.storedOrOnes(sum));
    }

    private static byte[] ping4() {
        var frame = MemorySegment.ofArray(new byte[34 + 64]);
        PacketHeaders.ethernet(frame, 0, OWN_MAC, STRANGER_MAC, PacketDescriptor.TYPE_IPV4);
        PacketHeaders.ipv4(frame, 0, STRANGER4.ipv4(), OWN4.ipv4(), 1, 64, 64, 0);
        Bytes.putShort(frame, 34, PacketDescriptor.ICMP_ECHO << 8);
        sum(frame, 34, 2, 64, 0);
        return bytes(frame);
    }

    private static byte[] icmp6(int type, int length, int hopLimit) {
        var frame = MemorySegment.ofArray(new byte[54 + length]);
        PacketHeaders.ethernet(frame, 0, OWN_MAC, STRANGER_MAC, PacketDescriptor.TYPE_IPV6);
        PacketHeaders.ipv6(frame, 0, STRANGER6, OWN6, 58, length, hopLimit, 0);
        Bytes.putShort(frame, 54, type << 8);
        if (type == PacketDescriptor.NDP_SOLICITATION) {
            OWN6.write(frame, 54 + 8);
            Bytes.putShort(frame, 54 + 24, 0x0101);
            Bytes.putMac(frame, 54 + 26, STRANGER_MAC);
        }
        sum(frame, 54, 2, length, PacketHeaders.pseudo(frame, 0, true, 58, length));
        return bytes(frame);
    }

    private static byte[] arp() {
        var frame = MemorySegment.ofArray(new byte[60]);
        PacketHeaders.ethernet(
                frame, 0, 0xffff_ffff_ffffL, STRANGER_MAC, PacketDescriptor.TYPE_ARP);
        Bytes.putLong(frame, 14, PacketDescriptor.ARP_KINDS << 16 | 1);
        Bytes.putMac(frame, 22, STRANGER_MAC);
        Bytes.putInt(frame, 28, STRANGER4.ipv4());
        Bytes.putInt(frame, 38, OWN4.ipv4());
        return bytes(frame);
    }

    private static byte[] bytes(MemorySegment frame) {
        return (byte[]) frame.heapBase().orElseThrow();
    }

    private void arrive(byte[] frame) throws InterruptedException {
        long start = System.nanoTime();
        // As fast as it takes them: what found no buffer would try nothing.
        while (pair.wire.right().receiveBuffersWithDevice() < Wire.BUFFERS / 4
                && System.nanoTime() - start < PATIENCE_NANOS) {
            Thread.sleep(0, 50_000);
        }
        pair.wire.right().arrive(frame);
    }

    private void awaitHeard(int wanted) throws InterruptedException {
        long start = System.nanoTime();
        while (heard.get() < wanted && System.nanoTime() - start < PATIENCE_NANOS) {
            Thread.sleep(1);
        }
        assertThat(heard.get()).isEqualTo(wanted);
    }

    @Test
    void shouldSurviveEveryFieldOfEveryProtocolAndStillHearAndAnswer() throws Exception {
        long seed = new Random().nextLong();
        var random = new Random(seed);
        List<byte[]> kinds =
                List.of(
                        udp4(100),
                        udp6(100),
                        udp4(0),
                        ping4(),
                        icmp6(PacketDescriptor.ICMPV6_ECHO, 64, 64),
                        icmp6(PacketDescriptor.NDP_SOLICITATION, 32, 255),
                        arp());
        for (int turn = 0; turn < 20_000; turn++) {
            byte[] frame = kinds.get(random.nextInt(kinds.size())).clone();
            int mutations = 1 + random.nextInt(4);
            for (int i = 0; i < mutations; i++) {
                frame[12 + random.nextInt(frame.length - 12)] = (byte) random.nextInt();
            }
            if (random.nextInt(4) == 0) {
                frame = java.util.Arrays.copyOf(frame, 14 + random.nextInt(frame.length - 13));
            }
            if (random.nextInt(3) == 0 && frame.length > 34) {
                // The sum of the header is right again: what is behind it is looked at.
                ByteBuffer.wrap(frame).putShort(24, (short) 0);
                int sum = InternetSum.add(0, MemorySegment.ofArray(frame), 14, 20);
                ByteBuffer.wrap(frame).putShort(24, InternetSum.stored(sum));
            }
            arrive(frame);
        }
        assertThat(failure.get()).as("seed=%d", seed).isNull();
        heard.set(0);
        pair.rightGroup.next().submit(() -> {}).sync();
        pair.wire.right().sent();
        int before = heard.get();
        arrive(udp4(100));
        arrive(udp6(100));
        awaitHeard(before + 2);
        arrive(ping4());
        arrive(arp());
        long start = System.nanoTime();
        var sent = new ArrayList<byte[]>();
        while (sent.size() < 2 && System.nanoTime() - start < PATIENCE_NANOS) {
            sent.addAll(pair.wire.right().sent());
            Thread.sleep(1);
        }
        assertThat(sent).as("seed=%d: an answer to each", seed).hasSizeGreaterThanOrEqualTo(2);
        assertThat(pair.right.statistics().malformed()).isPositive();
    }

    @Test
    void shouldRefusePiecesOfAPacketAndCountThem() throws Exception {
        byte[] first = udp4(100);
        ByteBuffer.wrap(first).putShort(20, (short) 0x2000).putShort(24, (short) 0);
        int sum = InternetSum.add(0, MemorySegment.ofArray(first), 14, 20);
        ByteBuffer.wrap(first).putShort(24, InternetSum.stored(sum));
        arrive(first);
        byte[] six = udp6(100);
        six[20] = 44;
        arrive(six);
        arrive(udp4(1));
        awaitHeard(1);
        assertThat(pair.right.statistics().fragments()).isEqualTo(2);
    }

    @Test
    void shouldNotHearADatagramWhoseSumIsWrong() throws Exception {
        byte[] wrong = udp4(100);
        wrong[90] ^= 1;
        arrive(wrong);
        byte[] none6 = udp6(100);
        ByteBuffer.wrap(none6).putShort(60, (short) 0);
        arrive(none6);
        byte[] none4 = udp4(100);
        ByteBuffer.wrap(none4).putShort(40, (short) 0);
        arrive(none4);
        awaitHeard(1);
        assertThat(pair.right.statistics().malformed()).isEqualTo(2);
    }

    @Test
    void shouldNotAnswerWhatCrossedARouterOrIsForSomebodyElse() throws Exception {
        pair.rightGroup.next().submit(() -> {}).sync();
        Thread.sleep(20);
        pair.wire.right().sent();
        arrive(icmp6(PacketDescriptor.NDP_SOLICITATION, 32, 254));
        byte[] other = ping4();
        other[5] = 9;
        arrive(other);
        byte[] elsewhere = arp();
        elsewhere[41] = 9;
        arrive(elsewhere);
        arrive(udp4(1));
        awaitHeard(1);
        assertThat(pair.wire.right().sent()).isEmpty();
        assertThat(pair.right.statistics().foreign()).isGreaterThanOrEqualTo(3);
    }
}
