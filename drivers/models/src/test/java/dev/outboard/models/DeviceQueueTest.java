package dev.outboard.models;

import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_INDIRECT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.RingAddresses;
import dev.outboard.backend.RingException;
import dev.outboard.iommu.Access;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceQueueTest {
    private static final int ENTRIES = 8;
    private static final int PAGES = 64;
    private static final long RING = TestBus.FIRST;
    private static final long DATA = TestBus.FIRST + 16L * TestBus.PAGE;
    private static final long ALL =
            VirtioFeatures.RING_EVENT_IDX | VirtioFeatures.RING_INDIRECT_DESC;

    private final Arena arena = Arena.ofConfined();
    private final TestBus bus = new TestBus(arena, PAGES);
    private final TestRing ring = new TestRing(bus.memory, bus::offset, RING, ENTRIES);
    private final DeviceQueue queue = DeviceQueue.of("queue 0", 0);

    @BeforeEach
    void start() {
        queue.start(bus, ENTRIES, ring.addresses(), 0, ALL);
        queue.begin(bus.enter());
    }

    @AfterEach
    void free() {
        arena.close();
    }

    private void assertBroken(String message) {
        assertThatThrownBy(
                        () -> {
                            while (queue.hasNext()) {
                                queue.load();
                                queue.complete(0);
                            }
                        })
                .isInstanceOf(RingException.class)
                .hasMessageContaining("queue 0")
                .hasMessageContaining(message);
    }

    @Test
    void shouldGiveTheBuffersOfAChainInOrder() {
        ring.descriptor(3, DATA, 10, FLAG_NEXT, 5);
        ring.descriptor(5, DATA + 100, 20, FLAG_NEXT | FLAG_WRITE, 0);
        ring.descriptor(0, DATA + 200, 30, FLAG_WRITE, 77);
        ring.offer(3);
        ring.publish(true, 0);

        assertThat(queue.hasNext()).isTrue();
        queue.load();

        assertThat(queue.chain().count()).isEqualTo(3);
        assertThat(queue.chain().readableCount()).isEqualTo(1);
        assertThat(queue.chain().readableBytes()).isEqualTo(10);
        assertThat(queue.chain().writableBytes()).isEqualTo(50);
        assertThat(queue.chain().addresses()).startsWith(DATA, DATA + 100, DATA + 200);
        assertThat(queue.chain().lengths()).startsWith(10, 20, 30);
    }

    @Test
    void shouldShowCompletionsOnlyWhenPublished() {
        ring.offerOne(2, DATA, 64, FLAG_WRITE);
        queue.load();
        queue.complete(48);
        assertThat(ring.take()).isFalse();
        assertThat(queue.isUnpublished()).isTrue();

        queue.publish();

        assertThat(ring.take()).isTrue();
        assertThat(ring.takenHead).isEqualTo(2);
        assertThat(ring.takenLength).isEqualTo(48);
        assertThat(queue.isUnpublished()).isFalse();
        assertThat(queue.position()).isEqualTo(1);
    }

    @Test
    void shouldLeaveALoadedChainToTheNextLoad() {
        ring.offerOne(1, DATA, 64, 0);
        queue.load();
        queue.load();
        assertThat(queue.hasNext()).isTrue();
        assertThat(queue.chain().addresses()).startsWith(DATA);
        assertThat(queue.publish()).isFalse();
        assertThat(ring.take()).isFalse();
    }

    @Test
    void shouldGoOnAtTheBaseAndWrap() {
        queue.start(bus, ENTRIES, ring.addresses(), 0xfffe, ALL);
        ring.availableIndex = 0xfffe;
        ring.usedIndex = 0xfffe;
        for (int i = 0; i < 5; i++) {
            ring.offerOne(i, DATA, 1 + i, 0);
            assertThat(queue.hasNext()).isTrue();
            queue.load();
            assertThat(queue.chain().readableBytes()).isEqualTo(1 + i);
            queue.complete(0);
            queue.publish();
            assertThat(ring.take()).isTrue();
            assertThat(ring.takenHead).isEqualTo(i);
        }
        assertThat(queue.position()).isEqualTo(3);
    }

    @Test
    void shouldFollowAnIndirectTable() {
        ring.descriptorAt(DATA, DATA + 512, 12, FLAG_NEXT, 2);
        ring.descriptorAt(DATA + 32, DATA + 1024, 100, FLAG_WRITE, 0);
        ring.offerOne(4, DATA, 48, FLAG_INDIRECT);
        queue.load();
        assertThat(queue.chain().count()).isEqualTo(2);
        assertThat(queue.chain().addresses()).startsWith(DATA + 512, DATA + 1024);
        assertThat(queue.chain().readableCount()).isEqualTo(1);
    }

    @Test
    void shouldFollowAnIndirectTableAfterPlainDescriptorsAndAcrossScatteredPages() {
        int page = (int) ((DATA - TestBus.FIRST) / TestBus.PAGE);
        var order = new int[PAGES];
        for (int i = 0; i < PAGES; i++) {
            order[i] = i;
        }
        order[page] = page + 7;
        order[page + 7] = page;
        bus.frames(order);
        queue.begin(bus.enter());
        // The table's second descriptor begins in one page and ends in the other.
        long table = DATA + TestBus.PAGE - 24;
        ring.descriptorAt(table, DATA, 12, FLAG_NEXT, 1);
        ring.descriptorAt(table + 16, DATA + 64, 34, 0, 0);
        ring.descriptor(0, DATA + 128, 5, FLAG_NEXT, 1);
        ring.descriptor(1, table, 32, FLAG_INDIRECT, 0);
        ring.offer(0);
        ring.publish(true, 0);
        queue.load();
        assertThat(queue.chain().count()).isEqualTo(3);
        assertThat(queue.chain().lengths()).startsWith(5, 12, 34);
    }

    @Test
    void shouldWorkOnARingWhosePagesAreScattered() {
        int entries = 1024;
        var big = new TestRing(bus.memory, bus::offset, RING, entries);
        bus.frames(9, 3, 11, 5, 7, 2, 13, 1, 4, 0, 6, 8, 10, 12);
        queue.start(bus, entries, big.addresses(), 0, ALL);
        queue.begin(bus.enter());
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < entries; i++) {
                big.offerOne(entries - 1 - i, DATA, 1 + i, 0);
            }
            for (int i = 0; i < entries; i++) {
                assertThat(queue.hasNext()).isTrue();
                queue.load();
                assertThat(queue.chain().readableBytes()).isEqualTo(1 + i);
                queue.complete(i);
            }
            queue.publish();
            for (int i = 0; i < entries; i++) {
                assertThat(big.take()).isTrue();
                assertThat(big.takenHead).isEqualTo(entries - 1 - i);
                assertThat(big.takenLength).isEqualTo(i);
            }
        }
    }

    @Test
    void shouldLookAgainWhereTheRingIsAfterAFlush() {
        ring.offerOne(0, DATA, 9, 0);
        assertThat(queue.hasNext()).isTrue();
        queue.load();
        queue.complete(0);
        queue.publish();
        // The same addresses, other memory: what was resolved must be forgotten.
        bus.frames(20, 21, 22);
        queue.begin(bus.enter());
        ring.availableIndex = 1;
        ring.offerOne(0, DATA, 7, 0);
        assertThat(queue.hasNext()).isTrue();
        queue.load();
        assertThat(queue.chain().readableBytes()).isEqualTo(7);
    }

    @ParameterizedTest
    @ValueSource(ints = {ENTRIES + 1, 100, 0xffff})
    void shouldRejectAnAvailableIndexThatJumped(int index) {
        ring.index(index);
        assertBroken("available index jumped from 0 to " + index);
    }

    @Test
    void shouldRejectAHeadOutsideTheRing() {
        ring.offer(ENTRIES);
        ring.publish(true, 0);
        assertBroken("head 8 is outside");
    }

    @Test
    void shouldRejectANextOutsideTheRing() {
        ring.descriptor(0, DATA, 1, FLAG_NEXT, ENTRIES);
        ring.offer(0);
        ring.publish(true, 0);
        assertBroken("goes on at 8");
    }

    @Test
    void shouldRejectALoop() {
        ring.descriptor(0, DATA, 1, FLAG_NEXT, 1);
        ring.descriptor(1, DATA, 1, FLAG_NEXT, 0);
        ring.offer(0);
        ring.publish(true, 0);
        assertBroken("chain 0 is a loop");
    }

    @Test
    void shouldRejectABufferOfNoBytes() {
        ring.offerOne(0, DATA, 0, 0);
        assertBroken("buffer of no bytes");
    }

    @Test
    void shouldRejectABufferPastTheLastAddress() {
        ring.offerOne(0, -8, 16, 0);
        assertBroken("past the last address");
    }

    @Test
    void shouldRejectAChainLongerThanFourGigabytes() {
        ring.descriptor(0, DATA, 0xffff_ffffL, FLAG_NEXT, 1);
        ring.descriptor(1, DATA, 1, 0, 0);
        ring.offer(0);
        ring.publish(true, 0);
        assertBroken("longer than 4 GiB");
    }

    @Test
    void shouldRejectAReadableBufferAfterAWritableOne() {
        ring.descriptor(0, DATA, 8, FLAG_NEXT | FLAG_WRITE, 1);
        ring.descriptor(1, DATA, 8, 0, 0);
        ring.offer(0);
        ring.publish(true, 0);
        assertBroken("readable buffer after a writable one");
    }

    @Test
    void shouldRejectAnIndirectTableThatWasNotNegotiated() {
        queue.start(bus, ENTRIES, ring.addresses(), 0, VirtioFeatures.RING_EVENT_IDX);
        ring.descriptorAt(DATA, DATA, 1, 0, 0);
        ring.offerOne(0, DATA, 16, FLAG_INDIRECT);
        assertBroken("not negotiated");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 8, 24, 0x7fff_ffff})
    void shouldRejectAnIndirectTableOfBrokenDescriptors(int bytes) {
        ring.offerOne(0, DATA, bytes, FLAG_INDIRECT);
        assertBroken("not a multiple of 16");
    }

    @Test
    void shouldRejectAnIndirectTableLongerThanTheRing() {
        ring.offerOne(0, DATA, 16L * (ENTRIES + 1), FLAG_INDIRECT);
        assertBroken("longer than the ring's 8 entries");
    }

    @Test
    void shouldCountDescriptorsBeforeAnIndirectTable() {
        ring.descriptor(0, DATA, 8, FLAG_NEXT, 1);
        ring.descriptor(1, DATA, 16L * ENTRIES, FLAG_INDIRECT, 0);
        ring.offer(0);
        ring.publish(true, 0);
        assertBroken("longer than the ring's 8 entries");
    }

    @Test
    void shouldRejectAChainThatGoesOnAfterItsTable() {
        ring.descriptor(0, DATA, 16, FLAG_INDIRECT | FLAG_NEXT, 1);
        ring.offer(0);
        ring.publish(true, 0);
        assertBroken("goes on after its indirect table");
    }

    @Test
    void shouldRejectATableInsideATable() {
        ring.descriptorAt(DATA, DATA + 64, 16, FLAG_INDIRECT, 0);
        ring.offerOne(0, DATA, 16, FLAG_INDIRECT);
        assertBroken("indirect table inside another");
    }

    @Test
    void shouldRejectANextOutsideTheTable() {
        ring.descriptorAt(DATA, DATA, 16, FLAG_NEXT, 2);
        ring.descriptorAt(DATA + 16, DATA, 16, 0, 0);
        ring.offerOne(0, DATA, 32, FLAG_INDIRECT);
        assertBroken("goes on at 2, outside its indirect table");
    }

    @Test
    void shouldRejectALoopInATable() {
        ring.descriptorAt(DATA, DATA, 16, FLAG_NEXT, 1);
        ring.descriptorAt(DATA + 16, DATA, 16, FLAG_NEXT, 0);
        ring.offerOne(0, DATA, 32, FLAG_INDIRECT);
        assertBroken("is a loop: longer than its indirect table");
    }

    @Test
    void shouldEndOnATableThatCannotBeReached() {
        bus.allow(16, Access.WRITE);
        queue.begin(bus.enter());
        ring.offerOne(0, DATA, 16, FLAG_INDIRECT);
        assertBroken("DMA fault on the indirect table");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void shouldEndOnARingThatCannotBeRead(int page) {
        ring.offerOne(0, DATA, 16, 0);
        bus.allow(page, Access.WRITE);
        queue.begin(bus.enter());
        assertBroken("DMA fault on the " + (page == 0 ? "descriptor table" : "available ring"));
    }

    @Test
    void shouldEndOnARingThatCannotBeWritten() {
        ring.offerOne(0, DATA, 16, 0);
        bus.allow(2, Access.READ);
        queue.begin(bus.enter());
        assertBroken("DMA fault on the used ring");
    }

    @Test
    void shouldRejectSizesAndAddressesThatAreNone() {
        assertThatThrownBy(() -> queue.start(bus, 12, ring.addresses(), 0, ALL))
                .hasMessageContaining("entries=12");
        assertThatThrownBy(() -> queue.start(bus, 65536, ring.addresses(), 0, ALL))
                .hasMessageContaining("entries=65536");
        for (int part = 0; part < 3; part++) {
            var odd =
                    new RingAddresses(
                            RING + (part == 0 ? 8 : 0),
                            RING + (part == 1 ? 1 : 0),
                            RING + (part == 2 ? 2 : 0));
            assertThatThrownBy(() -> queue.start(bus, ENTRIES, odd, 0, ALL))
                    .isInstanceOf(RingException.class)
                    .hasMessageContaining("is not aligned");
        }
    }

    @Test
    void shouldInterruptWhenTheEventIsPassed() {
        ring.usedEvent(1);
        ring.offerOne(0, DATA, 1, 0);
        ring.offerOne(1, DATA, 1, 0);
        queue.load();
        queue.complete(0);
        assertThat(queue.publish()).isFalse();
        queue.load();
        queue.complete(0);
        assertThat(queue.publish()).isTrue();
        assertThat(queue.publish()).isFalse();
    }

    @Test
    void shouldHeedTheFlagsWithoutEventIndex() {
        queue.start(bus, ENTRIES, ring.addresses(), 0, 0);
        ring.flags(1);
        ring.offerOne(0, DATA, 1, 0);
        ring.offerOne(1, DATA, 1, 0);
        queue.load();
        queue.complete(0);
        assertThat(queue.publish()).isFalse();
        ring.flags(0);
        queue.load();
        queue.complete(0);
        assertThat(queue.publish()).isTrue();
    }

    @Test
    void shouldAskForTheDoorbellOfTheNextChain() {
        assertThat(queue.askForDoorbell()).isFalse();
        assertThat(ring.availableEvent()).isZero();
        ring.descriptor(0, DATA, 1, 0, 0);
        ring.offer(0);
        assertThat(ring.publish(true, 0)).isTrue();
        queue.load();
        queue.complete(0);
        // Awake: the next chain needs no doorbell.
        ring.offer(0);
        assertThat(ring.publish(true, 1)).isFalse();
        // And is seen when the device looks again before it sleeps.
        assertThat(queue.askForDoorbell()).isTrue();
        assertThat(ring.availableEvent()).isEqualTo(1);
    }

    @Test
    void shouldAskAndRefuseByFlagWithoutEventIndex() {
        queue.start(bus, ENTRIES, ring.addresses(), 0, 0);
        queue.refuseDoorbell();
        assertThat(ring.usedFlags()).isEqualTo(1);
        ring.descriptor(0, DATA, 1, 0, 0);
        ring.offer(0);
        assertThat(ring.publish(false, 0)).isFalse();
        assertThat(queue.askForDoorbell()).isTrue();
        assertThat(ring.usedFlags()).isZero();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 42, 20_261_120})
    void shouldAgreeWithAModelOnRandomChains(long seed) {
        var random = new Random(seed);
        int entries = 64;
        var big = new TestRing(bus.memory, bus::offset, RING, entries);
        queue.start(bus, entries, big.addresses(), 0, ALL);
        Deque<int[]> offered = new ArrayDeque<>();
        Deque<int[]> completed = new ArrayDeque<>();
        List<Integer> free = new ArrayList<>();
        for (int i = 0; i < entries; i++) {
            free.add(i);
        }
        for (int step = 0; step < 20_000; step++) {
            int before = big.availableIndex;
            if (random.nextInt(3) > 0 && !free.isEmpty()) {
                int buffers = 1 + random.nextInt(Math.min(5, entries - 1));
                var chain = RandomChain.add(big, free, random, buffers, DATA);
                if (chain != null) {
                    offered.add(chain);
                    big.publish(true, before);
                }
            } else if (queue.hasNext()) {
                int[] expected = offered.remove();
                queue.load();
                RandomChain.check(queue, expected, seed, step);
                queue.complete(step);
                completed.add(expected);
                if (random.nextBoolean()) {
                    queue.publish();
                }
            } else {
                assertThat(offered).as("seed %d step %d", seed, step).isEmpty();
                queue.publish();
            }
            while (big.take()) {
                int[] expected = completed.remove();
                assertThat(big.takenHead).as("seed %d step %d", seed, step).isEqualTo(expected[0]);
                RandomChain.release(expected, free);
            }
        }
    }

    @Test
    void shouldNotAllocate() {
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        ring.descriptorAt(DATA, DATA + 512, 12, FLAG_NEXT, 1);
        ring.descriptorAt(DATA + 16, DATA + 1024, 100, FLAG_WRITE, 0);
        ring.descriptor(0, DATA, 32, FLAG_INDIRECT, 0);
        ring.descriptor(1, DATA, 64, FLAG_NEXT, 2);
        ring.descriptor(2, DATA, 64, FLAG_WRITE, 0);
        exchange(20_000);
        long before = threads.getCurrentThreadAllocatedBytes();
        exchange(20_000);
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertThat(allocated).isLessThan(20_000);
    }

    private void exchange(int times) {
        for (int i = 0; i < times; i++) {
            queue.begin(bus.enter());
            ring.offer(i & 1);
            ring.publish(true, 0);
            while (queue.hasNext()) {
                queue.load();
                queue.complete(1);
            }
            queue.publish();
            queue.askForDoorbell();
            while (ring.take()) {
                // Only to make room.
            }
            bus.exit();
        }
    }
}
