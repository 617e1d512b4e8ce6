package dev.outboard.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.testkit.FakeDevice;
import dev.outboard.uio.Epoll;
import dev.outboard.virtio.VirtioFeatures;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Both queues of an interface, waited for in one call. */
class JointWaitTest {
    private static final int RECEIVE = 0;
    private static final int TRANSMIT = 1;
    private static final int HEADER_BYTES = 12;

    private final FakeDevice device =
            new FakeDevice(VirtioFeatures.VERSION_1 | VirtioFeatures.RING_EVENT_IDX, null, 2);
    private final Epoll epoll = Epoll.create();
    private NetworkService net;

    private void start() {
        net = (NetworkService) new VirtioNetDriver().start(device);
        epoll.add(net.receiveQueue(0).descriptor(), Epoll.READABLE, RECEIVE);
        epoll.add(net.transmitQueue(0).descriptor(), Epoll.READABLE, TRANSMIT);
    }

    @AfterEach
    void close() {
        epoll.close();
        net.close();
        device.close();
    }

    private List<Integer> ready() {
        var ready = new ArrayList<Integer>();
        epoll.await(0, (token, events) -> ready.add(token));
        return ready;
    }

    @Test
    void shouldTellWhichQueueHasWork() {
        start();
        var queue = net.receiveQueue(0);
        assertThat(queue.arm()).isFalse();
        assertThat(ready()).isEmpty();
        device.ring(RECEIVE).complete(device.ring(RECEIVE).next().head(), HEADER_BYTES + 60);
        device.raise(RECEIVE);
        assertThat(ready()).containsExactly(RECEIVE);
        queue.disarm();
        assertThat(ready()).as("its signal was taken").isEmpty();
        assertThat(queue.interrupts()).isOne();
    }

    @Test
    void shouldNotLetASleeperMissWhatCameBeforeItAsked() {
        start();
        var queue = net.receiveQueue(0);
        device.ring(RECEIVE).complete(device.ring(RECEIVE).next().head(), HEADER_BYTES + 60);
        assertThat(queue.arm()).isTrue();
        queue.disarm();
        assertThat(queue.poll((memory, offset, length) -> {}, 1)).isOne();
        assertThat(queue.arm()).isFalse();
        queue.disarm();
    }

    @Test
    void shouldNotLetASleeperMissFramesWhoseUnmappingHasBegun() {
        device.lingers();
        start();
        var queue = net.receiveQueue(0);
        device.ring(RECEIVE).complete(device.ring(RECEIVE).next().head(), HEADER_BYTES + 60);
        assertThat(queue.poll((memory, offset, length) -> {}, 1)).isZero();
        assertThat(queue.arm()).isTrue();
        queue.disarm();
        assertThat(queue.poll((memory, offset, length) -> {}, 1)).isOne();
    }

    @Test
    void shouldNotLetASenderMissBuffersThatLeave() {
        device.lingers();
        start();
        var queue = net.transmitQueue(0);
        queue.commit(queue.claim(), 60);
        queue.flush();
        device.ring(TRANSMIT).complete(device.ring(TRANSMIT).next().head(), 0);
        assertThat(queue.pending()).isZero();
        assertThat(queue.arm()).isTrue();
        queue.disarm();
        assertThat(queue.arm()).isFalse();
        queue.disarm();
    }

    @Test
    void shouldBeWokenByAnotherThread() throws InterruptedException {
        start();
        var queue = net.receiveQueue(0);
        assertThat(queue.arm()).isFalse();
        var waker = Thread.ofPlatform().start(queue::wake);
        waker.join();
        assertThat(ready()).containsExactly(RECEIVE);
        queue.disarm();
        assertThat(ready()).isEmpty();
        assertThat(queue.interrupts()).as("nobody else signalled").isZero();
    }

    @Test
    void shouldSayThatTheDeviceWentAway() {
        start();
        device.vanish();
        assertThatThrownBy(() -> net.receiveQueue(0).arm()).isInstanceOf(DeviceLostException.class);
        assertThatThrownBy(() -> net.receiveQueue(0).disarm())
                .isInstanceOf(DeviceLostException.class);
    }
}
