package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.uio.vhost.BackEndChannel;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What a driver orders its port to do, several queues, and the cable. */
class NicControlTest extends NicFixture {
    private static final long CONTROLLED =
            VirtioFeatures.NET_CTRL_VQ
                    | VirtioFeatures.NET_CTRL_RX
                    | VirtioFeatures.NET_CTRL_RX_EXTRA
                    | VirtioFeatures.NET_CTRL_VLAN
                    | VirtioFeatures.NET_CTRL_MAC_ADDR
                    | VirtioFeatures.NET_GUEST_ANNOUNCE;
    private static final byte[] WHOLE = new byte[12];
    private static final int OK = 0;
    private static final int ERROR = 1;

    private void start(int queues) {
        var options = new NicPortOptions[2];
        for (int i = 0; i < 2; i++) {
            options[i] = NicPortOptions.at(socket(i)).withMac(i == 0 ? A : B).withQueues(queues);
        }
        model = opened(new NicModel(NicOptions.of(options)));
        model.start();
    }

    private OffloadDriver driver(int port, long wanted, int pairs) {
        boolean controlled = (wanted & VirtioFeatures.NET_CTRL_VQ) != 0;
        var opened = TestDriver.open(socket(port));
        return opened(new OffloadDriver(opened, wanted, pairs, 2048, controlled));
    }

    private static byte[] frame(MacAddress to, int number) {
        return NicDriver.frame(to, A, 60, number);
    }

    private static int[] order(int kind, int command, MacAddress address) {
        var order = new int[8];
        order[0] = kind;
        order[1] = command;
        for (int i = 0; i < 6; i++) {
            order[2 + i] = address.bytes()[i] & 0xff;
        }
        return order;
    }

    /** Sends frames to all of them, and one that is wanted; only those which are wanted come. */
    private static void assertWanted(
            OffloadDriver a, OffloadDriver b, MacAddress[] to, boolean... wanted) {
        for (int i = 0; i < to.length; i++) {
            a.send(0, WHOLE, frame(to[i], i));
        }
        for (int i = 0; i < to.length; i++) {
            if (wanted[i]) {
                assertThat(b.next(0)).as("frame %d", i).isEqualTo(frame(to[i], i));
            }
        }
        assertThat(b.poll(0)).isNull();
    }

    @Test
    void shouldGiveADriverOnlyWhatItWants() {
        start(1);
        var a = driver(0, 0, 1);
        var b = driver(1, CONTROLLED, 1).supply(0, 64);
        var group = new MacAddress(0x0100_005e_0001L);
        MacAddress[] all = {B, C, group, ALL};
        assertWanted(a, b, all, true, true, true, true);
        // Promiscuous off: its own address and everybody's.
        assertThat(b.order(0, 0, 0)).isEqualTo(OK);
        assertWanted(a, b, all, true, false, false, true);
        assertThat(b.order(0, 1, 1)).isEqualTo(OK);
        assertWanted(a, b, all, true, false, true, true);
        assertThat(b.order(0, 1, 0)).isEqualTo(OK);
        assertThat(b.order(0, 2, 1)).isEqualTo(OK);
        assertWanted(a, b, all, true, true, false, true);
        assertThat(b.order(0, 2, 0)).isEqualTo(OK);
        // Tables: one station, one group.
        byte[] c = C.bytes();
        byte[] g = group.bytes();
        assertThat(
                        b.order(
                                1, 0, 1, 0, 0, 0, c[0], c[1], c[2], c[3], c[4], c[5], 1, 0, 0, 0,
                                g[0], g[1], g[2], g[3], g[4], g[5]))
                .isEqualTo(OK);
        assertWanted(a, b, all, true, true, true, true);
        assertThat(b.order(0, 3, 1)).isEqualTo(OK);
        assertThat(b.order(0, 5, 1)).isEqualTo(OK);
        assertWanted(a, b, all, true, true, false, false);
        assertThat(b.order(0, 4, 1)).isEqualTo(OK);
        assertWanted(a, b, all, false, false, false, false);
        assertThat(port(1).droppedUnwanted()).isEqualTo(2 + 1 + 1 + 2 + 4);
    }

    @Test
    void shouldTakeAnotherAddress() {
        start(1);
        var a = driver(0, 0, 1);
        var b = driver(1, CONTROLLED, 1).supply(0, 64);
        assertThat(b.order(0, 0, 0)).isEqualTo(OK);
        assertThat(b.order(order(1, 1, C))).isEqualTo(OK);
        assertThat(b.driver.frontEnd.readConfig(0, 6)).isEqualTo(C.bytes());
        assertWanted(a, b, new MacAddress[] {B, C}, false, true);
        // No group can be a station.
        assertThat(b.order(order(1, 1, ALL))).isEqualTo(ERROR);
        assertThat(b.driver.frontEnd.readConfig(0, 6)).isEqualTo(C.bytes());
    }

