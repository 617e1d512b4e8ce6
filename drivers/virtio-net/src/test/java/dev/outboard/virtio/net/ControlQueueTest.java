package dev.outboard.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.LinkListener;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.testkit.FakeDevice;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is said over the control queue, how many pairs are used, and what the device tells. */
@Timeout(60)
class ControlQueueTest {
    private static final long FEATURES =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.NET_MAC
                    | VirtioFeatures.NET_STATUS
                    | VirtioFeatures.NET_MTU
                    | VirtioFeatures.NET_CTRL_VQ
                    | VirtioFeatures.NET_CTRL_RX
                    | VirtioFeatures.NET_CTRL_MAC_ADDR
                    | VirtioFeatures.NET_GUEST_ANNOUNCE
                    | VirtioFeatures.NET_MQ;
    private static final long GUEST =
            VirtioFeatures.NET_GUEST_CSUM | VirtioFeatures.NET_CTRL_GUEST_OFFLOADS;
    private static final int OK = 0;
    private static final int UP = 1;
    private static final int ANNOUNCE = 2;

    private FakeDevice device;
    private NetworkService net;
    private Thread answering;
    private volatile boolean isEnding;
    private volatile int answer = OK;

    /** What the device was told, in hexadecimal. */
    private final List<String> told = new CopyOnWriteArrayList<>();

    private static byte[] config(int pairs) {
        return new byte[] {
            0x52, 0x54, 0, 0x12, 0x34, 0x56, UP, 0, (byte) pairs, (byte) (pairs >> 8), 0x78, 0x05
        };
    }

    private void start(long features, byte[] config, int queues, int limit, int control) {
        device = new FakeDevice(features, config, queues);
        device.limitQueues(limit);
        device.tellsOfChanges();
        device.clientTakes(FrameOffload.UNSUMMED);
        answering = Thread.ofPlatform().start(() -> answer(control));
        net = (NetworkService) new VirtioNetDriver().start(device);
    }

    /** The device's side of the control queue. */
    private void answer(int control) {
        while (!isEnding) {
            var ring = device.ring(control);
            if (ring == null || ring.waiting() == 0 || answer < 0) {
                LockSupport.parkNanos(100_000);
                continue;
            }
            var chain = ring.next();
            var bytes = new StringBuilder();
            for (var part : chain.parts()) {
                var memory = device.memory(part.iova(), part.lengthBytes());
                if (part.writable()) {
                    assertThat(part.lengthBytes()).isEqualTo(1);
                    memory.set(ValueLayout.JAVA_BYTE, 0, (byte) answer);
                } else {
                    bytes.append(HexFormat.of().formatHex(memory.toArray(ValueLayout.JAVA_BYTE)));
                }
            }
            told.add(bytes.toString());
            ring.complete(chain.head(), 1);
            device.raise(control);
        }
    }

    @AfterEach
    void close() throws InterruptedException {
        if (net != null) {
            net.close();
            net.close();
            assertThat(device.startedQueues()).isZero();
        }
        isEnding = true;
        if (answering != null) {
            answering.join();
        }
        device.close();
    }

    @Test
    void shouldSayWhatToReceive() {
        start(FEATURES, config(1), 3, 1, 2);
        net.receiveAll(true);
        net.receiveAll(false);
        net.receiveAllGroups(true);
        net.receiveGroups(List.of(new byte[] {1, 2, 3, 4, 5, 6}, new byte[] {3, 0, 0, 0, 0, 9}));
        net.receiveGroups(List.of());
        assertThat(told)
                .containsExactly(
                        "000001",
                        "000000",
                        "000101",
                        "01000000000002000000010203040506030000000009",
                        "01000000000000000000");
    }

    @Test
    void shouldAskForAllGroupsWhereTheyAreTooManyToName() {
        start(FEATURES, config(1), 3, 1, 2);
        net.receiveGroups(Collections.nCopies(257, new byte[] {1, 2, 3, 4, 5, 6}));
        assertThat(told).containsExactly("000101");
    }

    @Test
    void shouldTakeAnotherAddress() {
        start(FEATURES, config(1), 3, 1, 2);
        byte[] address = {2, 0, 0, 0, 0, 7};
        net.setMacAddress(address);
        assertThat(told).containsExactly("0101020000000007");
        assertThat(net.macAddress()).isEqualTo(address);
        address[5] = 8;
        assertThat(net.macAddress()[5]).isEqualTo((byte) 7);
        assertThat(net.describe()).contains("02:00:00:00:00:07");
    }

