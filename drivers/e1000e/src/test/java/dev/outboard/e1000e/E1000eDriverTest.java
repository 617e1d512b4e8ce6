package dev.outboard.e1000e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.Notice;
import dev.outboard.driver.net.FrameFacts;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The driver on a controller that the test plays: what goes into rings, and what lies come back.
 */
@Timeout(60)
class E1000eDriverTest {
    private static final int FILL = E1000eDescriptor.FILL_BASE;
    private static final int SEND = E1000eDescriptor.SEND_BASE;
    private static final int WORD = E1000eDescriptor.ENTRY_WORD;
    private static final int BUFFERS = 256;

    /** Less than an object for every hundred frames. */
    private static final long LITTLE_BYTES = 1_000;

    private static final ValueLayout.OfShort NETWORK_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final int descriptorsBefore = Descriptor.openCount();
    private FakeController fake;
    private NetworkService net;

    private void start(int vectors) {
        fake = new FakeController(vectors);
        net = (NetworkService) new E1000eDriver().start(fake);
    }

    @AfterEach
    void close() {
        if (net != null) {
            net.close();
        }
        if (fake != null) {
            fake.close();
        }
        assertThat(Descriptor.openCount()).isEqualTo(descriptorsBefore);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 5})
    void shouldGiveEverythingBackOnClose(int vectors) {
        fake = new FakeController(vectors);
        long free = fake.physical.freeBytes();
        net = (NetworkService) new E1000eDriver().start(fake);
        send(60);
        net.close();
        net.close();
        assertThat(fake.physical.freeBytes()).isEqualTo(free);
        assertThat(fake.dma().statistics().liveMappings()).isZero();
        assertThat(fake.get(E1000eDescriptor.RECEIVE_CONTROL)).isZero();
    }

    @Test
    void shouldReadItsAddressFromTheEepromWhereTheRegistersHaveNone() {
        fake = new FakeController(3);
        fake.eeprom = new int[] {0x1202, 0x5634, 0x9a78};
        net = (NetworkService) new E1000eDriver().start(fake);
        assertThat(net.macAddress()).isEqualTo(new byte[] {2, 0x12, 0x34, 0x56, 0x78, (byte) 0x9a});
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "1, 0", "0xffffffff, 0xffff"})
    void shouldRefuseAnAddressThatIsNone(String low, String high) {
        fake = new FakeController(3);
        fake.addressLow = (int) (long) Long.decode(low);
        fake.addressHigh = Integer.decode(high) | E1000eDescriptor.ADDRESS_VALID;
        assertThatThrownBy(() -> new E1000eDriver().start(fake))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("no usable MAC address");
    }

    @Test
    void shouldRefuseADeviceThatReadsAsAllOnes() {
        fake = new FakeController(3);
        long free = fake.physical.freeBytes();
        fake.isGone = true;
        assertThatThrownBy(() -> new E1000eDriver().start(fake))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("leave the bus");
        assertThat(fake.physical.freeBytes()).isEqualTo(free);
    }

    @Test
    void shouldWriteTheTailOnceForABatch() {
        start(3);
        int before = fake.tailWrites;
        for (int frame = 0; frame < 40; frame++) {
            commit(64);
        }
        assertThat(net.transmitQueue(0).flush()).isEqualTo(40);
        assertThat(fake.tailWrites - before).isEqualTo(1);
        assertThat(fake.tail(SEND)).isEqualTo(40);
        // Reported are the first, every sixteenth, and the last.
        List<Integer> reported = new ArrayList<>();
        for (int index = 0; index < 40; index++) {
            long word = fake.ringWord(SEND, index, WORD);
            assertThat(word & 0xffff).isEqualTo(64);
            if ((word & E1000eDescriptor.PART_REPORT) != 0) {
                reported.add(index);
            }
        }
        assertThat(reported).containsExactly(0, 16, 32, 39);
    }

    @Test
    void shouldTakeBackWhatWasReportedAndAllBeforeIt() {
        start(3);
        for (int frame = 0; frame < 40; frame++) {
            commit(64);
        }
        net.transmitQueue(0).flush();
        assertThat(net.transmitQueue(0).pending()).isEqualTo(40);
        fake.sent(32);
        assertThat(net.transmitQueue(0).pending())
                .as("32 is done, and 0 and 16 are not known to be")
                .isEqualTo(40);
        fake.sent(0);
        fake.sent(16);
        assertThat(net.transmitQueue(0).pending()).isEqualTo(7);
        fake.sent(39);
        assertThat(net.transmitQueue(0).pending()).isZero();
        assertThat(net.transmitQueue(0).frames()).isEqualTo(40);
    }

    @Test
    void shouldTakeAsManyFramesAsThereAreBuffersAndNoMore() {
        start(3);
        TransmitQueue queue = net.transmitQueue(0);
        int taken = 0;
        while (queue.claim() != TransmitQueue.NONE) {
            taken++;
        }
        assertThat(taken).isEqualTo(BUFFERS);
        for (int buffer = 0; buffer < BUFFERS; buffer++) {
            queue.commit(buffer, 60);
        }
        assertThat(queue.flush()).isEqualTo(BUFFERS);
        assertThat(queue.claim()).isEqualTo(TransmitQueue.NONE);
        for (int index = 0; index < BUFFERS; index++) {
            fake.sent(index);
        }
        assertThat(queue.claim()).isNotEqualTo(TransmitQueue.NONE);
    }

    @Test
    void shouldNotOverfillItsRingWhereEveryFrameNeedsAContext() {
        start(3);
        TransmitQueue queue = net.transmitQueue(0);
        for (int frame = 0; frame < BUFFERS; frame++) {
            queue.commit(queue.claim(), 100, FrameOffload.checksum(34 + frame % 2 * 20, 6));
        }
        assertThat(queue.flush()).as("two places each, of 511").isEqualTo(BUFFERS - 1);
        assertThat(fake.tail(SEND)).isEqualTo(2 * (BUFFERS - 1));
        assertThat(queue.flush()).isZero();
        for (int place = 0; place < fake.tail(SEND); place++) {
            fake.sent(place);
        }
        assertThat(queue.flush()).isEqualTo(1);
        assertThat(fake.tail(SEND)).as("around the end").isZero();
    }

    @Test
    void shouldCountTheRoomOfItsRingAnewAfterAReset() {
        start(3);
        TransmitQueue queue = net.transmitQueue(0);
        for (int frame = 0; frame < 100; frame++) {
            commit(60);
        }
        queue.flush();
        fake.powerOn();
        queue.await(1);
        assertThat(queue.pending()).as("the wire lost them").isZero();
        for (int frame = 0; frame < BUFFERS; frame++) {
            queue.commit(queue.claim(), 100, FrameOffload.checksum(34 + frame % 2 * 20, 6));
        }
        assertThat(queue.flush()).as("two places each, of 511").isEqualTo(BUFFERS - 1);
    }

    @Test
    void shouldShowEveryFrameOnceInOrderWhateverTheRingIsAt() {
        start(3);
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int filled = 0;
        List<Integer> lengths = new ArrayList<>();
        List<Integer> seen = new ArrayList<>();
        FrameHandler handler = (memory, offset, length) -> seen.add(length);
        for (int round = 0; round < 400; round++) {
            int room = BUFFERS - (lengths.size() - seen.size());
            int count = random.nextInt(Math.min(room, 70) + 1);
            for (int index = 0; index < count; index++) {
                int length = 60 + random.nextInt(1455);
                lengths.add(length);
                fake.fill(filled++, length, 0);
            }
            net.receiveQueue(0).poll(handler, random.nextInt(100));
            assertThat(lengths).as("seed %d", seed).startsWith(seen.toArray(Integer[]::new));
        }
        while (net.receiveQueue(0).poll(handler, 64) > 0) {
            // The rest.
        }
        assertThat(seen).as("seed %d", seed).isEqualTo(lengths);
    }

    @Test
    void shouldDropWhatCameDamaged() {
        start(3);
        fake.fill(0, 100, 0);
        fake.fill(1, 101, 1 << 24);
        fake.fill(2, 102, 1 << 31);
        fake.fill(3, 103, 0);
        List<Integer> seen = new ArrayList<>();
        net.receiveQueue(0).poll((memory, offset, length) -> seen.add(length), 64);
        assertThat(seen).containsExactly(100, 103);
    }

    @ParameterizedTest
    @CsvSource({
        "0x24, 1", // looked at, TCP
        "0x10, 1", // UDP
        "0x20000020, 2", // TCP, wrong
        "0x40000040, 2", // IP, wrong
        "0x00, 0"
    })
    void shouldSayWhatTheDeviceFoundOfSums(String status, int facts) {
        start(3);
        int bits = Integer.decode(status) & ~E1000eDescriptor.FILLED_SUM_IGNORED;
        fake.fill(0, 100, bits);
        fake.fill(1, 100, bits | E1000eDescriptor.FILLED_SUM_IGNORED);
        List<Integer> seen = new ArrayList<>();
        net.receiveQueue(0).poll(new Facts(seen), 64);
        assertThat(seen).containsExactly(facts, FrameFacts.NONE);
    }

    private record Facts(List<Integer> seen) implements FrameHandler {
        @Override
        public void onFrame(MemorySegment memory, long offset, int lengthBytes) {
            throw new AssertionError("queues call the one with facts");
        }

        @Override
        public void onFrame(MemorySegment memory, long offset, int lengthBytes, int facts) {
            seen.add(facts);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 13, 2049, 65535})
    void shouldRejectALengthThatIsNone(int length) {
        start(3);
        fake.fill(0, length, 0);
        assertThatThrownBy(() -> net.receiveQueue(0).poll((memory, offset, bytes) -> {}, 1))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("a frame of " + length + " bytes");
    }

    @Test
    void shouldRejectAFrameOverSeveralBuffers() {
        start(3);
        fake.setRingWord(FILL, 0, WORD, 2048L << 32 | E1000eDescriptor.FILLED);
        assertThatThrownBy(() -> net.receiveQueue(0).poll((memory, offset, bytes) -> {}, 1))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("several buffers");
    }

    @Test
    void shouldNotBelieveAnythingElseThatTheDeviceWrites() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 50; round++) {
            start(3);
            int fills = 0;
            for (int step = 0; step < 200; step++) {
                int base = random.nextBoolean() ? FILL : SEND;
                int word = random.nextBoolean() ? 0 : WORD;
                fake.setRingWord(base, random.nextInt(512), word, random.nextLong());
                try {
                    fills += net.receiveQueue(0).poll((memory, offset, bytes) -> {}, 8);
                    if (net.transmitQueue(0).pending() < 200) {
                        send(60);
                    }
                } catch (DeviceException named) {
                    break;
                }
            }
            assertThat(fills).as("seed %d", seed).isLessThanOrEqualTo(200 * 8);
            net.close();
            assertThat(fake.dma().statistics().liveMappings()).as("seed %d", seed).isZero();
            fake.close();
        }
    }

    @Test
    void shouldNameAContextOnceForFramesThatAreAlike() {
        start(3);
        TransmitQueue queue = net.transmitQueue(0);
        long udp = FrameOffload.checksum(34, 6);
        for (long offload : new long[] {udp, udp, FrameOffload.checksum(34, 16), 0, udp}) {
            queue.commit(queue.claim(), 100, offload);
        }
        queue.flush();
        assertThat(fake.tail(SEND)).as("five frames, three contexts").isEqualTo(8);
        assertThat(fake.ringWord(SEND, 0, 0)).isEqualTo((34L | 40L << 8) << 32);
        assertThat(fake.ringWord(SEND, 0, WORD)).isEqualTo(E1000eDescriptor.CONTEXT);
        long part = fake.ringWord(SEND, 1, WORD);
        assertThat(part >>> 32).isEqualTo(E1000eDescriptor.OPTION_TCP_SUM);
        assertThat(part & E1000eDescriptor.PART_EXTENDED).isEqualTo(E1000eDescriptor.PART_EXTENDED);
    }

    @Test
    void shouldDescribeSegmentsAsTheDatasheetWantsThem() {
        start(3);
        TransmitQueue queue = net.transmitQueue(0);
        int buffer = queue.claim();
        long at = queue.offset(buffer);
        queue.memory().set(NETWORK_SHORT, at + 12, (short) 0x0800);
        queue.memory().set(NETWORK_SHORT, at + 16, (short) 5040);
        queue.memory().set(NETWORK_SHORT, at + 24, (short) 0x1234);
        // The sum of a pseudo header that has the length: 0xabcd without it.
        queue.memory().set(NETWORK_SHORT, at + 50, (short) (0xabcd + 5020));
        try (var payload = fake.dma().allocate(8192)) {
            var parts = new ScatterGatherList(4);
            parts.add(payload.physicalAddress(), 5000);
            long offload = FrameOffload.segments(34, 54, 1460, false);
            assertThat(queue.transmit(buffer, 54, parts, offload)).isTrue();
            assertThat(queue.flush()).isEqualTo(1);
            assertThat(fake.tail(SEND)).isEqualTo(3);
            assertThat(fake.ringWord(SEND, 0, 0))
                    .isEqualTo(14L | 24L << 8 | 33L << 16 | 34L << 32 | 50L << 40);
            assertThat(fake.ringWord(SEND, 0, WORD))
                    .isEqualTo(5000L | 0x27000000L | 54L << 40 | 1460L << 48);
            assertThat(fake.ringWord(SEND, 1, WORD) & 0xffff).isEqualTo(54);
            assertThat(fake.ringWord(SEND, 1, WORD) & E1000eDescriptor.PART_END).isZero();
            assertThat(fake.ringWord(SEND, 2, WORD) & 0xffff).isEqualTo(5000);
            assertThat(fake.ringWord(SEND, 2, WORD) & E1000eDescriptor.PART_END).isNotZero();
            for (int part = 1; part < 3; part++) {
                assertThat(fake.ringWord(SEND, part, WORD) & E1000eDescriptor.PART_SEGMENT)
                        .isNotZero();
                assertThat(fake.ringWord(SEND, part, WORD) >>> 32).isEqualTo(0x300);
            }
            assertThat(queue.memory().get(NETWORK_SHORT, at + 16)).isZero();
            assertThat(queue.memory().get(NETWORK_SHORT, at + 24)).isZero();
            assertThat(queue.memory().get(NETWORK_SHORT, at + 50)).isEqualTo((short) 0xabcd);
            fake.sent(2);
            assertThat(queue.pending()).isZero();
            assertThat(parts.isMapped()).isFalse();
        }
    }

    @Test
    void shouldRefuseOffloadsThatTheDeviceCannotDescribe() {
        start(3);
        TransmitQueue queue = net.transmitQueue(0);
        int buffer = queue.claim();
        for (long offload :
                new long[] {
                    FrameOffload.checksum(250, 16),
                    FrameOffload.checksum(10, 6),
                    FrameOffload.checksum(1000, 16),
                    FrameOffload.segments(34, 54, 1460, false)
                }) {
            assertThatIllegalArgumentException()
                    .as("offload 0x%x", offload)
                    .isThrownBy(() -> queue.commit(buffer, 54, offload));
        }
        queue.abandon(buffer);
        assertThat(queue.pending()).isZero();
    }

    @Test
    void shouldTellOfTheLinkWithOneVectorForAll() throws Exception {
        start(1);
        BlockingQueue<Boolean> links = new LinkedBlockingQueue<>();
        BlockingQueue<Notice> notices = new LinkedBlockingQueue<>();
        net.onLink(links::add);
        net.onNotice(notices::add);
        assertThat(net.describe()).contains("one vector for all");
        fake.isUp = false;
        fake.raise(0, E1000eDescriptor.CAUSE_LINK);
        assertThat(links.poll(20, TimeUnit.SECONDS)).isFalse();
        assertThat(notices.poll(20, TimeUnit.SECONDS).kind()).isEqualTo(Notice.LINK);
    }

    @Test
    void shouldWakeTheRingWhoseCauseItIsWithOneVectorForAll() {
        start(1);
        assertThat(net.receiveQueue(0).await(0)).isFalse();
        fake.raise(0, E1000eDescriptor.CAUSE_RECEIVED);
        assertThat(net.receiveQueue(0).await(TimeUnit.SECONDS.toNanos(20))).isTrue();
        send(60);
        fake.raise(0, E1000eDescriptor.CAUSE_SENT);
        assertThat(net.transmitQueue(0).await(TimeUnit.SECONDS.toNanos(20))).isTrue();
        assertThat(net.receiveQueue(0).await(0)).as("it was not for this ring").isFalse();
    }

    @Test
    void shouldSetItselfUpAgainAfterSomebodyResetIt() {
        start(3);
        BlockingQueue<Notice> notices = new LinkedBlockingQueue<>();
        net.onNotice(notices::add);
        fake.fill(0, 100, 0);
        send(60);
        net.receiveQueue(0).poll((memory, offset, bytes) -> {}, 1);
        fake.powerOn();
        assertThat(net.transmitQueue(0).pending()).isEqualTo(1);
        assertThat(net.transmitQueue(0).await(1)).isTrue();
        assertThat(net.transmitQueue(0).pending()).as("the wire lost it").isZero();
        assertThat(notices.remove().kind()).isEqualTo(Notice.RESET);
        List<Integer> seen = new ArrayList<>();
        assertThat(net.receiveQueue(0).poll((m, offset, bytes) -> seen.add(bytes), 8)).isZero();
        assertThat(fake.tail(FILL)).as("all buffers, from the start").isEqualTo(BUFFERS);
        fake.fill(0, 200, 0);
        net.receiveQueue(0).poll((memory, offset, bytes) -> seen.add(bytes), 8);
        assertThat(seen).containsExactly(200);
        send(60);
        assertThat(fake.tail(SEND)).isEqualTo(1);
        assertThat(notices).as("one reset, told once").isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void shouldWakeWhoWaitsForTheOtherRingWhenItIsReset(int vectors) throws Exception {
        start(vectors);
        BlockingQueue<Boolean> links = new LinkedBlockingQueue<>();
        net.onLink(links::add);
        var waiter = CompletableFuture.supplyAsync(() -> net.receiveQueue(0).await(-1));
        fake.powerOn();
        send(60);
        // Waits until it, or the other, has seen what happened.
        net.transmitQueue(0).await(TimeUnit.MILLISECONDS.toNanos(100));
        assertThat(waiter.get(20, TimeUnit.SECONDS)).isTrue();
        assertThat(fake.tail(FILL)).isEqualTo(BUFFERS);
        fake.isUp = false;
        fake.raise(vectors == 1 ? 0 : E1000e.OTHER_VECTOR, E1000eDescriptor.CAUSE_LINK);
        assertThat(links.poll(20, TimeUnit.SECONDS)).isFalse();
    }

    @Test
    void shouldSayThatADeviceHasGone() {
        start(3);
        fake.lost = true;
        assertThatThrownBy(() -> net.receiveQueue(0).await(0))
                .isInstanceOf(DeviceLostException.class);
        fake.lost = false;
        fake.isGone = true;
        assertThatThrownBy(() -> net.receiveQueue(0).await(0))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("all ones");
        fake.isGone = false;
    }

    @Test
    void shouldNotAllocateForFrames() {
        start(3);
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long thread = Thread.currentThread().threadId();
        FrameHandler handler = (memory, offset, length) -> {};
        int round = 0;
        while (round < 200) {
            traffic(round++, handler);
        }
        long before = threads.getThreadAllocatedBytes(thread);
        while (round < 400) {
            traffic(round++, handler);
        }
        long allocated = threads.getThreadAllocatedBytes(thread) - before;
        assertThat(allocated).as("for 12,800 frames").isLessThan(LITTLE_BYTES);
    }

    private int sentPlaces;

    private void traffic(int round, FrameHandler handler) {
        for (int frame = 0; frame < 32; frame++) {
            fake.fill(round * 32 + frame, 100, 0);
        }
        int taken = net.receiveQueue(0).poll(handler, 64);
        TransmitQueue queue = net.transmitQueue(0);
        for (int frame = 0; frame < 32; frame++) {
            queue.commit(queue.claim(), 100, FrameOffload.checksum(34, frame == 0 ? 6 : 16));
        }
        int sent = queue.flush();
        while (sentPlaces != fake.tail(SEND)) {
            fake.sent(sentPlaces);
            sentPlaces = sentPlaces + 1 & 511;
        }
        if (taken != 32 || sent != 32) {
            throw new AssertionError("taken " + taken + ", sent " + sent);
        }
    }

    private void commit(int length) {
        TransmitQueue queue = net.transmitQueue(0);
        queue.commit(queue.claim(), length);
    }

    private void send(int length) {
        commit(length);
        assertThat(net.transmitQueue(0).flush()).isEqualTo(1);
    }
}
