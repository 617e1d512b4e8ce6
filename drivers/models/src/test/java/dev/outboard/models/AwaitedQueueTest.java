package dev.outboard.models;

import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_INDIRECT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.backend.AwaitedException;
import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.DmaCursor;
import dev.outboard.iommu.Access;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A queue whose ring and buffers become known page by page. */
class AwaitedQueueTest {
    private static final int ENTRIES = 8;
    private static final int PAGES = 64;
    private static final int DESCRIPTORS = 0;
    private static final int AVAILABLE = 1;
    private static final int USED = 2;
    private static final int DATA_PAGE = 16;
    private static final long DATA = TestBus.FIRST + (long) DATA_PAGE * TestBus.PAGE;

    private final Arena arena = Arena.ofConfined();
    private final TestBus bus = new TestBus(arena, PAGES);
    private final TestRing ring = new TestRing(bus.memory, bus::offset, TestBus.FIRST, ENTRIES);
    private final DeviceQueue queue = DeviceQueue.of("queue 0", 0);

    @BeforeEach
    void start() {
        bus.asks = true;
        for (int page = 0; page < PAGES; page++) {
            bus.allow(page, 0);
        }
        queue.start(
                bus,
                ENTRIES,
                ring.addresses(),
                0,
                VirtioFeatures.RING_EVENT_IDX | VirtioFeatures.RING_INDIRECT_DESC);
        ring.descriptor(1, DATA, 100, 0, 0);
        ring.offer(1);
        ring.publish(true, 0);
    }

    @AfterEach
    void free() {
        arena.close();
    }

    private void know(int page, int access) {
        bus.exit();
        bus.allow(page, access);
        queue.begin(bus.enter());
    }

    private void assertAwaited(Runnable step) {
        assertThatThrownBy(step::run)
                .isInstanceOfSatisfying(
                        AwaitedException.class,
                        awaited -> assertThat(awaited.queue()).isSameAs(queue));
    }

    @Test
    void shouldNotBeginWorkWhoseCompletionItCannotReach() {
        queue.begin(bus.enter());
        assertAwaited(queue::hasNext);
        know(AVAILABLE, Access.READ);
        assertThat(queue.hasNext()).isTrue();
        know(DESCRIPTORS, Access.READ);
        assertThat(queue.hasNext()).isTrue();
        assertAwaited(queue::load);
        know(USED, Access.READ);
        assertAwaited(queue::load);
        know(USED, Access.WRITE);
        queue.load();
        assertThat(queue.chain().id()).isOne();
        queue.complete(5);
        assertThat(queue.publish()).isTrue();
        assertThat(ring.take()).isTrue();
        assertThat(ring.takenHead).isOne();
        assertThat(bus.faults).as("nothing was refused").isZero();
    }

    @Test
    void shouldLeaveAChainThatWaitsInTheRing() {
        know(AVAILABLE, Access.READ);
        know(DESCRIPTORS, Access.READ);
        know(USED, Access.WRITE);
        ring.descriptor(1, DATA, 16, FLAG_INDIRECT, 0);
        ring.descriptorAt(DATA, DATA + TestBus.PAGE, 10, 0, 0);
        assertThat(queue.hasNext()).isTrue();
        assertAwaited(queue::load);
        know(DATA_PAGE, Access.READ);
        queue.load();
        var cursor = new DmaCursor();
        cursor.openReadable(queue);
        assertAwaited(cursor::next);
        assertThat(queue.position()).as("it is not done").isZero();
        know(DATA_PAGE + 1, Access.READ);
        queue.load();
        cursor.openReadable(queue);
        assertThat(cursor.next()).isTrue();
        queue.complete(0);
        queue.publish();
        assertThat(queue.position()).isOne();
    }

    @Test
    void shouldBeginAgainWithWhatItCouldNotShow() {
        know(AVAILABLE, Access.READ);
        know(DESCRIPTORS, Access.READ);
        know(USED, Access.WRITE);
        assertThat(queue.hasNext()).isTrue();
        queue.load();
        queue.complete(0);
        know(USED, 0);
        assertAwaited(queue::publish);
        assertThat(queue.position()).as("the driver has not seen it").isZero();
        know(USED, Access.WRITE);
        queue.publish();
        assertThat(queue.position()).isOne();
        assertThat(ring.used()).isOne();
    }
}