    @ParameterizedTest
    @ValueSource(strings = {"0100000000", "010000000001", "0200000000", "02000000000000", ""})
    void shouldRefuseWhatIsNoAddressOfAStation(String hex) {
        start(FEATURES, config(1), 3, 1, 2);
        byte[] address = HexFormat.of().parseHex(hex);
        assertThatThrownBy(() -> net.setMacAddress(address))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> net.receiveGroups(List.of(new byte[] {2, 0, 0, 0, 0, 7})))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(told).isEmpty();
    }

    @Test
    void shouldKeepItsAddressWhenTheDeviceRefusesAnother() {
        start(FEATURES, config(1), 3, 1, 2);
        answer = 1;
        assertThatThrownBy(() -> net.setMacAddress(new byte[] {2, 0, 0, 0, 0, 7}))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("refused command 1 of class 1: it answered 1");
        assertThat(net.macAddress()).startsWith(0x52, 0x54);
        answer = OK;
        net.receiveAll(true);
    }

    @Test
    void shouldChangeWhatItReceivesUnfinished() {
        start(FEATURES | GUEST, config(1), 3, 1, 2);
        net.receiveOffloads(0);
        net.receiveOffloads(FrameOffload.UNSUMMED);
        assertThat(told).containsExactly("05000000000000000000", "05000200000000000000");
        assertThatThrownBy(() -> net.receiveOffloads(FrameOffload.MERGED_IPV4))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("more than was agreed on");
    }

    @Test
    void shouldSayWhatADeviceWithoutAControlQueueCannotBeTold() {
        start(FEATURES & ~VirtioFeatures.NET_CTRL_VQ, config(1), 3, 1, 2);
        assertThat(device.startedQueues()).isEqualTo(2);
        assertThatThrownBy(() -> net.receiveAll(true))
                .isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> net.setMacAddress(new byte[] {2, 0, 0, 0, 0, 7}))
                .isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> net.receiveOffloads(0))
                .isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void shouldNotWaitForADeviceThatWentAway() {
        start(FEATURES, config(1), 3, 1, 2);
        answer = -1;
        var vanishing =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
                                    device.vanish();
                                    device.raise(2);
                                });
        assertThatThrownBy(() -> net.receiveAll(true)).isInstanceOf(DeviceLostException.class);
        assertThat(vanishing).isNotNull();
    }

    @Test
    void shouldTakeNoLateAnswerForThatToAnother() {
        start(FEATURES, config(1), 3, 1, 2);
        answer = -1;
        assertThatThrownBy(() -> net.receiveAll(true))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("did not answer command 0 of class 0");
        answer = OK;
        assertThatThrownBy(() -> net.receiveAll(false))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("closed");
    }

    /** With a configuration: pairs that it has, the control queue, and how many are used. */
    @ParameterizedTest
    @CsvSource({
        "1, 3, 8, 1, 2",
        "4, 9, 1, 1, 2",
        "4, 9, 3, 3, 8",
        "4, 9, 8, 4, 8",
        "4, 8, 8, 1, 2"
    })
    void shouldUseAsManyPairsAsThereAreAndAreWanted(
            int has, int queues, int limit, int used, int control) {
        start(FEATURES, config(has), queues, limit, control);
        assertThat(net.queuePairs()).isEqualTo(used);
        assertThat(device.startedQueues()).isEqualTo(2 * used + 1);
        assertThat((device.accepted() & VirtioFeatures.NET_MQ) != 0).isEqualTo(used > 1);
        assertThat(told).isEqualTo(used > 1 ? List.of("04000" + used + "00") : List.of());
        for (int pair = 0; pair < used; pair++) {
            var queue = net.transmitQueue(pair);
            queue.commit(queue.claim(), 60);
            assertThat(queue.flush()).isEqualTo(1);
            assertThat(device.ring(NetDescriptor.transmitQueue(pair)).waiting()).isEqualTo(1);
            assertThat(device.ring(NetDescriptor.receiveQueue(pair)).waiting()).isEqualTo(64);
        }
        assertThatThrownBy(() -> net.transmitQueue(used))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("pair=" + used);
        assertThatThrownBy(() -> net.receiveQueue(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldUsePairsThatAreStartedWhereThereIsNoConfiguration() {
        start(FEATURES, null, 8, 3, 8);
        assertThat(net.queuePairs()).isEqualTo(3);
        assertThat(device.startedQueues()).isEqualTo(6);
        assertThat(device.accepted() & VirtioFeatures.NET_CTRL_VQ).isZero();
        assertThat(told).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 0x8001, 0xffff})
    void shouldRejectANumberOfPairsThatCannotBe(int pairs) {
        assertThatThrownBy(() -> start(FEATURES, config(pairs), 9, 2, 8))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("claims " + pairs + " pairs");
    }

    /** What a listener heard. */
    private static final class Heard implements LinkListener {
        private final BlockingQueue<String> events = new LinkedBlockingQueue<>();

        @Override
        public void onLink(boolean isUp) {
            events.add(isUp ? "up" : "down");
        }

        @Override
        public void onAnnounce() {
            events.add("announce");
        }

        String next() throws InterruptedException {
            return events.poll(20, TimeUnit.SECONDS);
        }
    }

    @Test
    void shouldHearOfTheLink() throws InterruptedException {
        start(FEATURES, config(1), 3, 1, 2);
        var heard = new Heard();
        net.onLink(heard);
        device.changeConfig(NetDescriptor.CONFIG_STATUS_OFFSET, 0);
        assertThat(heard.next()).isEqualTo("down");
        assertThat(net.isLinkUp()).isFalse();
        device.changeConfig(NetDescriptor.CONFIG_STATUS_OFFSET, 0);
        device.changeConfig(NetDescriptor.CONFIG_STATUS_OFFSET, UP);
        assertThat(heard.next()).isEqualTo("up");
        assertThat(net.isLinkUp()).isTrue();
    }

    @Test
    void shouldTellTheDeviceThatItsAnnouncementWasHeard() throws InterruptedException {
        start(FEATURES, config(1), 3, 1, 2);
        var heard = new Heard();
        net.onLink(heard);
        device.changeConfig(NetDescriptor.CONFIG_STATUS_OFFSET, UP | ANNOUNCE);
        assertThat(heard.next()).isEqualTo("announce");
        while (told.isEmpty()) {
            LockSupport.parkNanos(100_000);
        }
        assertThat(told).containsExactly("0300");
    }
}
