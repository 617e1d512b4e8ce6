package dev.outboard.models;

import static dev.outboard.virtio.PackedRingDescriptor.EVENT_DESCRIPTOR;
import static dev.outboard.virtio.PackedRingDescriptor.EVENT_DISABLE;
import static dev.outboard.virtio.PackedRingDescriptor.FLAG_AVAILABLE;
import static dev.outboard.virtio.PackedRingDescriptor.FLAG_USED;
import static dev.outboard.virtio.PackedRingDescriptor.WRAP;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_INDIRECT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.RingAddresses;
import dev.outboard.backend.RingException;
import dev.outboard.iommu.Access;
import dev.outboard.virtio.PackedRingDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PackedDeviceQueueTest {
    private static final int ENTRIES = 7;
    private static final int PAGES = 64;
    private static final long RING = TestBus.FIRST;
    private static final long DATA = TestBus.FIRST + 16L * TestBus.PAGE;
    private static final long ALL =
            VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.RING_PACKED;

    private final Arena arena = Arena.ofConfined();
    private final TestBus bus = new TestBus(arena, PAGES);
    private final PackedTestRing ring = new PackedTestRing(bus.memory, bus::offset, RING, ENTRIES);
    private final DeviceQueue queue = DeviceQueue.of("queue 0", ALL);

    @BeforeEach
    void start() {
        start(ALL);
    }

    private void start(long features) {
        queue.start(bus, ENTRIES, ring.addresses(), WRAP, features);
        queue.begin(bus.enter());
    }

    @AfterEach
    void free() {
        arena.close();
    }

    private void complete(int count, long length) {
        for (int i = 0; i < count; i++) {
            assertThat(queue.hasNext()).isTrue();
            queue.load();
            queue.complete(length);
        }
    }

    private void assertBroken(String message) {
        assertThatThrownBy(() -> complete(3 * ENTRIES, 0))
                .isInstanceOf(RingException.class)
                .hasMessageContaining("queue 0")
                .hasMessageContaining(message);
    }

    @Test
    void shouldGiveTheBuffersOfAChainAndItsIdBack() {
        ring.offer(
                41,
                new long[] {DATA, DATA + 100, DATA + 200},
                new long[] {10, 20, 30},
                new int[] {0, FLAG_WRITE, FLAG_WRITE});
        assertThat(queue.hasNext()).isTrue();
        queue.load();
        assertThat(queue.chain().count()).isEqualTo(3);
        assertThat(queue.chain().readableBytes()).isEqualTo(10);
        assertThat(queue.chain().writableBytes()).isEqualTo(50);
        assertThat(queue.chain().addresses()).startsWith(DATA, DATA + 100, DATA + 200);
        queue.complete(33);
        assertThat(ring.take()).as("before it is published").isFalse();
        assertThat(queue.isUnpublished()).isTrue();
        queue.publish();
        assertThat(ring.take()).isTrue();
        assertThat(ring.takenId).isEqualTo(41);
        assertThat(ring.takenLength).isEqualTo(33);
        assertThat(ring.takenFlags & FLAG_WRITE).isNotZero();
        assertThat(queue.hasNext()).isFalse();
        assertThat(queue.position()).isEqualTo((3 | WRAP) * 0x10001);
    }

    @Test
    void shouldNotSeeWhatIsNotAvailable() {
        assertThat(queue.hasNext()).isFalse();
        // Flags of the other round, and those of a used descriptor.
        ring.raw(0, DATA, 10, 1, FLAG_USED);
        assertThat(queue.hasNext()).isFalse();
        ring.raw(0, DATA, 10, 1, FLAG_USED | FLAG_AVAILABLE);
        assertThat(queue.hasNext()).isFalse();
        ring.raw(0, DATA, 10, 1, FLAG_AVAILABLE);
        assertThat(queue.hasNext()).isTrue();
    }

    @Test
    void shouldShowABurstFromItsFirstOn() {
        for (int id = 0; id < 4; id++) {
            ring.offerOne(id, DATA, 64, FLAG_WRITE);
        }
        complete(4, 5);
        for (int slot = 0; slot < 4; slot++) {
            assertThat(ring.rest(slot) >>> 48 & FLAG_USED).isZero();
        }
        queue.publish();
        for (int id = 0; id < 4; id++) {
            assertThat(ring.take()).isTrue();
            assertThat(ring.takenId).isEqualTo(id);
            ring.skip(1);
        }
        assertThat(ring.take()).isFalse();
    }

    @Test
    void shouldTakeBackWhatWasNotPublished() {
        for (int id = 0; id < 3; id++) {
            ring.offerOne(id, DATA, 64 + id, FLAG_WRITE);
        }
        complete(1, 1);
        queue.mark(0);
        complete(2, 2);
        queue.rewind(0);
        assertThat(queue.hasNext()).isTrue();
        queue.load();
        assertThat(queue.chain().writableBytes()).isEqualTo(65);
        queue.publish();
        assertThat(ring.take()).isTrue();
        ring.skip(1);
        assertThat(ring.take()).isFalse();
        assertThat(queue.position()).isEqualTo((1 | WRAP) * 0x10001);
    }

    @ParameterizedTest
    @CsvSource({"true,1", "false,3"})
    void shouldGiveABatchBackAtOnceOnlyInOrder(boolean inOrder, int shown) {
        start(inOrder ? ALL | VirtioFeatures.IN_ORDER : ALL);
        for (int id = 0; id < 3; id++) {
            ring.offerOne(id, DATA, 64, 0);
        }
        complete(3, 0);
        queue.publish();
        assertThat(ring.take()).isTrue();
        assertThat(ring.takenId).isEqualTo(inOrder ? 2 : 0);
        ring.skip(inOrder ? 3 : 1);
        int seen = 1;
        for (; ring.take(); seen++) {
            ring.skip(1);
        }
        assertThat(seen).isEqualTo(shown);
        assertThat(queue.position()).isEqualTo((3 | WRAP) * 0x10001);
    }

    @Test
    void shouldNeverBatchWhatItWrote() {
        start(ALL | VirtioFeatures.IN_ORDER);
        for (int id = 0; id < 3; id++) {
            ring.offerOne(id, DATA, 64, FLAG_WRITE);
        }
        complete(3, 9);
        queue.publish();
        for (int id = 0; id < 3; id++) {
            assertThat(ring.take()).isTrue();
            assertThat(ring.takenId).isEqualTo(id);
            assertThat(ring.takenLength).isEqualTo(9);
            ring.skip(1);
        }
    }

    @Test
    void shouldReadAnIndirectTableInItsOrder() {
        long table = DATA + 1024;
        ring.descriptorAt(table, DATA, 10, 99, FLAG_NEXT);
        ring.descriptorAt(table + 16, DATA + 50, 20, 99, FLAG_WRITE);
        ring.offerOne(5, table, 32, FLAG_INDIRECT);
        queue.look();
        queue.load();
        assertThat(queue.chain().count()).isEqualTo(2);
        assertThat(queue.chain().id()).isEqualTo(5);
        assertThat(queue.chain().lengths()).startsWith(10, 20);
    }

    @Test
    void shouldInterruptWhereTheDriverAsked() {
        ring.wish(EVENT_DISABLE << 16);
        ring.offerOne(0, DATA, 1, 0);
        complete(1, 0);
        assertThat(queue.publish()).isFalse();
        // At the slot after the next.
        ring.wish(EVENT_DESCRIPTOR << 16 | WRAP | 2);
        ring.offerOne(1, DATA, 1, 0);
        complete(1, 0);
        assertThat(queue.publish()).isFalse();
        ring.offerOne(2, DATA, 1, 0);
        complete(1, 0);
        assertThat(queue.publish()).isTrue();
        ring.offerOne(3, DATA, 1, 0);
        complete(1, 0);
        assertThat(queue.publish()).isFalse();
        ring.wish(0);
        ring.offerOne(3, DATA, 1, 0);
        complete(1, 0);
        assertThat(queue.publish()).isTrue();
    }

    @Test
    void shouldAskForTheDoorbellWhereItIsAndLookAgain() {
        ring.offerOne(0, DATA, 1, 0);
        complete(1, 0);
        queue.publish();
        queue.refuseDoorbell();
        assertThat(ring.deviceWish()).isEqualTo(EVENT_DISABLE << 16);
        assertThat(queue.askForDoorbell()).isFalse();
        assertThat(ring.deviceWish()).isEqualTo(EVENT_DESCRIPTOR << 16 | WRAP | 1);
        ring.offerOne(0, DATA, 1, 0);
        assertThat(queue.askForDoorbell()).isTrue();
        start(ALL & ~VirtioFeatures.RING_EVENT_IDX);
        queue.askForDoorbell();
        assertThat(ring.deviceWish()).isZero();
    }

    @Test
    void shouldGoOnWhereItWasStopped() {
        queue.start(bus, ENTRIES, ring.addresses(), 5, ALL);
        queue.begin(bus.enter());
        ring.next = 5;
        ring.nextUsed = 5;
        for (int id = 0; id < 20; id++) {
            ring.offerOne(id, DATA, 1 + id, 0);
            complete(1, 0);
            queue.publish();
            assertThat(ring.take()).isTrue();
            assertThat(ring.takenId).isEqualTo(id);
            ring.skip(1);
        }
        assertThat(queue.position() & 0xffff).isEqualTo(ring.next);
    }

    @Test
    void shouldRefuseABaseOutsideTheRing() {
        assertThatThrownBy(() -> queue.start(bus, ENTRIES, ring.addresses(), ENTRIES, ALL))
                .isInstanceOf(RingException.class)
                .hasMessageContaining("outside the ring's 7 entries");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 32769})
    void shouldRefuseARingOfNoOrTooManyEntries(int entries) {
        assertThatThrownBy(() -> queue.start(bus, entries, ring.addresses(), WRAP, ALL))
                .isInstanceOf(RingException.class);
    }

    @Test
    void shouldRefuseAnUnalignedPart() {
        var parts = ring.addresses();
        var odd = new RingAddresses(parts.descriptors(), parts.available() + 2, parts.used());
        assertThatThrownBy(() -> queue.start(bus, ENTRIES, odd, WRAP, ALL))
                .isInstanceOf(RingException.class)
                .hasMessageContaining("event suppression");
    }

    @Test
    void shouldRefuseAChainWithoutEnd() {
        for (int slot = 0; slot < ENTRIES; slot++) {
            ring.raw(slot, DATA, 1, 0, FLAG_NEXT | FLAG_AVAILABLE);
        }
        assertBroken("longer than the ring's 7 descriptors");
    }

    @Test
    void shouldRefuseMoreThanARingOfDescriptors() {
        for (int id = 0; id < ENTRIES; id++) {
            ring.offerOne(id, DATA, 1, 0);
        }
        complete(ENTRIES, 0);
        // The device has shown nothing of them, and the driver says that they are there again.
        ring.raw(0, DATA, 1, 0, FLAG_USED);
        assertBroken("8 descriptors are available");
    }

    @Test
    void shouldRefuseATableThatWasNotNegotiatedOrGoesOn() {
        start(ALL & ~VirtioFeatures.RING_INDIRECT_DESC);
        ring.offerOne(0, DATA, 16, FLAG_INDIRECT);
        assertBroken("not negotiated");
        start(ALL);
        ring.raw(0, DATA, 16, 0, FLAG_AVAILABLE | FLAG_INDIRECT | FLAG_NEXT);
        assertBroken("goes on after its indirect table");
        ring.raw(0, DATA, 15, 0, FLAG_AVAILABLE | FLAG_INDIRECT);
        assertBroken("not a multiple of 16");
        ring.raw(0, DATA, 16 * 8, 0, FLAG_AVAILABLE | FLAG_INDIRECT);
        assertBroken("longer than the ring's 7 entries");
        ring.descriptorAt(DATA, DATA, 16, 0, FLAG_INDIRECT);
        ring.raw(0, DATA, 16, 0, FLAG_AVAILABLE | FLAG_INDIRECT);
        assertBroken("inside another");
    }

    @Test
    void shouldRefuseEmptyAndMixedBuffers() {
        ring.raw(0, DATA, 0, 0, FLAG_AVAILABLE);
        assertBroken("a buffer of no bytes");
        ring.raw(1, DATA, 1, 0, FLAG_AVAILABLE);
        ring.raw(0, DATA, 1, 0, FLAG_AVAILABLE | FLAG_NEXT | FLAG_WRITE);
        assertBroken("readable buffer after a writable one");
        ring.raw(0, -2, 4, 0, FLAG_AVAILABLE);
        assertBroken("past the last address");
    }

    @Test
    void shouldTellAFaultOfItsRing() {
        ring.offerOne(0, DATA, 1, 0);
        bus.allow(0, Access.READ);
        queue.begin(bus.enter());
        assertBroken("DMA fault on the descriptor ring");
    }

    /** A driver that keeps the rules, chains at random, bursts at random, pages in any order. */
    @ParameterizedTest
    @CsvSource({"1,false", "2,true", "3,true", "4,false"})
    void shouldGiveBackWhatItWasGivenInTheOrderItCame(long seed, boolean inOrder) {
        var random = new Random(seed);
        bus.frames(3, 5, 1, 0, 2, 4);
        var features = inOrder ? ALL | VirtioFeatures.IN_ORDER : ALL;
        start(features);
        Deque<int[]> offered = new ArrayDeque<>();
        Deque<int[]> done = new ArrayDeque<>();
        int free = ENTRIES;
        int id = 0;
        for (int step = 0; step < 20_000; step++) {
            int parts = 1 + random.nextInt(3);
            if (random.nextInt(3) == 0 && free >= parts) {
                boolean write = random.nextBoolean();
                offerRandom(random, id, parts, write);
                offered.add(new int[] {id, parts, write ? 1 : 0, 0});
                free -= parts;
                id = id + 1 & 0xffff;
            } else if (random.nextInt(3) == 0) {
                queue.publish();
                free += reap(done, inOrder, seed, step);
            } else if (!offered.isEmpty()) {
                var chain = offered.poll();
                assertThat(queue.hasNext()).as("seed %d step %d", seed, step).isTrue();
                queue.load();
                assertThat(queue.chain().count()).isEqualTo(chain[1]);
                assertThat(queue.chain().id()).isEqualTo(chain[0]);
                chain[3] = chain[2] == 0 ? 0 : random.nextInt(50);
                queue.complete(chain[3]);
                done.add(chain);
            } else {
                assertThat(queue.hasNext()).as("seed %d step %d", seed, step).isFalse();
            }
        }
    }

    private void offerRandom(Random random, int id, int parts, boolean write) {
        var addresses = new long[parts];
        var lengths = new long[parts];
        var flags = new int[parts];
        for (int i = 0; i < parts; i++) {
            addresses[i] = DATA + random.nextInt(1000);
            lengths[i] = 1 + random.nextInt(100);
            flags[i] = write ? FLAG_WRITE : 0;
        }
        ring.offer(id, addresses, lengths, flags);
    }

    /** Takes all that is used; how many descriptors come free. */
    private int reap(Deque<int[]> done, boolean inOrder, long seed, int step) {
        int free = 0;
        while (ring.take()) {
            int slots = 0;
            int[] chain;
            do {
                chain = done.poll();
                assertThat(chain).as("seed %d step %d", seed, step).isNotNull();
                slots += chain[1];
            } while (inOrder && chain[2] == 0 && chain[0] != ring.takenId);
            assertThat(ring.takenId).as("seed %d step %d", seed, step).isEqualTo(chain[0]);
            assertThat(ring.takenLength).isEqualTo(chain[3]);
            ring.skip(slots);
            free += slots;
        }
        assertThat(done).as("seed %d step %d", seed, step).isEmpty();
        return free;
    }

    @Test
    void shouldKnowWhetherAnEventWasPassedAcrossTheEnd() {
        var random = new Random(11);
        for (int i = 0; i < 100_000; i++) {
            int entries = 1 + random.nextInt(9);
            int before = random.nextInt(2 * entries);
            int moved = 1 + random.nextInt(entries);
            int event = random.nextInt(2 * entries);
            boolean expected = false;
            for (int at = before; at < before + moved; at++) {
                expected |= at % (2 * entries) == event;
            }
            assertThat(
                            PackedRingDescriptor.passedEvent(
                                    position(event, entries),
                                    position(before + moved, entries),
                                    position(before, entries),
                                    entries))
                    .as("entries %d before %d moved %d event %d", entries, before, moved, event)
                    .isEqualTo(expected);
        }
    }

    private static int position(int count, int entries) {
        return count % entries | (count / entries % 2 == 0 ? WRAP : 0);
    }
}
