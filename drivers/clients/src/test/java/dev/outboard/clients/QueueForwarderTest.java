package dev.outboard.clients;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class QueueForwarderTest {
    private static final int BUFFERS = 4;
    private static final int CAPACITY = 128;
    private static final byte[] OWN = {2, 0, 0, 0, 0, 9};

    private final Sent sent = new Sent();

    @Test
    void shouldSendAFrameBackToItsSenderFromItsOwnAddress() {
        var forwarder = new QueueForwarder(new Nothing(), sent, OWN, 32);
        var frame = frame(60, 1);
        forwarder.onFrame(MemorySegment.ofArray(frame), 0, 60);
        sent.flush();
        var back = sent.frames.getFirst();
        assertThat(Arrays.copyOf(back, 6)).isEqualTo(Arrays.copyOfRange(frame, 6, 12));
        assertThat(Arrays.copyOfRange(back, 6, 12)).isEqualTo(OWN);
        assertThat(Arrays.copyOfRange(back, 12, 60)).isEqualTo(Arrays.copyOfRange(frame, 12, 60));
    }

    @Test
    void shouldChangeNothingWhereThatIsAskedFor() {
        var forwarder = new QueueForwarder(new Nothing(), sent, null, 32);
        var frame = frame(CAPACITY, 2);
        forwarder.onFrame(MemorySegment.ofArray(frame), 0, CAPACITY);
        sent.flush();
        assertThat(sent.frames.getFirst()).isEqualTo(frame);
    }

    @Test
    void shouldHandOverWhatIsCommittedBeforeItGivesUpOnAFullQueue() {
        var forwarder = new QueueForwarder(new Nothing(), sent, null, 32);
        for (int i = 0; i < BUFFERS + 1; i++) {
            forwarder.onFrame(MemorySegment.ofArray(frame(60, i)), 0, 60);
        }
        assertThat(sent.frames).hasSize(BUFFERS);
        assertThat(forwarder.forwarded()).isEqualTo(BUFFERS + 1);
        assertThat(forwarder.dropped()).isZero();
    }

    @Test
    void shouldDropAndCountWhatFindsNoRoom() {
        sent.isStuck = true;
        var forwarder = new QueueForwarder(new Nothing(), sent, null, 32);
        for (int i = 0; i < BUFFERS + 3; i++) {
            forwarder.onFrame(MemorySegment.ofArray(frame(60, i)), 0, 60);
        }
        assertThat(forwarder.forwarded()).isEqualTo(BUFFERS);
        assertThat(forwarder.dropped()).isEqualTo(3);
    }

    @Test
    void shouldDropAFrameThatIsTooLongToSend() {
        var forwarder = new QueueForwarder(new Nothing(), sent, null, 32);
        forwarder.onFrame(MemorySegment.ofArray(frame(CAPACITY + 1, 1)), 0, CAPACITY + 1);
        sent.flush();
        assertThat(sent.frames).isEmpty();
        assertThat(forwarder.dropped()).isEqualTo(1);
        assertThat(sent.free).as("no buffer is lost").hasSize(BUFFERS);
    }

    private static byte[] frame(int bytes, int seed) {
        var frame = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            frame[i] = (byte) (seed + i);
        }
        return frame;
    }

    private static final class Nothing implements ReceiveQueue {
        @Override
        public int poll(FrameHandler handler, int limit) {
            return 0;
        }

        @Override
        public boolean await(long timeoutNanos) {
            return false;
        }

        @Override
        public long frames() {
            return 0;
        }

        @Override
        public long interrupts() {
            return 0;
        }
    }

    /** Keeps what is flushed, and frees the buffers at once, unless it is stuck. */
    private static final class Sent implements TransmitQueue {
        private final MemorySegment memory = MemorySegment.ofArray(new byte[BUFFERS * CAPACITY]);
        private final ArrayDeque<Integer> free = new ArrayDeque<>(List.of(0, 1, 2, 3));
        private final List<int[]> committed = new ArrayList<>();
        private final List<byte[]> frames = new ArrayList<>();
        private boolean isStuck;

        @Override
        public int claim() {
            var buffer = free.poll();
            return buffer == null ? NONE : buffer;
        }

        @Override
        public MemorySegment memory() {
            return memory;
        }

        @Override
        public long offset(int buffer) {
            return (long) buffer * CAPACITY;
        }

        @Override
        public int capacityBytes() {
            return CAPACITY;
        }

        @Override
        public void commit(int buffer, int lengthBytes) {
            committed.add(new int[] {buffer, lengthBytes});
        }

        @Override
        public void abandon(int buffer) {
            free.add(buffer);
        }

        @Override
        public boolean transmit(ScatterGatherList frame) {
            throw new UnsupportedOperationException("not a device");
        }

        @Override
        public int flush() {
            if (isStuck) {
                return 0;
            }
            int count = committed.size();
            for (var item : committed) {
                frames.add(memory.asSlice(offset(item[0]), item[1]).toArray(ValueLayout.JAVA_BYTE));
                free.add(item[0]);
            }
            committed.clear();
            return count;
        }

        @Override
        public int pending() {
            return committed.size();
        }

        @Override
        public boolean await(long timeoutNanos) {
            return false;
        }

        @Override
        public long frames() {
            return frames.size();
        }

        @Override
        public long doorbells() {
            return 0;
        }
    }
}
