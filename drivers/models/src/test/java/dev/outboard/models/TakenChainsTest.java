package dev.outboard.models;

import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.RingException;
import dev.outboard.virtio.PackedRingDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Chains that a device leaves unfinished while it takes others. */
class TakenChainsTest {
    private static final int ENTRIES = 8;
    private static final long RING = TestBus.FIRST;
    private static final long DATA = TestBus.FIRST + 16L * TestBus.PAGE;

    private final Arena arena = Arena.ofConfined();
    private final TestBus bus = new TestBus(arena, 64);

    @AfterEach
    void free() {
        arena.close();
    }

    private DeviceQueue split(TestRing ring, long features) {
        var queue = DeviceQueue.of("queue 0", features);
        queue.start(bus, ENTRIES, ring.addresses(), 0, features);
        queue.begin(bus.enter());
        return queue;
    }

    @Test
    void shouldShowNothingOfAChainThatIsOnlyTaken() {
        var ring = new TestRing(bus.memory, bus::offset, RING, ENTRIES);
        var queue = split(ring, VirtioFeatures.RING_EVENT_IDX);
        ring.offerOne(3, DATA, 100, 0);
        ring.offerOne(5, DATA, 200, FLAG_WRITE);
        assertThat(queue.hasNext()).isTrue();
        queue.load();
        queue.take();
        assertThat(queue.hasNext()).isTrue();
        queue.load();
        assertThat(queue.chain().writableBytes()).isEqualTo(200);
        queue.take();
        assertThat(queue.taken()).isEqualTo(2);
        assertThat(queue.hasNext()).isFalse();
        assertThat(queue.publish()).isFalse();
        assertThat(ring.take()).isFalse();
        assertThat(queue.position()).as("they would be done again").isZero();

        queue.finish(0);
        queue.publish();
        assertThat(ring.take()).isTrue();
        assertThat(ring.takenHead).isEqualTo(3);
        assertThat(ring.take()).isFalse();
        queue.finish(77);
        queue.publish();
        assertThat(ring.take()).isTrue();
        assertThat(ring.takenHead).isEqualTo(5);
        assertThat(ring.takenLength).isEqualTo(77);
        assertThat(queue.taken()).isZero();
        assertThat(queue.position()).isEqualTo(2);
    }

    @Test
    void shouldRefuseMoreThanTheRingHasWhileSomeAreTaken() {
        var ring = new TestRing(bus.memory, bus::offset, RING, ENTRIES);
        var queue = split(ring, 0);
        for (int i = 0; i < ENTRIES; i++) {
            ring.offerOne(i, DATA, 100, 0);
        }
        for (int i = 0; i < ENTRIES; i++) {
            assertThat(queue.hasNext()).isTrue();
            queue.load();
            queue.take();
        }
        // A driver that offers what it was not given back.
        ring.offerOne(0, DATA, 100, 0);
        assertThatThrownBy(queue::hasNext).isInstanceOf(RingException.class);
    }

    @ParameterizedTest
    @CsvSource({"1,false,false", "2,false,true", "3,true,false", "4,true,true"})
    void shouldFinishInTheOrderOfTakingWhateverTheRingDoes(
            long seed, boolean isPacked, boolean inOrder) {
        System.out.println("seed " + seed);
        var random = new Random(seed);
        long features = inOrder ? VirtioFeatures.IN_ORDER : 0;
        var side = isPacked ? packed(features) : split(features);
        Deque<Integer> offered = new ArrayDeque<>();
        int next = 0;
        int taken = 0;
        int finished = 0;
        int shown = 0;
        for (int step = 0; step < 20_000; step++) {
            switch (random.nextInt(4)) {
                case 0 -> {
                    if (next - shown < ENTRIES) {
                        side.offer(next % ENTRIES);
                        offered.add(next % ENTRIES);
                        next++;
                    }
                }
                case 1 -> {
                    if (side.queue.hasNext()) {
                        side.queue.load();
                        side.queue.take();
                        taken++;
                    }
                }
                case 2 -> {
                    if (side.queue.taken() > 0) {
                        side.queue.finish(0);
                        finished++;
                    }
                }
                default -> {
                    side.queue.publish();
                    shown += side.takeBack(offered);
                    assertThat(shown).as("step %d", step).isEqualTo(finished);
                }
            }
            assertThat(side.queue.taken()).isEqualTo(taken - finished);
        }
        assertThat(finished).isGreaterThan(1000);
    }

    private Side split(long features) {
        var ring = new TestRing(bus.memory, bus::offset, RING, ENTRIES);
        return new Side(split(ring, features)) {
            @Override
            void offer(int id) {
                ring.offerOne(id, DATA, 100, 0);
            }

            @Override
            int takeOne() {
                return ring.take() ? ring.takenHead : NONE;
            }

            @Override
            void passed(int count) {
                // One was passed by taking it.
                ring.usedIndex = ring.usedIndex + count - 1 & 0xffff;
            }
        };
    }

    private Side packed(long features) {
        var ring = new PackedTestRing(bus.memory, bus::offset, RING, ENTRIES);
        long all = features | VirtioFeatures.RING_PACKED;
        var queue = DeviceQueue.of("queue 0", all);
        queue.start(bus, ENTRIES, ring.addresses(), PackedRingDescriptor.WRAP, all);
        queue.begin(bus.enter());
        return new Side(queue) {
            @Override
            void offer(int id) {
                ring.offerOne(id, DATA, 100, 0);
            }

            @Override
            int takeOne() {
                return ring.take() ? ring.takenId : NONE;
            }

            @Override
            void passed(int count) {
                ring.skip(count);
            }
        };
    }

    /** The driver's side, whichever ring it is. */
    private abstract static class Side {
        static final int NONE = -1;

        final DeviceQueue queue;

        Side(DeviceQueue queue) {
            this.queue = queue;
        }

        abstract void offer(int id);

        /**
         * Takes one used element, which may be for several chains; {@link #NONE} if there is none.
         */
        abstract int takeOne();

        /** So many chains were given back by it. */
        abstract void passed(int count);

        /** Takes what is used; how many chains that were. */
        final int takeBack(Deque<Integer> offered) {
            int all = 0;
            for (int id = takeOne(); id != NONE; id = takeOne()) {
                int count = 0;
                int oldest;
                do {
                    oldest = offered.removeFirst();
                    count++;
                } while (oldest != id);
                passed(count);
                all += count;
            }
            return all;
        }
    }
}
