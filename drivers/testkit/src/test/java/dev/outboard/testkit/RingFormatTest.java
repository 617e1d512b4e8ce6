package dev.outboard.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.RingFormat;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds of every kind of ring. */
class RingFormatTest {
    private static final int ENTRIES = 16;
    private static final int MOST_PARTS = 5;

    static Stream<RingFormat> formats() {
        return IntStream.range(0, 16)
                .mapToObj(
                        bits ->
                                new RingFormat(
                                        (bits & 1) != 0,
                                        (bits & 2) != 0,
                                        (bits & 4) != 0,
                                        (bits & 8) != 0));
    }

    @ParameterizedTest
    @MethodSource("formats")
    void shouldComeBackFromItsFeatures(RingFormat format) {
        assertThat(RingFormat.of(format.features() | VirtioFeatures.VERSION_1)).isEqualTo(format);
        assertThat(format.features() & ~RingFormat.FEATURES).isZero();
    }

    @Test
    void shouldSayWhatItIs() {
        assertThat(new RingFormat(true, true, true, true).describe()).isEqualTo("packed in-order");
        assertThat(new RingFormat(false, false, true, true).describe()).isEqualTo("split");
    }

    @ParameterizedTest
    @MethodSource("formats")
    void shouldKeepEveryChainWholeUnderRandomUse(RingFormat format) {
        long seed = System.nanoTime();
        try (var ring = new TestRing(ENTRIES, format, MOST_PARTS)) {
            new Walk(ring, format, seed).run(60_000);
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void shouldNotAllocateOnTheDataPath(RingFormat format) {
        try (var ring = new TestRing(ENTRIES, format, 3)) {
            var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            var device = new Returning(ring, format);
            device.turn(20_000);
            long before = bean.getCurrentThreadAllocatedBytes();
            device.turn(20_000);
            assertThat(bean.getCurrentThreadAllocatedBytes() - before).isLessThan(1024);
        }
    }

    /** A device that returns single chains in order, without reading them. */
    private static final class Returning {
        private final TestRing ring;
        private final RingFormat format;
        private int chains;

        Returning(TestRing ring, RingFormat format) {
            this.ring = ring;
            this.format = format;
        }

        void turn(int rounds) {
            DriverQueue queue = ring.queue();
            for (int i = 0; i < rounds; i++) {
                queue.part(0x1000, 64, false);
                queue.part(0x2000, 64, true);
                queue.add(i);
                queue.publish();
                giveBack(chains++);
                assertThatTaken(queue.completed() == 1 && queue.take() == i);
                queue.unmask();
                queue.mask();
            }
        }

        private void giveBack(int chain) {
            int descriptors = format.indirect() ? 1 : 2;
            int first = chain * descriptors & ENTRIES - 1;
            if (!format.packed()) {
                ring.split().complete(first, 64);
            } else {
                // Out of order, numbers go round one by one, however many descriptors a chain has.
                int number = format.inOrder() ? first : chain & ENTRIES - 1;
                ring.packed().complete(number, 64, descriptors);
            }
        }

        private static void assertThatTaken(boolean isTaken) {
            if (!isTaken) {
                throw new AssertionError("the chain did not come back");
            }
        }
    }

    /** Driver and device act at random; a model holds what must come back. */
    private static final class Walk {
        private final TestRing ring;
        private final DriverQueue queue;
        private final RingFormat format;
        private final long seed;
        private final Random random;
        private final Map<Integer, List<RingPeer.Part>> model = new HashMap<>();
        private final Map<List<RingPeer.Part>, Integer> written = new HashMap<>();
        private final List<TestRing.Taken> withDevice = new ArrayList<>();
        private int nextToken;
        private int step;

        Walk(TestRing ring, RingFormat format, long seed) {
            this.ring = ring;
            this.queue = ring.queue();
            this.format = format;
            this.seed = seed;
            this.random = new Random(seed);
        }

        void run(int steps) {
            for (step = 0; step < steps; step++) {
                switch (random.nextInt(6)) {
                    case 0, 1 -> addChain();
                    case 2 -> showAll();
                    case 3 -> complete();
                    case 4 -> sleep();
                    default -> takeSome();
                }
                assertThat(queue.outstanding()).as(where()).isEqualTo(model.size());
            }
        }

        private String where() {
            return "seed=%d step=%d %s".formatted(seed, step, format);
        }

        private void addChain() {
            int count = 1 + random.nextInt(MOST_PARTS);
            if (!queue.hasRoom(count)) {
                assertThat(queue.free()).as(where()).isLessThan(count);
                return;
            }
            int readable = random.nextInt(count + 1);
            var parts = new ArrayList<RingPeer.Part>();
            for (int i = 0; i < count; i++) {
                int bytes = random.nextInt(4096);
                parts.add(new RingPeer.Part(random.nextLong(), bytes, i >= readable));
            }
            if (count == 1 && random.nextBoolean()) {
                var only = parts.getFirst();
                queue.add(only.iova(), only.lengthBytes(), only.writable(), nextToken);
            } else {
                parts.forEach(p -> queue.part(p.iova(), p.lengthBytes(), p.writable()));
                queue.add(nextToken);
            }
            model.put(nextToken++, parts);
        }

        private void showAll() {
            queue.publish();
            while (ring.hasNext()) {
                var chain = ring.next();
                assertThat(model).as(where()).containsValue(chain.parts());
                withDevice.add(chain);
            }
        }

        private void complete() {
            if (withDevice.isEmpty()) {
                return;
            }
            if (!format.inOrder()) {
                returned(withDevice.remove(random.nextInt(withDevice.size())));
            } else if (random.nextBoolean()) {
                returned(withDevice.removeFirst());
            } else {
                var batch = withDevice.subList(0, 1 + random.nextInt(withDevice.size()));
                var chains = List.copyOf(batch);
                batch.clear();
                // All but the last are full.
                chains.forEach(c -> written.put(c.parts(), c.writableBytes()));
                int last = random.nextInt(chains.getLast().writableBytes() + 1);
                written.put(chains.getLast().parts(), last);
                ring.completeTogether(chains, last);
            }
        }

        private void returned(TestRing.Taken chain) {
            int bytes = random.nextInt(chain.writableBytes() + 1);
            written.put(chain.parts(), bytes);
            ring.complete(chain, bytes);
        }

        private void sleep() {
            queue.wakeAfter(1 + random.nextInt(ENTRIES));
            boolean woken = queue.unmask();
            assertThat(woken).as(where()).isEqualTo(queue.isPending());
            assertThat(woken && written.isEmpty()).as(where()).isFalse();
            queue.mask();
        }

        private void takeSome() {
            int finished = queue.completed();
            assertThat(finished).as(where()).isEqualTo(written.size());
            for (int i = random.nextInt(finished + 1); i > 0; i--) {
                int token = queue.take();
                var parts = model.remove(token);
                assertThat(parts).as(where() + " token=" + token).isNotNull();
                assertThat(queue.takenLength()).as(where()).isEqualTo(written.remove(parts));
            }
        }
    }
}
