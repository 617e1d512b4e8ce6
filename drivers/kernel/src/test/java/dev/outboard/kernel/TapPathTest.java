package dev.outboard.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.testkit.FakeDevice;
import dev.outboard.testkit.RingPeer;
import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.net.FrameVector;
import dev.outboard.uio.net.TapQueue;
import dev.outboard.uio.net.VirtioHeader;
import dev.outboard.virtio.VirtioFeatures;
import dev.outboard.virtio.net.VirtioNetDriver;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Frames between a TAP's queue and a device, both in the test's hands: a pair of sockets that keep
 * messages apart, as a TAP does, and a device whose rings are read byte by byte.
 */
class TapPathTest {
    private static final long FEATURES =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.NET_CSUM
                    | VirtioFeatures.NET_HOST_TSO4;

    private static final int RECEIVE = 0;
    private static final int TRANSMIT = 1;
    private static final int HEADER = VirtioHeader.SIZE_BYTES;
    private static final int LONG_BYTES = 60_000;

    private final FakeDevice device = new FakeDevice(FEATURES, null, 2);
    private final NetworkService net = (NetworkService) new VirtioNetDriver().start(device);
    private final Counts counts = new Counts();
    private final MemorySegment wire = Arena.ofAuto().allocate(80_000);
    private final FrameVector vector = new FrameVector(1);
    private final Random random = new Random(11);
    private UnixSocket[] pair;
    private TapQueue kernel;
    private TapQueue tap;
    private FrameSource source;

    @BeforeEach
    void open() {
        pair = UnixSocket.pair(UnixSocket.Kind.SEQPACKET);
        kernel = queue(pair[0]);
        tap = queue(pair[1]);
    }

    private static TapQueue queue(UnixSocket end) {
        return TapQueue.of("tap0", DeviceNode.adopt("tap0", end.descriptor().duplicate()));
    }

    @AfterEach
    void close() {
        if (source != null) {
            source.close();
        }
        net.close();
        device.close();
        kernel.close();
        tap.close();
        pair[0].close();
        pair[1].close();
    }

    private void buffers() {
        source = new BufferSource(tap, net.transmitQueue(0), counts);
    }

    private void slots() {
        source = new SlotSource(tap, net.transmitQueue(0), counts, device.dma()::allocate);
    }

    /** The kernel sends a frame of so many random bytes behind a header. */
    private byte[] say(int lengthBytes, int flags, int type, int size, int start, int offset) {
        var bytes = new byte[HEADER + lengthBytes];
        random.nextBytes(bytes);
        var header = new byte[HEADER];
        header[0] = (byte) flags;
        header[1] = (byte) type;
        put(header, 4, size);
        put(header, 6, start);
        put(header, 8, offset);
        System.arraycopy(header, 0, bytes, 0, HEADER);
        if (start != 0 && HEADER + start + 12 < bytes.length) {
            bytes[HEADER + start + 12] = 0x50;
        }
        MemorySegment.copy(bytes, 0, wire, ValueLayout.JAVA_BYTE, 0, bytes.length);
        vector.set(0, wire, 0, bytes.length);
        assertThat(kernel.write(vector, 1)).isTrue();
        return bytes;
    }

    private byte[] say(int lengthBytes) {
        return say(lengthBytes, 0, 0, 0, 0, 0);
    }

    private static void put(byte[] bytes, int at, int value) {
        bytes[at] = (byte) value;
        bytes[at + 1] = (byte) (value >>> 8);
    }

    private RingPeer sending() {
        return device.ring(TRANSMIT);
    }

    /** What the device reads of the next frame: header and all. */
    private byte[] sent(RingPeer.Chain chain) {
        int length = chain.parts().stream().mapToInt(RingPeer.Part::lengthBytes).sum();
        var bytes = new byte[length];
        int at = 0;
        for (var part : chain.parts()) {
            var memory = device.physical().segments().getFirst();
            MemorySegment.copy(
                    memory.memory(),
                    ValueLayout.JAVA_BYTE,
                    part.iova() - memory.physicalAddress(),
                    bytes,
                    at,
                    part.lengthBytes());
            at += part.lengthBytes();
        }
        return bytes;
    }

