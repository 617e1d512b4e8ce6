package dev.outboard.virtio.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.FrameFacts;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.ReceivedFrame;
import dev.outboard.driver.net.ReceivedFrameHandler;
import dev.outboard.testkit.FakeDevice;
import dev.outboard.testkit.RingPeer;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Frames in several buffers, with sums and segments left undone, and frames that are kept. */
class MergedFramesTest {
    private static final long OFFERED =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.NET_GUEST_CSUM
                    | VirtioFeatures.NET_GUEST_TSO4
                    | VirtioFeatures.NET_GUEST_TSO6
                    | VirtioFeatures.NET_MRG_RXBUF;
    private static final int EVERYTHING =
            FrameOffload.UNSUMMED | FrameOffload.MERGED_IPV4 | FrameOffload.MERGED_IPV6;
    private static final int HEADER = NetDescriptor.HEADER_BYTES;
    private static final int RECEIVE = 0;
    private static final int ENTRIES = 64;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private FakeDevice device;
    private NetworkService net;
    private ReceiveQueue queue;
    private RingPeer ring;

    /** What was shown, copied. */
    private record Shown(byte[] bytes, int parts, int facts, long offload) {}

    private final List<Shown> shown = new ArrayList<>();
    private final ReceivedFrameHandler handler =
            frame ->
                    shown.add(
                            new Shown(bytes(frame), frame.parts(), frame.facts(), frame.offload()));

    private static byte[] bytes(ReceivedFrame frame) {
        var all = MemorySegment.ofArray(new byte[frame.lengthBytes()]);
        long at = 0;
        for (int part = 0; part < frame.parts(); part++) {
            MemorySegment.copy(
                    frame.memory(part), frame.offset(part), all, at, frame.lengthBytes(part));
            at += frame.lengthBytes(part);
        }
        assertThat(at).isEqualTo(frame.lengthBytes());
        return all.toArray(ValueLayout.JAVA_BYTE);
    }

    private void start(long features, int taken) {
        device = new FakeDevice(features, null, 2);
        device.clientTakes(taken);
        net = (NetworkService) new VirtioNetDriver().start(device);
        queue = net.receiveQueue(0);
        ring = device.ring(RECEIVE);
    }

    @AfterEach
    void close() {
        if (net != null) {
            net.close();
            assertThat(device.dma().statistics().liveMappings()).isZero();
        }
        device.close();
    }

    /** A virtio header. */
    private static byte[] header(int flags, int kind, int mss, int start, int offset, int buffers) {
        var header = MemorySegment.ofArray(new byte[HEADER]);
        header.set(ValueLayout.JAVA_BYTE, 0, (byte) flags);
        header.set(ValueLayout.JAVA_BYTE, 1, (byte) kind);
        header.set(SHORT, 4, (short) mss);
        header.set(SHORT, 6, (short) start);
        header.set(SHORT, 8, (short) offset);
        header.set(SHORT, 10, (short) buffers);
        return header.toArray(ValueLayout.JAVA_BYTE);
    }

    private static byte[] plain(int buffers) {
        return header(0, 0, 0, 0, 0, buffers);
    }

    /** Writes header and frame as the device does, so much into each buffer. */
    private void deliver(byte[] header, byte[] frame, int... sizes) {
        var all = new byte[header.length + frame.length];
        System.arraycopy(header, 0, all, 0, header.length);
        System.arraycopy(frame, 0, all, header.length, frame.length);
        int at = 0;
        for (int size : sizes) {
            var chain = ring.next();
            MemorySegment.copy(
                    all,
                    at,
                    device.memory(chain.parts().getFirst().iova(), size),
                    ValueLayout.JAVA_BYTE,
                    0,
                    size);
            ring.complete(chain.head(), size);
            at += size;
        }
        assertThat(at).isEqualTo(all.length);
    }

    private static byte[] frame(int lengthBytes) {
        var frame = new byte[lengthBytes];
        new Random(lengthBytes).nextBytes(frame);
        return frame;
    }

    /** A frame whose TCP header begins at 34 and has so many words. */
    private static byte[] tcp(int lengthBytes, int words) {
        var frame = frame(lengthBytes);
        frame[34 + 12] = (byte) (words << 4);
        return frame;
    }