    @Test
    void shouldKeepOtherVlansAway() {
        start(1);
        var a = driver(0, 0, 1);
        var b = driver(1, CONTROLLED, 1).supply(0, 64);
        assertThat(b.order(0, 0, 0)).isEqualTo(OK);
        assertThat(b.order(2, 0, 7, 1)).isEqualTo(OK);
        for (int vlan = 0x106; vlan < 0x109; vlan++) {
            a.send(0, WHOLE, tagged(vlan));
        }
        a.send(0, WHOLE, frame(B, 1));
        assertThat(b.next(0)).isEqualTo(tagged(0x107));
        assertThat(b.next(0)).isEqualTo(frame(B, 1));
        assertThat(b.order(2, 1, 7, 1)).isEqualTo(OK);
        a.send(0, WHOLE, tagged(0x107));
        assertThat(b.poll(0)).isNull();
        assertThat(b.order(2, 0, 0, 16)).isEqualTo(ERROR);
    }

    private static byte[] tagged(int vlan) {
        byte[] frame = frame(B, vlan);
        frame[12] = (byte) 0x81;
        frame[13] = 0;
        frame[14] = (byte) (vlan >>> 8);
        frame[15] = (byte) vlan;
        return frame;
    }

    @Test
    void shouldAnswerWhatIsNoOrderWithAnError() {
        start(2);
        var b = driver(1, CONTROLLED, 1).supply(0, 4);
        // Unknown classes and commands, orders that are cut off, what was not negotiated.
        int[][] wrong = {
            {9, 0, 0},
            {255, 255, 255},
            {0, 6, 1},
            {0, 0},
            {1, 2, 0},
            {1, 1, 2, 0, 0, 0, 0},
            {1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0},
            {1, 0, 255, 255, 255, 255, 0, 0, 0, 0},
            {1, 0, 0, 0, 0, 0, 1, 0, 0, 0},
            {2, 2, 1, 0},
            {2, 0, 1},
            {3, 1},
            {4, 0, 1, 0},
            {4, 1, 1, 0},
            {5, 0, 0, 0, 0, 0, 0, 0, 0, 0},
        };
        for (var order : wrong) {
            assertThat(b.order(order)).as("%s", (Object) order).isEqualTo(ERROR);
        }
        assertThat(port(1).commands()).isEqualTo(wrong.length);
        assertThat(port(1).disconnections()).isZero();
    }

    @Test
    void shouldEndTheSessionOfAnOrderThatWantsNoAnswer() {
        start(1);
        var b = driver(1, CONTROLLED, 1);
        var ring = b.driver.rings.get(2);
        ring.descriptor(0, b.driver.dataAddress, 3, 0, 0);
        ring.offer(0);
        b.driver.publish(2, 0);
        Await.until("the end of the session", () -> port(1).disconnections() == 1);
        assertThat(port(1).lastReason()).contains("queue 2").contains("no answer");
    }

    @Test
    void shouldGiveADriverTheFramesOfAFlowWhereItSendsThem() {
        start(4);
        long several = CONTROLLED | VirtioFeatures.NET_MQ;
        var a = driver(0, several, 4);
        var b = driver(1, several, 4);
        for (int pair = 0; pair < 4; pair++) {
            a.supply(pair, 60);
            b.supply(pair, 60);
        }
        assertThat(a.driver.frontEnd.queueCount()).isEqualTo(4);
        assertThat(a.driver.frontEnd.readConfig(8, 2)).containsExactly(4, 0);
        var random = new Random(31);
        // One pair until the driver says that it uses more.
        for (int i = 0; i < 20; i++) {
            var packet = TestPacket.random(random, false, TestPacket.UDP, false, 40);
            a.send(i % 4, WHOLE, packet.frame);
            assertThat(b.next(0)).isEqualTo(packet.frame);
        }
        assertThat(b.order(4, 0, 5, 0)).isEqualTo(ERROR);
        assertThat(b.order(4, 0, 0, 0)).isEqualTo(ERROR);
        assertThat(b.order(4, 0, 4, 0)).isEqualTo(OK);
        for (int i = 0; i < 200; i++) {
            var packet =
                    TestPacket.random(
                            random,
                            i % 2 == 0,
                            i % 3 == 0 ? TestPacket.UDP : TestPacket.TCP,
                            false,
                            40);
            int pair = random.nextInt(4);
            b.send(pair, WHOLE, answer(packet));
            a.next(0);
            a.send(i % 4, WHOLE, packet.frame);
            assertThat(b.next(pair)).as("packet %d on pair %d", i, pair).isEqualTo(packet.frame);
        }
    }

