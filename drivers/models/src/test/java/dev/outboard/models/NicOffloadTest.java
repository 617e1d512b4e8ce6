package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.virtio.VirtioFeatures;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Frames that span buffers, and frames that their senders did not finish. */
class NicOffloadTest extends NicFixture {
    private static final long LEAVES =
            VirtioFeatures.NET_CSUM
                    | VirtioFeatures.NET_HOST_TSO4
                    | VirtioFeatures.NET_HOST_TSO6
                    | VirtioFeatures.NET_HOST_ECN
                    | VirtioFeatures.NET_HOST_USO;
    private static final long TAKES =
            VirtioFeatures.NET_GUEST_CSUM
                    | VirtioFeatures.NET_GUEST_TSO4
                    | VirtioFeatures.NET_GUEST_TSO6
                    | VirtioFeatures.NET_GUEST_ECN
                    | VirtioFeatures.NET_GUEST_USO4
                    | VirtioFeatures.NET_GUEST_USO6;
    private static final long MERGEABLE = VirtioFeatures.NET_MRG_RXBUF;
    private static final byte[] WHOLE = new byte[12];

    private OffloadDriver driver(int port, long wanted, int bufferBytes) {
        return opened(
                new OffloadDriver(TestDriver.open(socket(port)), wanted, 1, bufferBytes, false));
    }

    private static byte[] frame(int length, int number) {
        return NicDriver.frame(B, A, length, number);
    }

    @Test
    void shouldSpreadAFrameOverBuffersWhereTheDriverTakesThat() {
        startModel(2, false);
        var a = driver(0, 0, 2048);
        var b = driver(1, MERGEABLE, 256).supply(0, 100);
        long seed = 3;
        var random = new Random(seed);
        for (int i = 0; i < 500; i++) {
            var frame = frame(60 + random.nextInt(1455), i);
            a.send(0, WHOLE, frame);
            assertThat(b.next(0)).as("seed %d frame %d", seed, i).isEqualTo(frame);
            assertThat(b.lastBuffers).isEqualTo((12 + frame.length + 255) / 256);
        }
        assertThat(port(1).droppedTooLong()).isZero();
    }

    @Test
    void shouldNotSpreadAFrameWhereTheDriverDoesNotTakeThat() {
        startModel(2, false);
        var a = driver(0, 0, 2048);
        var b = driver(1, 0, 256).supply(0, 100);
        a.send(0, WHOLE, frame(1000, 1));
        a.send(0, WHOLE, frame(200, 2));
        assertThat(b.next(0)).isEqualTo(frame(200, 2));
        assertThat(port(1).droppedTooLong()).isEqualTo(1);
    }

    @Test
    void shouldWaitUntilThereAreBuffersForAllOfAFrame() throws Exception {
        startModel(2, false, 60_000_000_000L);
        var a = driver(0, 0, 2048);
        var b = driver(1, MERGEABLE, 256).supply(0, 3);
        var frame = frame(1200, 1);
        a.offer(0, WHOLE, frame);
        Await.until("the sender to wait", () -> port(1).waits() == 1);
        assertThat(b.poll(0)).isNull();
        // While it waits for more than there are the device sleeps, also when more were too few.
        assertThat(LoopThread.busyMillis("nic", 300)).isLessThan(100);
        b.supply(0, 1);
        assertThat(LoopThread.busyMillis("nic", 300)).isLessThan(100);
        assertThat(b.poll(0)).isNull();
        b.supply(0, 1);
        assertThat(b.next(0)).isEqualTo(frame);
    }