    @Test
    void shouldAcceptOnlyWhatItsClientTakes() {
        start(OFFERED, 0);
        assertThat(device.accepted())
                .isEqualTo(VirtioFeatures.VERSION_1 | VirtioFeatures.RING_EVENT_IDX);
        net.close();
        device.close();
        start(OFFERED, FrameOffload.UNSUMMED);
        assertThat(device.accepted() & OFFERED)
                .isEqualTo(
                        VirtioFeatures.VERSION_1
                                | VirtioFeatures.RING_EVENT_IDX
                                | VirtioFeatures.NET_GUEST_CSUM);
        assertThat(net.offloads() & FrameOffload.UNSUMMED).isNotZero();
        net.close();
        device.close();
        start(OFFERED & ~VirtioFeatures.NET_MRG_RXBUF, EVERYTHING);
        assertThat(device.accepted() & VirtioFeatures.NET_GUEST_TSO4)
                .as("without buffers that are merged")
                .isZero();
        net.close();
        device.close();
        start(OFFERED, EVERYTHING);
        assertThat(device.accepted()).isEqualTo(OFFERED);
    }

    @Test
    void shouldShowAFrameInTheBuffersThatItCameIn() {
        start(OFFERED, EVERYTHING);
        var frame = frame(60_000);
        var sizes = new int[20];
        java.util.Arrays.fill(sizes, 3000);
        sizes[19] = 60_000 + HEADER - 19 * 3000;
        deliver(plain(20), frame, sizes);
        assertThat(queue.pollFrames(handler, 10)).isEqualTo(1);
        assertThat(shown.getFirst().bytes).isEqualTo(frame);
        assertThat(shown.getFirst().parts).isEqualTo(20);
        assertThat(ring.waiting()).as("all buffers are back").isEqualTo(ENTRIES);
        assertThat(queue.bytes()).isEqualTo(60_000);
    }

