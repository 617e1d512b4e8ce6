package dev.outboard.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.OutOfDmaMemoryException;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.testkit.FakeDevice;
import dev.outboard.testkit.RingPeer;
import dev.outboard.virtio.RingFormat;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VirtioNetDriverTest {
    private static final long FEATURES =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.NET_MAC
                    | VirtioFeatures.NET_STATUS
                    | VirtioFeatures.NET_MTU;

    /** MAC 52:54:00:12:34:56, link up, one pair, MTU 1400. */
    private static final byte[] CONFIG = {
        0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 1, 0, 1, 0, 0x78, 0x05
    };

    private static final int HEADER_BYTES = 12;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** Less than an object for every hundred frames. */
    private static final long LITTLE_BYTES = 1_000;

    private static final int RECEIVE = 0;
    private static final int TRANSMIT = 1;

    private FakeDevice device;
    private NetworkService net;

    private void start(long features, byte[] config, int queues) {
        device = new FakeDevice(features, config, queues);
        net = (NetworkService) new VirtioNetDriver().start(device);
    }

    private int exchanged;

    private void start() {
        start(FEATURES, CONFIG, 2);
    }

    @AfterEach
    void close() {
        if (net != null) {
            net.close();
        }
        if (device != null) {
            device.close();
        }
    }

    @Test
    void shouldReadAddressLinkAndMtuFromTheConfiguration() {
        start();
        assertThat(net.macAddress()).startsWith(0x52, 0x54, 0x00).hasSize(6);
        assertThat(net.mtuBytes()).isEqualTo(1400);
        assertThat(net.isLinkUp()).isTrue();
        assertThat(net.describe()).contains("52:54:00:12:34:56", "1400", "up");
    }

    @Test
    void shouldMakeUpAnAddressWhereThereIsNoConfiguration() {
        start(FEATURES, null, 2);
        assertThat(net.macAddress()[0] & 3).as("local, unicast").isEqualTo(2);
        assertThat(net.mtuBytes()).isEqualTo(1500);
        assertThat(device.accepted()).isEqualTo(FEATURES & ~NetConfig.FEATURES);
    }

    @Test
    void shouldAcceptNothingItDoesNotKnow() {
        start(-1L & ~(1L << 63), CONFIG, 2);
        assertThat(device.accepted())
                .isEqualTo(
                        FEATURES
                                | VirtioFeatures.NET_CSUM
                                | VirtioFeatures.NET_HOST_TSO4
                                | VirtioFeatures.NET_HOST_TSO6
                                | RingFormat.FEATURES);
    }

    @Test
    void shouldRefuseALegacyDevice() {
        assertThatThrownBy(() -> start(FEATURES & ~VirtioFeatures.VERSION_1, CONFIG, 2))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("VERSION_1");
    }

    @Test
    void shouldRefuseADeviceWithOneQueue() {
        assertThatThrownBy(() -> start(FEATURES, CONFIG, 1))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("is it a disk?");
    }

    @ParameterizedTest
    @ValueSource(ints = {RECEIVE, TRANSMIT})
    void shouldGiveEverythingBackWhenTheStartFailsHalfWay(int queue) {
        device = new FakeDevice(FEATURES, CONFIG, 2);
        long free = device.physical().freeBytes();
        device.failStartOf(queue);
        assertThatThrownBy(() -> new VirtioNetDriver().start(device))
                .hasMessageContaining("refuses queue " + queue);
        assertThat(device.physical().freeBytes()).isEqualTo(free);
        assertThat(device.startedQueues()).isZero();
    }

    @Test
    void shouldGiveEverythingBackOnClose() {
        device = new FakeDevice(FEATURES, CONFIG, 2);
        long free = device.physical().freeBytes();
        net = (NetworkService) new VirtioNetDriver().start(device);
        send(net.transmitQueue(0), 60);
        net.close();
        net.close();
        assertThat(device.physical().freeBytes()).isEqualTo(free);
        assertThat(device.startedQueues()).isZero();
        assertThat(device.dma().statistics().liveMappings()).isZero();
    }

    private static void send(TransmitQueue queue, int length) {
        int buffer = queue.claim();
        for (int i = 0; i < length; i++) {
            queue.memory().set(ValueLayout.JAVA_BYTE, queue.offset(buffer) + i, (byte) (i * 3));
        }
        queue.commit(buffer, length);
        queue.flush();
    }

    @Test
    void shouldSendHeaderAndFrameAsOneReadableBuffer() {
        start();
        send(net.transmitQueue(0), 60);
        var chain = device.ring(TRANSMIT).next();
        assertThat(chain.parts()).hasSize(1);
        var part = chain.parts().getFirst();
        assertThat(part.writable()).isFalse();
        assertThat(part.lengthBytes()).isEqualTo(HEADER_BYTES + 60);
        assertThat(bytes(part, 0, HEADER_BYTES)).containsOnly(0);
        assertThat(bytes(part, HEADER_BYTES, 60)[59]).isEqualTo((byte) (59 * 3));
    }

    private byte[] bytes(RingPeer.Part part, int from, int length) {
        var segment = device.physical().segments().getFirst();
        long at = part.iova() - segment.physicalAddress() + from;
        return segment.memory().asSlice(at, length).toArray(ValueLayout.JAVA_BYTE);
    }

    @Test
    void shouldReuseABufferOnlyWhenTheDeviceIsDoneWithIt() {
        start();
        var queue = net.transmitQueue(0);
        var seen = new HashSet<Integer>();
        int buffer;
        while ((buffer = queue.claim()) != TransmitQueue.NONE) {
            assertThat(seen.add(buffer)).isTrue();
            queue.commit(buffer, 60);
        }
        assertThat(queue.flush()).isEqualTo(64);
        assertThat(queue.pending()).isEqualTo(64);
        assertThat(queue.claim()).isEqualTo(TransmitQueue.NONE);
        var ring = device.ring(TRANSMIT);
        ring.complete(ring.next().head(), 0);
        assertThat(queue.claim()).isNotEqualTo(TransmitQueue.NONE);
        assertThat(queue.frames()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 13, 1419, Integer.MAX_VALUE})
    void shouldRefuseWhatIsNoFrame(int length) {
        start();
        var queue = net.transmitQueue(0);
        int buffer = queue.claim();
        assertThatThrownBy(() -> queue.commit(buffer, length))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("lengthBytes=" + length);
    }

    @Test
    void shouldGatherAFrameFromTheCallersMemory() {
        start();
        var queue = net.transmitQueue(0);
        try (var memory = device.dma().allocate(8192)) {
            var frame = new ScatterGatherList(4);
            frame.add(memory.physicalAddress() + 100, 14);
            frame.add(memory.physicalAddress() + 5000, 1000);
            assertThat(queue.transmit(frame)).isTrue();
            assertThat(device.ring(TRANSMIT).waiting()).as("before the flush").isZero();
            assertThat(queue.flush()).isEqualTo(1);
            var parts = device.ring(TRANSMIT).next();
            assertThat(parts.parts())
                    .extracting(RingPeer.Part::lengthBytes)
                    .containsExactly(HEADER_BYTES, 14, 1000);
            device.ring(TRANSMIT).complete(parts.head(), 0);
            assertThat(queue.pending()).isZero();
            assertThat(frame.isMapped()).isFalse();
        }
    }

    @Test
    void shouldNeedOneDescriptorForPartsThatAreContiguous() {
        start();
        var queue = net.transmitQueue(0);
        try (var memory = device.dma().allocate(8192)) {
            var frame = new ScatterGatherList(3);
            frame.add(memory.physicalAddress() + 100, 14);
            frame.add(memory.physicalAddress() + 114, 1000);
            frame.add(memory.physicalAddress() + 1114, 200);
            assertThat(queue.transmit(frame)).isTrue();
            assertThat(device.ring(TRANSMIT).waiting()).as("before the flush").isZero();
            assertThat(queue.flush()).isEqualTo(1);
            var parts = device.ring(TRANSMIT).next();
            assertThat(parts.parts())
                    .extracting(RingPeer.Part::lengthBytes)
                    .containsExactly(HEADER_BYTES, 1214);
            device.ring(TRANSMIT).complete(parts.head(), 0);
            assertThat(queue.pending()).isZero();
        }
    }

    @Test
    void shouldShowReceivedFramesAndPostTheirBuffersAgain() {
        start();
        var ring = device.ring(RECEIVE);
        assertThat(ring.waiting()).isEqualTo(64);
        for (int round = 0; round < 200; round++) {
            deliver(ring, round % 100 + 14);
        }
        assertThat(net.receiveQueue(0).frames()).isEqualTo(200);
    }

    private void deliver(RingPeer ring, int length) {
        var chain = ring.next();
        assertThat(chain.parts().getFirst().writable()).isTrue();
        ring.complete(chain.head(), HEADER_BYTES + length);
        List<Integer> lengths = new ArrayList<>();
        FrameHandler handler = (memory, offset, bytes) -> lengths.add(bytes);
        assertThat(net.receiveQueue(0).poll(handler, 16)).isEqualTo(1);
        assertThat(lengths).containsExactly(length);
        assertThat(ring.waiting()).isEqualTo(64);
    }

    @Test
    void shouldMoveBuffersAsTheirFramesCome() {
        start();
        var ring = device.ring(RECEIVE);
        try (var other = device.physical().allocate(64 * 4096)) {
            long before = device.physical().freeBytes();
            assertThat(net.receiveQueue(0).move(bytes -> other)).isTrue();
            for (int frame = 0; frame < 63; frame++) {
                var buffer = ring.next();
                assertThat(isIn(other, buffer.parts().getFirst())).isFalse();
                receive(ring, buffer, (byte) frame);
            }
            assertThat(net.receiveQueue(0).move(bytes -> other)).as("one is behind").isFalse();
            assertThat(device.physical().freeBytes()).isEqualTo(before);
            receive(ring, ring.next(), (byte) 63);
            assertThat(device.physical().freeBytes()).as("the last").isGreaterThan(before);
            for (int frame = 0; frame < 128; frame++) {
                var buffer = ring.next();
                assertThat(isIn(other, buffer.parts().getFirst())).isTrue();
                receive(ring, buffer, (byte) frame);
            }
        }
    }

    private static boolean isIn(DmaMemory memory, RingPeer.Part part) {
        long offset = part.iova() - memory.physicalAddress();
        return offset >= 0 && offset < memory.lengthBytes();
    }

    /** A frame whose every byte the driver shows as the device wrote it, wherever it is. */
    private void receive(RingPeer ring, RingPeer.Chain buffer, byte value) {
        var segment = device.physical().segments().getFirst();
        long at = buffer.parts().getFirst().iova() - segment.physicalAddress();
        segment.memory().asSlice(at + HEADER_BYTES, 60).fill(value);
        ring.complete(buffer.head(), HEADER_BYTES + 60);
        var seen = new HashSet<Byte>();
        FrameHandler handler =
                (memory, offset, bytes) -> {
                    for (int index = 0; index < bytes; index++) {
                        seen.add(memory.get(ValueLayout.JAVA_BYTE, offset + index));
                    }
                };
        assertThat(net.receiveQueue(0).poll(handler, 1)).isEqualTo(1);
        assertThat(seen).containsExactly(value);
    }

    @Test
    void shouldMoveNoBufferThatTheDeviceHas() {
        start();
        var queue = net.transmitQueue(0);
        var ring = device.ring(TRANSMIT);
        try (var other = device.physical().allocate(64 * 4096)) {
            int claimed = queue.claim();
            assertThat(queue.move(bytes -> other)).as("claimed").isFalse();
            queue.commit(claimed, 60);
            assertThat(queue.move(bytes -> other)).as("committed").isFalse();
            queue.flush();
            assertThat(queue.move(bytes -> other)).as("with the device").isFalse();
            ring.complete(ring.next().head(), 0);
            long before = device.physical().freeBytes();
            assertThat(queue.move(bytes -> other)).isTrue();
            assertThat(device.physical().freeBytes()).isGreaterThan(before);
            assertThat(queue.memory().address()).isEqualTo(other.memory().address());
            queue.commit(queue.claim(), 60);
            queue.flush();
            assertThat(isIn(other, ring.next().parts().getFirst())).isTrue();
        }
    }

    @Test
    void shouldStayWhereItIsIfThereIsNoOtherMemory() {
        start();
        var full = new OutOfDmaMemoryException("full");
        for (int tries = 0; tries < 2; tries++) {
            assertThatThrownBy(
                            () ->
                                    net.receiveQueue(0)
                                            .move(
                                                    bytes -> {
                                                        throw full;
                                                    }))
                    .isSameAs(full);
            assertThatThrownBy(
                            () ->
                                    net.transmitQueue(0)
                                            .move(
                                                    bytes -> {
                                                        throw full;
                                                    }))
                    .isSameAs(full);
        }
        for (int round = 0; round < 100; round++) {
            deliver(device.ring(RECEIVE), 60);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 11, 12, 25})
    void shouldRejectAFrameShorterThanItsHeader(int written) {
        start();
        var ring = device.ring(RECEIVE);
        ring.complete(ring.next().head(), written);
        assertThatThrownBy(() -> net.receiveQueue(0).poll((m, o, l) -> {}, 16))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("shorter");
        net.close();
        assertThat(device.dma().statistics().liveMappings()).isZero();
    }

    private void startLingering() {
        device = new FakeDevice(FEATURES, CONFIG, 2);
        device.lingers();
        net = (NetworkService) new VirtioNetDriver().start(device);
    }

    @Test
    void shouldShowAFrameOnlyWhenTheDeviceCannotChangeItAnyMore() {
        startLingering();
        var ring = device.ring(RECEIVE);
        var queue = net.receiveQueue(0);
        var lengths = new ArrayList<Integer>();
        FrameHandler handler = (memory, offset, bytes) -> lengths.add(bytes);
        for (int frame = 0; frame < 10; frame++) {
            ring.complete(ring.next().head(), HEADER_BYTES + 100 + frame);
        }
        assertThat(queue.poll(handler, 4)).isZero();
        assertThat(queue.poll(handler, 4)).isZero();
        assertThat(lengths).isEmpty();
        device.settle();
        assertThat(queue.poll(handler, 2)).isEqualTo(2);
        assertThat(lengths).containsExactly(100, 101);
        ring.complete(ring.next().head(), HEADER_BYTES + 110);
        assertThat(queue.poll(handler, 100)).as("the rest of the first batch").isEqualTo(8);
        assertThat(queue.poll(handler, 100)).as("the next was begun later").isZero();
        assertThat(queue.await(0)).as("they are here, whatever the interrupt says").isTrue();
        assertThat(queue.poll(handler, 100)).isEqualTo(1);
        assertThat(lengths).containsExactly(100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110);
        assertThat(ring.waiting()).isEqualTo(64);
    }

    @Test
    void shouldSendFromABufferAgainOnlyWhenTheDeviceHasForgottenIt() {
        startLingering();
        var queue = net.transmitQueue(0);
        for (int frame = 0; frame < 64; frame++) {
            queue.commit(queue.claim(), 60);
        }
        assertThat(queue.flush()).isEqualTo(64);
        var ring = device.ring(TRANSMIT);
        for (int frame = 0; frame < 64; frame++) {
            ring.complete(ring.next().head(), 0);
        }
        assertThat(queue.claim()).isEqualTo(TransmitQueue.NONE);
        assertThat(queue.pending()).as("all are sent").isZero();
        assertThat(queue.claim()).isEqualTo(TransmitQueue.NONE);
        device.settle();
        assertThat(queue.claim()).isNotEqualTo(TransmitQueue.NONE);
        assertThat(queue.frames()).isEqualTo(64);
    }

    @Test
    void shouldWaitForBuffersThatLeaveBeforeItSleeps() {
        startLingering();
        var queue = net.transmitQueue(0);
        queue.commit(queue.claim(), 60);
        queue.flush();
        var ring = device.ring(TRANSMIT);
        ring.complete(ring.next().head(), 0);
        assertThat(queue.pending()).isZero();
        assertThat(queue.await(0)).as("no interrupt will tell").isTrue();
        assertThat(queue.await(0)).isFalse();
        queue.commit(queue.claim(), 60);
        queue.flush();
        ring.complete(ring.next().head(), 0);
        assertThat(queue.pending()).isZero();
        net.close();
        assertThat(device.dma().statistics().liveMappings()).isZero();
    }

    @Test
    void shouldWaitUntilTheInterruptAndCountIt() {
        start();
        var queue = net.receiveQueue(0);
        assertThat(queue.await(1_000_000)).isFalse();
        var ring = device.ring(RECEIVE);
        ring.complete(ring.next().head(), 100);
        device.raise(RECEIVE);
        assertThat(queue.await(1_000_000_000L)).isTrue();
    }

    @Test
    void shouldSayThatTheDeviceWentAway() {
        start();
        device.vanish();
        assertThatThrownBy(() -> net.receiveQueue(0).await(1_000_000))
                .isInstanceOf(DeviceLostException.class)
                .hasMessageContaining("fake0");
    }

    @Test
    void shouldNotAllocatePerFrame() {
        start();
        var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        FrameHandler handler = (memory, offset, length) -> {};
        // Code that is not compiled yet may allocate: the compiler gets its time.
        long start = System.nanoTime();
        long cost = Long.MAX_VALUE;
        while (cost > LITTLE_BYTES && System.nanoTime() - start < PATIENCE_NANOS) {
            long before = bean.getCurrentThreadAllocatedBytes();
            exchange(handler, 10_000);
            cost = bean.getCurrentThreadAllocatedBytes() - before;
        }
        assertThat(cost).as("bytes for 10,000 frames").isLessThanOrEqualTo(LITTLE_BYTES);
    }

    /**
     * Sends and receives; descriptors are used one after the other, and their count is a power of
     * two.
     */
    private void exchange(FrameHandler handler, int rounds) {
        var out = net.transmitQueue(0);
        var in = net.receiveQueue(0);
        for (int i = 0; i < rounds; i++) {
            int buffer = out.claim();
            out.commit(buffer, 60);
            out.flush();
            device.ring(TRANSMIT).complete(exchanged++ & 63, 0);
            in.poll(handler, 16);
        }
    }
}