    @Test
    void shouldPassOnWhatTheReceiverTakes() {
        startModel(2, false);
        var a = driver(0, LEAVES, 2048);
        var b = driver(1, TAKES | MERGEABLE, 2048).supply(0, 200);
        var random = new Random(4);
        var packet = TestPacket.random(random, false, TestPacket.TCP, false, 60_000);
        a.send(0, packet.uncut(1448), packet.frame);
        assertThat(b.next(0)).isEqualTo(packet.frame);
        assertThat(Arrays.copyOf(b.header, 10)).isEqualTo(Arrays.copyOf(packet.uncut(1448), 10));
        assertThat(b.lastBuffers).isEqualTo(30);
        var small = TestPacket.random(random, true, TestPacket.UDP, false, 100);
        a.send(0, small.unsummed(), small.frame);
        assertThat(b.next(0)).isEqualTo(small.frame);
        assertThat(Arrays.copyOf(b.header, 10)).isEqualTo(Arrays.copyOf(small.unsummed(), 10));
        assertThat(port(1).summed() + port(1).cut()).isZero();
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12})
    void shouldSumForAReceiverThatDoesNot(long seed) {
        startModel(2, false);
        var a = driver(0, LEAVES, 2048);
        var b = driver(1, 0, 2048).supply(0, 100);
        var random = new Random(seed);
        for (int i = 0; i < 400; i++) {
            var packet =
                    TestPacket.random(
                            random,
                            i % 2 == 0,
                            i % 4 < 2 ? TestPacket.TCP : TestPacket.UDP,
                            i % 3 == 0,
                            random.nextInt(1360));
            a.send(0, packet.unsummed(), packet.frame);
            packet.assertSummed(b.next(0), "seed " + seed + " packet " + i);
            assertThat(b.header).startsWith(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0);
        }
        assertThat(port(1).summed()).isEqualTo(400);
    }

    @ParameterizedTest
    @CsvSource({"21,false,false", "22,true,false", "23,false,true", "24,true,true"})
    void shouldCutForAReceiverThatDoesNot(long seed, boolean takesSums, boolean mergeable) {
        startModel(2, false);
        var a = driver(0, LEAVES, 2048);
        long wanted = (takesSums ? VirtioFeatures.NET_GUEST_CSUM : 0) | (mergeable ? MERGEABLE : 0);
        var b = driver(1, wanted, mergeable ? 512 : 2048).supply(0, 250);
        var random = new Random(seed);
        for (int i = 0; i < 120; i++) {
            var packet =
                    TestPacket.random(
                            random,
                            i % 2 == 0,
                            i % 4 < 2 ? TestPacket.TCP : TestPacket.UDP,
                            i % 3 == 0,
                            1 + random.nextInt(60_000));
            int size = 1000 + random.nextInt(360);
            a.send(0, packet.uncut(size), packet.frame);
            int segments = (packet.payloadBytes() + size - 1) / size;
            for (int number = 0; number < segments; number++) {
                boolean last = number + 1 == segments;
                var as = "seed " + seed + " packet " + i + " segment " + number;
                var got = b.next(0);
                int from = number * size;
                assertThat(got.length - packet.headersBytes())
                        .as(as)
                        .isEqualTo(Math.min(size, packet.payloadBytes() - from));
                packet.assertSegment(got, from, number, last, !takesSums, as);
                assertThat(b.header[0]).isEqualTo((byte) (takesSums ? 1 : 0));
                assertThat(b.header[1]).isZero();
            }
        }
        assertThat(b.poll(0)).isNull();
        assertThat(port(1).cut()).isEqualTo(120);
        assertThat(port(0).droppedMalformed()).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {2048, 512})
    void shouldGiveAllSegmentsOfAFrameOrNone(int bufferBytes) {
        startModel(2, false, 60_000_000_000L);
        var a = driver(0, LEAVES, 2048);
        var b = driver(1, MERGEABLE, bufferBytes);
        int needed = 3 * ((1400 + bufferBytes - 1) / bufferBytes);
        var packet = TestPacket.random(new Random(10), false, TestPacket.TCP, false, 3600);
        a.offer(0, packet.uncut(1200), packet.frame);
        b.supply(0, needed - 1);
        Await.until("the sender to wait", () -> port(1).waits() > 0);
        assertThat(b.poll(0)).isNull();
        b.supply(0, 1);
        for (int number = 0; number < 3; number++) {
            boolean last = number == 2;
            packet.assertSegment(b.next(0), number * 1200, number, last, true, "" + number);
        }
        assertThat(b.poll(0)).isNull();
    }

    @Test
    void shouldGiveEachReceiverOfAFrameWhatItTakes() {
        startModel(3, false);
        var a = driver(0, LEAVES, 2048);
        var b = driver(1, TAKES | MERGEABLE, 2048).supply(0, 100);
        var c = driver(2, 0, 2048).supply(0, 100);
        var packet = TestPacket.random(new Random(5), false, TestPacket.TCP, false, 3000);
        a.send(0, packet.uncut(1400), packet.frame);
        assertThat(b.next(0)).isEqualTo(packet.frame);
        for (int number = 0; number < 3; number++) {
            packet.assertSegment(c.next(0), number * 1400, number, number == 2, true, "" + number);
        }
    }

    @Test
    void shouldTakeOffloadsBackWhenTheDriverSaysSo() {
        startModel(2, false);
        var a = driver(0, LEAVES, 2048);
        long wanted =
                TAKES
                        | MERGEABLE
                        | VirtioFeatures.NET_CTRL_VQ
                        | VirtioFeatures.NET_CTRL_GUEST_OFFLOADS;
        var b = opened(new OffloadDriver(TestDriver.open(socket(1)), wanted, 1, 2048, true));
        b.supply(0, 100);
        var packet = TestPacket.random(new Random(6), false, TestPacket.TCP, false, 3000);
        a.send(0, packet.uncut(1400), packet.frame);
        assertThat(b.next(0)).isEqualTo(packet.frame);
        assertThat(b.order(5, 0, 0, 0, 0, 0, 0, 0, 0, 0)).isZero();
        a.send(0, packet.uncut(1400), packet.frame);
        assertThat(b.next(0)).hasSize(packet.headersBytes() + 1400);
        // A bit that was not negotiated, and one that is no offload of a driver's.
        assertThat(b.order(5, 0, 1, 0, 0, 0, 0, 0, 0, 0)).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({
        // Flags, type, length, size, start, offset.
        "2, 0, 0, 0, 34, 16",
        "1, 0, 0, 0, 0, 16",
        "1, 0, 0, 0, 13, 16",
        "1, 0, 0, 0, 99, 0",
        "1, 0, 0, 0, 34, 65535",
        "1, 0, 0, 0, 65535, 65535",
        "1, 128, 0, 0, 34, 16",
        "0, 1, 54, 1000, 34, 16",
        "1, 1, 54, 0, 34, 16",
        "1, 2, 54, 1000, 34, 16",
        "1, 3, 54, 1000, 34, 6",
        "1, 133, 54, 1000, 34, 6",
        "1, 1, 101, 1000, 34, 16",
        // These are found when they are to be cut.
        "1, 4, 54, 1000, 34, 16",
        "1, 1, 54, 1000, 35, 16",
        "1, 1, 54, 1000, 34, 6",
        "1, 1, 54, 1000, 80, 16",
        "1, 5, 54, 1000, 34, 6",
    })
    void shouldDropWhatCannotBeFinished(
            int flags, int type, int length, int size, int start, int offset) {
        startModel(2, false);
        var a = driver(0, LEAVES, 2048);
        var b = driver(1, 0, 2048).supply(0, 8);
        var frame = TestPacket.random(new Random(7), false, TestPacket.TCP, false, 100).frame;
        frame[14] = 0x45;
        frame[34 + 12] = 0x50;
        a.send(
                0,
                OffloadDriver.header(flags, type, length, size, start, offset),
                Arrays.copyOf(frame, 100));
        a.send(0, WHOLE, frame(60, 1));
        assertThat(b.next(0)).isEqualTo(frame(60, 1));
        assertThat(port(0).droppedMalformed()).isEqualTo(1);
    }

    @Test
    void shouldDropWhatWasNotNegotiated() {
        startModel(2, false);
        var a = driver(0, VirtioFeatures.NET_CSUM | VirtioFeatures.NET_HOST_TSO4, 2048);
        var b = driver(1, TAKES | MERGEABLE, 2048).supply(0, 100);
        var random = new Random(8);
        var ipv6 = TestPacket.random(random, true, TestPacket.TCP, false, 3000);
        a.send(0, ipv6.uncut(1400), ipv6.frame);
        var udp = TestPacket.random(random, false, TestPacket.UDP, false, 3000);
        a.send(0, udp.uncut(1400), udp.frame);
        var ipv4 = TestPacket.random(random, false, TestPacket.TCP, false, 3000);
        a.send(0, ipv4.uncut(1400), ipv4.frame);
        assertThat(b.next(0)).isEqualTo(ipv4.frame);
        assertThat(port(0).droppedMalformed()).isEqualTo(2);
    }

    @Test
    void shouldDropWhatWouldBeCutIntoTooManyOrTooLong() {
        startModel(2, false);
        var a = driver(0, LEAVES, 2048);
        var b = driver(1, 0, 2048).supply(0, 250);
        var random = new Random(9);
        var many = TestPacket.random(random, false, TestPacket.TCP, false, 3000);
        a.send(0, many.uncut(1), many.frame);
        assertThat(port(0).droppedMalformed()).isEqualTo(1);
        a.send(0, many.uncut(1490), many.frame);
        assertThat(port(1).droppedTooLong()).isEqualTo(1);
        assertThat(b.poll(0)).isNull();
    }

    @Test
    void shouldCarryJumboFramesBetweenPortsThatHaveThem() {
        var options = new NicPortOptions[3];
        for (int i = 0; i < 3; i++) {
            options[i] = NicPortOptions.at(socket(i)).withMac(A).withMtuBytes(i == 2 ? 1500 : 9000);
        }
        model = opened(new NicModel(NicOptions.of(options)));
        model.start();
        var a = driver(0, 0, 2048);
        var b = driver(1, MERGEABLE, 2048).supply(0, 100);
        var c = driver(2, MERGEABLE, 2048).supply(0, 100);
        var jumbo = frame(9018, 1);
        a.send(0, WHOLE, jumbo);
        assertThat(b.next(0)).isEqualTo(jumbo);
        a.send(0, WHOLE, frame(9019, 2));
        a.send(0, WHOLE, frame(1518, 3));
        assertThat(b.next(0)).isEqualTo(frame(1518, 3));
        assertThat(c.next(0)).isEqualTo(frame(1518, 3));
        assertThat(port(2).droppedTooLong()).isEqualTo(1);
        assertThat(port(0).droppedMalformed()).isEqualTo(1);
    }

    @Test
    void shouldOfferNoOffloadsWhereTheyAreOff() {
        model =
                opened(
                        new NicModel(
                                NicOptions.of(
                                        NicPortOptions.parse(
                                                socket(0)
                                                        + ",offloads=off,mergeable=off,packed=off"),
                                        NicPortOptions.at(socket(1)))));
        model.start();
        try (var driver = TestDriver.open(socket(0))) {
            long offered = driver.frontEnd.features();
            assertThat(offered & (LEAVES | TAKES | MERGEABLE | VirtioFeatures.RING_PACKED))
                    .isZero();
        }
    }
}