    /** The same flow, the other way. */
    private static byte[] answer(TestPacket packet) {
        byte[] frame = packet.frame.clone();
        System.arraycopy(A.bytes(), 0, frame, 0, 6);
        System.arraycopy(B.bytes(), 0, frame, 6, 6);
        int length = packet.ipv6 ? 16 : 4;
        swap(frame, packet.ip() + (packet.ipv6 ? 8 : 12), length);
        swap(frame, packet.transport(), 2);
        return frame;
    }

    private static void swap(byte[] bytes, int at, int length) {
        for (int i = 0; i < length; i++) {
            byte first = bytes[at + i];
            bytes[at + i] = bytes[at + length + i];
            bytes[at + length + i] = first;
        }
    }

    @Test
    void shouldSpreadFlowsOverTheQueuesOfAFrontEndThatKeepsTheControlQueue() {
        start(4);
        var a = driver(0, 0, 1);
        var b = driver(1, VirtioFeatures.NET_MQ, 4);
        for (int pair = 0; pair < 4; pair++) {
            b.supply(pair, 60);
        }
        var random = new Random(32);
        var got = new int[4];
        for (int i = 0; i < 100; i++) {
            a.send(0, WHOLE, TestPacket.random(random, false, TestPacket.UDP, false, 40).frame);
            int before = i;
            Await.until(
                    "frame " + i,
                    () -> {
                        for (int pair = 0; pair < 4; pair++) {
                            got[pair] += b.poll(pair) == null ? 0 : 1;
                        }
                        return got[0] + got[1] + got[2] + got[3] == before + 1;
                    });
        }
        for (int pair = 0; pair < 4; pair++) {
            assertThat(got[pair]).as("pair %d", pair).isGreaterThan(5);
        }
    }

    @Test
    void shouldTellADriverOfItsCable() {
        start(1);
        var a = driver(0, 0, 1);
        var opened = TestDriver.open(socket(1)).listening();
        var b = opened(new OffloadDriver(opened, CONTROLLED, 1, 2048, true));
        b.supply(0, 8);
        var told = new AtomicInteger();
        var listener =
                new BackEndChannel.Listener() {
                    @Override
                    public boolean iotlbMissed(long iova, int access) {
                        throw new AssertionError("nobody may ask");
                    }

                    @Override
                    public void accessFailed(long iova, int access) {
                        throw new AssertionError("nothing may fail");
                    }

                    @Override
                    public void configChanged() {
                        told.incrementAndGet();
                    }
                };
        var channel = opened(opened.frontEnd.openBackEndChannel(listener));
        a.send(0, WHOLE, frame(B, 1));
        assertThat(b.next(0)).isEqualTo(frame(B, 1));
        String name = port(1).name();
        model.link(name, false);
        Await.until("to be told", () -> channel.onReadable() && told.get() == 1);
        assertThat(status(b)).isZero();
        a.send(0, WHOLE, frame(B, 2));
        assertThat(b.poll(0)).isNull();
        assertThat(port(0).droppedNowhere()).isEqualTo(1);
        b.send(0, WHOLE, NicDriver.frame(A, B, 60, 3));
        assertThat(port(1).droppedNowhere()).isEqualTo(1);
        model.link(name, true);
        int announce = NetDescriptor.STATUS_LINK_UP | NetDescriptor.STATUS_ANNOUNCE;
        Await.until("to be told again", () -> channel.onReadable() && told.get() == 2);
        assertThat(status(b)).isEqualTo(announce);
        assertThat(b.order(3, 0)).isEqualTo(OK);
        assertThat(status(b)).isEqualTo(NetDescriptor.STATUS_LINK_UP);
        a.send(0, WHOLE, frame(B, 4));
        assertThat(b.next(0)).isEqualTo(frame(B, 4));
    }

    private static int status(OffloadDriver driver) {
        return driver.driver.frontEnd.readConfig(6, 2)[0];
    }

    @Test
    void shouldForgetTheOrdersOfADriverThatLeft() {
        start(1);
        var a = driver(0, 0, 1);
        try (var b = new OffloadDriver(TestDriver.open(socket(1)), CONTROLLED, 1, 2048, true)) {
            assertThat(b.order(0, 0, 0)).isEqualTo(OK);
            assertThat(b.order(order(1, 1, C))).isEqualTo(OK);
        }
        Await.until("its end", () -> port(1).disconnections() == 1);
        var next = driver(1, 0, 1).supply(0, 8);
        assertThat(next.driver.frontEnd.readConfig(0, 6)).isEqualTo(B.bytes());
        assertWanted(a, next, new MacAddress[] {B, C}, true, true);
    }
}