    @Test
    void shouldPutAFrameTogetherForWhoWantsItInOne() {
        start(OFFERED, EVERYTHING);
        var frame = frame(5000);
        deliver(plain(2), frame, 3000, 2000 + HEADER);
        var whole = new ArrayList<byte[]>();
        FrameHandler inOne =
                (memory, offset, length) ->
                        whole.add(memory.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE));
        assertThat(queue.poll(inOne, 10)).isEqualTo(1);
        assertThat(whole.getFirst()).isEqualTo(frame);
    }

    @Test
    void shouldWaitForTheRestOfAFrame() {
        start(OFFERED, EVERYTHING);
        var first = frame(100);
        var second = frame(9000);
        deliver(plain(1), first, 112);
        var all = new byte[9000];
        System.arraycopy(second, 0, all, 0, 9000);
        deliver(plain(3), java.util.Arrays.copyOf(second, 3000), 3012);
        assertThat(queue.pollFrames(handler, 10)).isEqualTo(1);
        assertThat(queue.pollFrames(handler, 10)).isZero();
        assertThat(queue.await(0)).as("there is none yet").isFalse();
        deliver(new byte[0], java.util.Arrays.copyOfRange(second, 3000, 6000), 3000);
        assertThat(queue.pollFrames(handler, 10)).isZero();
        deliver(new byte[0], java.util.Arrays.copyOfRange(second, 6000, 9000), 3000);
        deliver(plain(1), first, 112);
        assertThat(queue.pollFrames(handler, 10)).isEqualTo(2);
        assertThat(shown).extracting(Shown::parts).containsExactly(1, 3, 1);
        assertThat(shown.get(1).bytes).isEqualTo(second);
        assertThat(ring.waiting()).isEqualTo(ENTRIES);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, ENTRIES + 1, 0xffff})
    void shouldRejectAFrameInANumberOfBuffersThatCannotBe(int buffers) {
        start(OFFERED, EVERYTHING);
        deliver(plain(buffers), frame(60), 72);
        assertThatThrownBy(() -> queue.pollFrames(handler, 10))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("in " + buffers + " buffers");
    }

    @Test
    void shouldRejectAPartOfNothing() {
        start(OFFERED, EVERYTHING);
        deliver(plain(2), frame(60), 72, 0);
        assertThatThrownBy(() -> queue.pollFrames(handler, 10))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("no bytes");
    }

    @Test
    void shouldNotBelieveANumberOfBuffersThatWasNotAgreedOn() {
        start(OFFERED, FrameOffload.UNSUMMED);
        deliver(plain(7), frame(60), 72);
        assertThat(queue.pollFrames(handler, 10)).isEqualTo(1);
    }

    @Test
    void shouldDropAFrameThatIsLongerThanAnyMayBe() {
        start(OFFERED, EVERYTHING);
        var sizes = new int[22];
        java.util.Arrays.fill(sizes, 3010);
        deliver(plain(22), frame(22 * 3010 - HEADER), sizes);
        deliver(plain(1), frame(60), 72);
        assertThat(queue.pollFrames(handler, 10)).isEqualTo(2);
        assertThat(shown).hasSize(1);
        assertThat(queue.dropped()).isEqualTo(1);
        assertThat(queue.frames()).isEqualTo(1);
        assertThat(ring.waiting()).isEqualTo(ENTRIES);
    }

    @Test
    void shouldSayWhichSumIsToBeMade() {
        start(OFFERED, FrameOffload.UNSUMMED);
        deliver(header(1, 0, 0, 34, 6, 1), frame(60), 72);
        deliver(header(2, 0, 0, 0, 0, 1), frame(60), 72);
        deliver(plain(1), frame(60), 72);
        assertThat(queue.pollFrames(handler, 10)).isEqualTo(3);
        assertThat(shown)
                .extracting(Shown::offload)
                .containsExactly(FrameOffload.checksum(34, 6), 0L, 0L);
        assertThat(shown)
                .extracting(Shown::facts)
                .containsExactly(FrameFacts.NONE, FrameFacts.CHECKSUM_GOOD, FrameFacts.NONE);
    }

    @Test
    void shouldSayHowAFrameWasPutTogether() {
        start(OFFERED, EVERYTHING);
        deliver(header(1, 1, 1448, 34, 16, 2), tcp(5000, 8), 3000, 2012);
        deliver(header(1, 4, 1428, 54, 16, 1), frame6(3000), 3012);
        assertThat(queue.pollFrames(handler, 10)).isEqualTo(2);
        assertThat(shown)
                .extracting(Shown::offload)
                .containsExactly(
                        FrameOffload.segments(34, 34 + 32, 1448, false),
                        FrameOffload.segments(54, 74, 1428, true));
    }

    private static byte[] frame6(int lengthBytes) {
        var frame = frame(lengthBytes);
        frame[54 + 12] = 5 << 4;
        return frame;
    }

    @Test
    void shouldDropWhatMakesNoSense() {
        start(OFFERED & ~VirtioFeatures.NET_GUEST_TSO6, EVERYTHING);
        byte[][] headers = {
            header(0, 1, 1448, 34, 16, 1), // segments without a sum
            header(1, 0, 0, 0, 16, 1), // a sum of the addresses
            header(1, 0, 0, 13, 16, 1),
            header(1, 0, 0, 34, 65, 1), // a sum behind the frame
            header(1, 0, 0, 0xffff, 0xffff, 1),
            header(1, 1, 0, 34, 16, 1), // segments of nothing
            header(1, 1, 1448, 34, 6, 1), // segments that are not of TCP
            header(1, 1, 1448, 90, 0, 1), // a header cut off
            header(1, 3, 1448, 34, 16, 1), // UDP in fragments
            header(1, 4, 1448, 34, 16, 1), // what was not agreed on
            header(1, 0x81, 1448, 34, 16, 1),
            header(4, 0, 0, 0, 0, 1),
        };
        for (var header : headers) {
            deliver(header, tcp(100, 5), 112);
        }
        deliver(header(1, 1, 1448, 34, 16, 1), tcp(100, 4), 112); // TCP shorter than TCP
        deliver(header(1, 1, 1448, 34, 16, 1), tcp(100, 15), 112);
        deliver(header(1, 1, 1448, 34, 16, 1), tcp(90, 15), 102); // longer than the frame
        deliver(header(1, 1, 1448, 34, 16, 1), tcp(94, 15), 106); // nothing behind it
        assertThat(queue.pollFrames(handler, 100)).isEqualTo(headers.length + 4);
        assertThat(shown)
                .extracting(Shown::offload)
                .containsExactly(FrameOffload.segments(34, 94, 1448, false));
        assertThat(queue.dropped()).isEqualTo(headers.length + 3);
        assertThat(ring.waiting()).isEqualTo(ENTRIES);
    }

    @Test
    void shouldNotTakeASumFromADeviceThatWasNotAllowedIt() {
        start(OFFERED, 0);
        deliver(header(1, 0, 0, 34, 6, 1), frame(60), 72);
        deliver(header(2, 0, 0, 34, 6, 1), frame(60), 72);
        assertThat(queue.pollFrames(handler, 10)).isEqualTo(2);
        assertThat(queue.dropped()).isEqualTo(1);
        assertThat(shown).extracting(Shown::facts).containsExactly(FrameFacts.NONE);
    }

    /** Whatever the device writes: nothing is shown that names a byte outside its first part. */
    @Test
    void shouldNeverNameABytesOutsideAFrame() {
        start(OFFERED, EVERYTHING);
        long seed = System.nanoTime();
        var random = new Random(seed);
        int sensible = 0;
        for (int round = 0; round < 20_000; round++) {
            int length = 14 + random.nextInt(round % 2 == 0 ? 100 : 1500);
            var header = new byte[HEADER];
            random.nextBytes(header);
            header[0] = (byte) random.nextInt(4);
            header[1] = (byte) (random.nextBoolean() ? random.nextInt(6) : header[1]);
            header[7] = 0;
            header[9] = 0;
            if (random.nextBoolean()) {
                header[8] = 16;
            }
            header[10] = 1;
            header[11] = 0;
            shown.clear();
            var frame = frame(length);
            deliver(header, frame, length + HEADER);
            assertThat(queue.pollFrames(handler, 1)).as("seed %d", seed).isEqualTo(1);
            for (var one : shown) {
                long offload = one.offload;
                sensible += offload == 0 ? 0 : 1;
                int end = FrameOffload.startBytes(offload) + FrameOffload.offsetBytes(offload) + 2;
                assertThat(one.bytes).as("seed %d", seed).isEqualTo(frame);
                assertThat(offload == 0 ? 0 : end).as("seed %d", seed).isLessThanOrEqualTo(length);
                assertThat(FrameOffload.headersBytes(offload))
                        .as("seed %d", seed)
                        .isLessThan(length);
                assertThat(FrameOffload.needed(offload) & ~0b111).isZero();
            }
        }
        assertThat(sensible).as("seed %d", seed).isGreaterThan(100);
    }

    @Test
    void shouldLetAFrameBeKeptUntilItIsReleased() {
        start(OFFERED, EVERYTHING);
        var kept = new ArrayList<Integer>();
        var frame = frame(5000);
        deliver(plain(2), frame, 3000, 2000 + HEADER);
        long[] physical = new long[2];
        queue.pollFrames(
                received -> {
                    received.keep();
                    kept.add(received.token(0));
                    kept.add(received.token(1));
                    physical[0] = received.physicalAddress(0);
                    physical[1] = received.physicalAddress(1);
                },
                10);
        assertThat(ring.waiting()).isEqualTo(ENTRIES - 2);
        for (int other = 0; other < 500; other++) {
            deliver(plain(1), frame(80), 92);
            queue.pollFrames(handler, 10);
        }
        var again = new byte[5000];
        int first = 3000 - HEADER;
        MemorySegment.ofArray(again).copyFrom(device.memory(physical[0], first));
        MemorySegment.ofArray(again)
                .asSlice(first)
                .copyFrom(device.memory(physical[1], 5000 - first));
        assertThat(again).as("nobody wrote there").isEqualTo(frame);
        queue.release(kept.get(1));
        queue.pollFrames(handler, 10);
        assertThat(ring.waiting()).isEqualTo(ENTRIES - 1);
        queue.release(kept.get(0));
        queue.pollFrames(handler, 10);
        assertThat(ring.waiting()).isEqualTo(ENTRIES);
        assertThatThrownBy(() -> queue.release(kept.get(0)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 63, 64, 127, 128, Integer.MAX_VALUE})
    void shouldRefuseToReleaseWhatIsNotKept(int token) {
        start(OFFERED, EVERYTHING);
        assertThatThrownBy(() -> queue.release(token))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("token=" + token);
    }

    @Test
    void shouldGoOnWhenAllBuffersWereKept() {
        start(OFFERED, EVERYTHING);
        var kept = new ArrayList<Integer>();
        for (int i = 0; i < ENTRIES; i++) {
            deliver(plain(1), frame(80), 92);
        }
        ReceivedFrameHandler keeper =
                frame -> {
                    frame.keep();
                    kept.add(frame.token(0));
                };
        assertThat(queue.pollFrames(keeper, 1000)).isEqualTo(ENTRIES);
        assertThat(ring.waiting()).isZero();
        assertThat(queue.await(0)).isFalse();
        kept.forEach(queue::release);
        assertThat(queue.await(0)).isFalse();
        assertThat(ring.waiting()).as("given back before it waits").isEqualTo(ENTRIES);
        deliver(plain(1), frame(80), 92);
        assertThat(queue.pollFrames(handler, 1)).isEqualTo(1);
    }

    @Test
    void shouldForgetAFrameThatItsHandlerFailedAt() {
        start(OFFERED, EVERYTHING);
        deliver(plain(1), frame(80), 92);
        deliver(plain(1), frame(81), 93);
        assertThatThrownBy(
                        () ->
                                queue.pollFrames(
                                        frame -> {
                                            throw new IllegalStateException("no");
                                        },
                                        10))
                .isInstanceOf(IllegalStateException.class);
        assertThat(queue.pollFrames(handler, 10)).isEqualTo(1);
        assertThat(shown.getFirst().bytes).hasSize(81);
        assertThat(ring.waiting()).isEqualTo(ENTRIES);
    }
}
