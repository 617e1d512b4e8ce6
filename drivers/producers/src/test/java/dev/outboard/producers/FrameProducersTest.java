package dev.outboard.producers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.outboard.dma.Dma;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.IdleWait;
import dev.outboard.driver.net.SentListener;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.WaitPolicy;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FrameProducersTest {
    private static final int SLOTS = 64;
    private static final int FRAME_BYTES = 64;
    private static final int PRODUCERS = 3;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final PhysicalMemory memory = PhysicalMemory.create(4 << 20);
    private final Dma dma = Dma.off(memory);

    @AfterEach
    void close() {
        dma.close();
        memory.close();
    }

    private FrameProducers over(TransmitQueue queue) {
        return new FrameProducers(queue, 0, dma::allocate, SLOTS, FRAME_BYTES);
    }

    /** A device in the test's hands: keeps frames, and says that they are read when told to. */
    private final class Queue implements TransmitQueue {
        final EventDescriptor event = EventDescriptor.create();
        final Random random;
        final boolean posts;
        final int[] tokens = new int[4 * SLOTS];
        final int[] producers = new int[4 * SLOTS];
        final long[] numbers = new long[4 * SLOTS];
        int held;
        int limit = SLOTS / 2;
        int flushes;
        long frames;
        SentListener listener;
        final MemorySegment base = memory.segments().getFirst().memory();
        final long physical = memory.segments().getFirst().physicalAddress();
        final MemorySegment own = MemorySegment.ofArray(new byte[FRAME_BYTES]);

        /** The number that is due next of each producer. */
        final long[] due = new long[PRODUCERS];

        Queue(long seed, boolean posts) {
            random = new Random(seed);
            this.posts = posts;
        }

        private void read(MemorySegment from, long at, int lengthBytes) {
            int producer = from.get(ValueLayout.JAVA_INT_UNALIGNED, at);
            long number = from.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 4);
            if (number != due[producer] || lengthBytes != 14 + number % 50) {
                throw new AssertionError(
                        "producer %d: number %d of %d bytes, and %d is due"
                                .formatted(producer, number, lengthBytes, due[producer]));
            }
            due[producer]++;
            frames++;
        }

        @Override
        public void onSent(SentListener wanted) {
            if (!posts) {
                throw new UnsupportedOperationException("from its own buffers only");
            }
            listener = wanted;
        }

        @Override
        public boolean post(long address, int lengthBytes, long offload, int token) {
            if (held == limit) {
                return false;
            }
            tokens[held++] = token;
            read(base, address - physical, lengthBytes);
            return true;
        }

        @Override
        public int flush() {
            flushes++;
            int done = random.nextInt(held + 1);
            for (int i = 0; i < done; i++) {
                // Devices may be done with frames in any order.
                int which = random.nextInt(held);
                listener.onSent(tokens[which]);
                tokens[which] = tokens[--held];
            }
            return done;
        }

        @Override
        public int claim() {
            return 0;
        }

        @Override
        public MemorySegment memory() {
            return own;
        }

        @Override
        public long offset(int buffer) {
            return 0;
        }

        @Override
        public int capacityBytes() {
            return FRAME_BYTES;
        }

        @Override
        public void commit(int buffer, int lengthBytes) {
            read(own, 0, lengthBytes);
        }

        @Override
        public void abandon(int buffer) {}

        @Override
        public boolean transmit(ScatterGatherList frame) {
            throw new UnsupportedOperationException("nobody gathers here");
        }

        @Override
        public int pending() {
            return held;
        }

        @Override
        public boolean await(long timeoutNanos) {
            return event.await(timeoutNanos);
        }

        @Override
        public long frames() {
            return frames;
        }

        @Override
        public long doorbells() {
            return flushes;
        }

        @Override
        public Descriptor descriptor() {
            return event.descriptor();
        }

        @Override
        public boolean arm() {
            return held > 0;
        }

        @Override
        public void disarm() {
            event.drain();
        }

        @Override
        public void wake() {
            event.signal();
        }
    }

    private static void write(FrameProducers producers, int producer, long number) {
        long claim = producers.claim();
        while (claim == FrameProducers.NONE) {
            Thread.onSpinWait();
            claim = producers.claim();
        }
        write(producers, claim, producer, number);
    }

    private static void write(FrameProducers producers, long claim, int producer, long number) {
        long at = producers.offset(claim);
        producers.memory().set(ValueLayout.JAVA_INT_UNALIGNED, at, producer);
        producers.memory().set(ValueLayout.JAVA_LONG_UNALIGNED, at + 4, number);
        producers.publish(claim, (int) (14 + number % 50));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldCarryEveryFrameOfEveryThreadInItsOrder(boolean posts) throws InterruptedException {
        long seed = new Random().nextLong();
        var queue = new Queue(seed, posts);
        if (!posts) {
            queue.listener = token -> {};
        }
        long count = 30_000;
        try (var producers = over(queue);
                var idle = new IdleWait(WaitPolicy.BLOCK)) {
            idle.watch(producers);
            List<Thread> threads = new ArrayList<>();
            for (int producer = 0; producer < PRODUCERS; producer++) {
                int own = producer;
                threads.add(
                        Thread.ofPlatform()
                                .start(
                                        () -> {
                                            for (long number = 0; number < count; number++) {
                                                write(producers, own, number);
                                            }
                                        }));
            }
            long start = System.nanoTime();
            while (queue.frames < PRODUCERS * count && System.nanoTime() - start < PATIENCE_NANOS) {
                if (producers.pump() == 0) {
                    idle.idle(PATIENCE_NANOS);
                }
            }
            assertThat(queue.due).as("seed=%d", seed).containsExactly(count, count, count);
            for (var thread : threads) {
                thread.join();
            }
            assertThat(producers.batches()).isLessThanOrEqualTo(PRODUCERS * count);
        } finally {
            queue.event.close();
        }
    }

    @Test
    void shouldMakeOneFlushOfManyFrames() {
        var queue = new Queue(1, true);
        try (var producers = over(queue)) {
            for (int number = 0; number < 20; number++) {
                write(producers, 0, number);
            }
            assertThat(producers.pump()).isEqualTo(20);
            assertThat(queue.flushes).isOne();
            assertThat(producers.batches()).isOne();
        }
    }

    @Test
    void shouldRefuseASlotUntilTheDeviceHasReadTheOldest() {
        var queue = new Queue(1, true);
        queue.limit = 2 * SLOTS;
        try (var producers = over(queue)) {
            for (int number = 0; number < SLOTS; number++) {
                write(producers, 0, number);
            }
            assertThat(producers.claim()).isEqualTo(FrameProducers.NONE);
            long taken = producers.pump();
            assertThat(taken).isEqualTo(SLOTS);
            long pending = producers.pending();
            int free = 0;
            while (producers.claim() != FrameProducers.NONE) {
                free++;
            }
            assertThat(free).isEqualTo(SLOTS - (int) pending);
        }
    }

    @Test
    void shouldPassOverWhatWasAbandoned() {
        var queue = new Queue(1, true);
        try (var producers = over(queue)) {
            producers.abandon(producers.claim());
            write(producers, 0, 0);
            assertThat(producers.pump()).isEqualTo(2);
            assertThat(queue.frames).isOne();
        }
    }

    @Test
    void shouldWaitForAFrameThatWasClaimedBefore() {
        var queue = new Queue(1, true);
        try (var producers = over(queue)) {
            long first = producers.claim();
            write(producers, 0, 1);
            assertThat(producers.pump()).as("the first is not written yet").isZero();
            write(producers, first, 0, 0);
            assertThat(producers.pump()).isEqualTo(2);
        }
    }

    @Test
    void shouldRefuseWhatIsNoFrameInItsProducersThread() {
        var queue = new Queue(1, true);
        try (var producers = over(queue)) {
            long claim = producers.claim();
            assertThatThrownBy(() -> producers.publish(claim, 13))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("lengthBytes=13");
            assertThatThrownBy(() -> producers.publish(claim, FRAME_BYTES + 1))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> producers.publish(claim, 60, FrameOffload.checksum(34, 6)))
                    .isInstanceOf(UnsupportedOperationException.class);
            write(producers, claim, 0, 0);
            assertThat(producers.pump()).isOne();
        }
        assertThatThrownBy(() -> new FrameProducers(queue, 0, dma::allocate, 48, FRAME_BYTES))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("slots=48");
    }

    @Test
    void shouldBeWokenByAFrameWhenItSleeps() throws InterruptedException {
        var queue = new Queue(1, true);
        try (var producers = over(queue);
                var idle = new IdleWait(WaitPolicy.BLOCK)) {
            idle.watch(producers);
            for (int turn = 0; turn < 200; turn++) {
                int number = turn;
                var done = new AtomicBoolean();
                var producer =
                        Thread.ofPlatform()
                                .start(
                                        () -> {
                                            write(producers, 0, number);
                                            done.set(true);
                                        });
                long start = System.nanoTime();
                while (queue.frames <= turn && System.nanoTime() - start < PATIENCE_NANOS) {
                    if (producers.pump() == 0) {
                        idle.idle(PATIENCE_NANOS);
                    }
                }
                producer.join();
                assertThat(queue.frames).isEqualTo(turn + 1L);
                assertThat(done).isTrue();
            }
        } finally {
            queue.event.close();
        }
    }

    @Test
    void shouldWakeTheQueuesThreadWhereNoSlotIsLeft() {
        var queue = new Queue(1, true);
        queue.limit = 2 * SLOTS;
        try (var producers = over(queue)) {
            for (int number = 0; number < SLOTS; number++) {
                write(producers, 0, number);
            }
            producers.pump();
            producers.arm();
            while (producers.claim() != FrameProducers.NONE) {
                // Those that the device has read already.
            }
            assertThat(queue.event.await(0)).as("somebody waits for a slot").isTrue();
            producers.disarm();
        } finally {
            queue.event.close();
        }
    }

    @Test
    void shouldSleepUntilTheDeviceHasRoom() {
        var queue = new Queue(1, true);
        queue.limit = 0;
        try (var producers = over(queue)) {
            write(producers, 0, 0);
            assertThat(producers.pump()).isZero();
            assertThat(producers.arm()).as("there is work, but no room for it").isFalse();
            producers.disarm();
            queue.limit = 1;
            assertThat(producers.pump()).isOne();
        } finally {
            queue.event.close();
        }
    }

    @Test
    void shouldNotAllocate() {
        var queue = new Queue(1, true);
        var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (var producers = over(queue)) {
            long number = 0;
            long cost = Long.MAX_VALUE;
            long start = System.nanoTime();
            while (cost > 1_000 && System.nanoTime() - start < PATIENCE_NANOS) {
                long before = bean.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 10_000; i++) {
                    // A full ring is part of it.
                    for (long claim = producers.claim();
                            claim != FrameProducers.NONE;
                            claim = producers.claim()) {
                        write(producers, claim, 0, number++);
                    }
                    producers.pump();
                }
                cost = bean.getCurrentThreadAllocatedBytes() - before;
            }
            assertThat(cost).isLessThanOrEqualTo(1_000);
        }
    }
}