    @Test
    void shouldHandTheDeviceWhatTheKernelSends() {
        buffers();
        var first = say(60);
        var second = say(1514);
        assertThat(source.move()).isEqualTo(2);
        assertThat(source.isFull()).isFalse();
        assertThat(sent(sending().next())).isEqualTo(first);
        assertThat(sent(sending().next())).isEqualTo(second);
        assertThat(device.doorbells()).as("one a batch, and one at the start").isEqualTo(2);
        assertThat(source.move()).isZero();
        assertThat(counts.get(Counts.Kind.SENT_BYTES)).isEqualTo(60 + 1514);
    }

    @Test
    void shouldRefuseWhatTheDeviceCannotTake() {
        buffers();
        say(net.transmitQueue(0).capacityBytes() + 1);
        say(100, VirtioHeader.NEEDS_SUM, VirtioHeader.GSO_UDP_SEGMENTS, 1400, 34, 6);
        say(100, VirtioHeader.NEEDS_SUM, 0, 0, 90, 40);
        var good = say(100);
        assertThat(source.move()).isEqualTo(4);
        assertThat(counts.get(Counts.Kind.SENT_REFUSED)).isEqualTo(3);
        assertThat(sent(sending().next())).isEqualTo(good);
        assertThat(sending().waiting()).isZero();
    }

    @Test
    void shouldLeaveSumsAndSegmentsToTheDevice() {
        slots();
        var summed = say(200, VirtioHeader.NEEDS_SUM, 0, 0, 34, 16);
        var cut = say(LONG_BYTES, VirtioHeader.NEEDS_SUM, VirtioHeader.GSO_TCP_IPV4, 1448, 34, 16);
        assertThat(source.move()).isEqualTo(2);
        assertThat(sent(sending().next())).isEqualTo(summed);
        // The kernel only hints at the length of the headers; here it is their length.
        put(cut, 2, 34 + 20);
        assertThat(sent(sending().next())).isEqualTo(cut);
        assertThat(counts.get(Counts.Kind.SENT_UNFINISHED)).isEqualTo(2);
    }

    @Test
    void shouldLeaveFramesWithTheKernelWhileTheDeviceHasNoRoom() {
        slots();
        int said = 0;
        while (!source.isFull()) {
            say(1000);
            said++;
            source.move();
            assertThat(said).as("a ring has an end").isLessThan(1000);
        }
        assertThat(counts.get(Counts.Kind.SENT_REFUSED)).isZero();
        int sent = 0;
        while (sent < said) {
            if (sending().waiting() == 0) {
                source.move();
            }
            sending().complete(sending().next().head(), 0);
            sent++;
        }
        source.move();
        assertThat(net.transmitQueue(0).pending()).isZero();
        assertThat(counts.get(Counts.Kind.SENT_FRAMES)).isEqualTo(said);
    }

    @Test
    void shouldGiveTheKernelWhatTheDeviceReceived() {
        var writer = new TapWriter(tap, counts);
        var chain = device.ring(RECEIVE).next();
        var part = chain.parts().getFirst();
        var memory = device.physical().segments().getFirst();
        var frame = new byte[HEADER + 777];
        random.nextBytes(frame);
        java.util.Arrays.fill(frame, 0, HEADER, (byte) 0);
        MemorySegment.copy(
                frame,
                0,
                memory.memory(),
                ValueLayout.JAVA_BYTE,
                part.iova() - memory.physicalAddress(),
                frame.length);
        device.ring(RECEIVE).complete(chain.head(), frame.length);
        assertThat(net.receiveQueue(0).pollFrames(writer, 8)).isEqualTo(1);
        vector.set(0, wire, 0, 4096);
        assertThat(kernel.read(vector, 1)).isEqualTo(frame.length);
        assertThat(wire.asSlice(0, frame.length).toArray(ValueLayout.JAVA_BYTE)).isEqualTo(frame);
        assertThat(counts.get(Counts.Kind.RECEIVED_BYTES)).isEqualTo(777);
    }

    @Test
    void shouldAllocateNothing() {
        buffers();
        round(20_000);
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 100; i++) {
            source.move();
        }
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(100);
        long most = 0;
        for (int turn = 0; turn < 2000; turn++) {
            say(500);
            before = threads.getCurrentThreadAllocatedBytes();
            source.move();
            most += threads.getCurrentThreadAllocatedBytes() - before;
            sending().complete(sending().next().head(), 0);
        }
        assertThat(most).as("bytes for 2000 frames").isLessThan(2000);
    }

    private void round(int frames) {
        for (int i = 0; i < frames; i++) {
            say(500);
            source.move();
            sending().complete(sending().next().head(), 0);
        }
    }
}
