package dev.outboard.dma.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.MemoryInUseException;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.Unplug;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Memory is plugged and unplugged under a pool that has pages of it. */
@Timeout(120)
final class PoolUnplugTest {
    private static final int ROUNDS = 100;
    private static final long SEGMENT_BYTES = 4 << 20;
    private static final PoolMarks MARKS = new PoolMarks(128, 512, 96, 256);

    @Test
    void shouldLetMemoryGoOfWhichItHasFreePages() {
        try (PhysicalMemory memory = PhysicalMemory.create(512 * 4096);
                PagePool pool = PagePool.open(memory, "test0", MARKS);
                UrgentTaker taker = pool.openUrgent()) {
            PhysicalSegment more = memory.plug(SEGMENT_BYTES, PageKind.BASE);
            List<PoolPage> taken = takeUntilOneIsOf(more, pool, taker);
            taken.forEach(taker::giveBack);
            taker.close();
            memory.unplug(more.physicalAddress(), more.lengthBytes(), Unplug.REFUSE);
            assertThat(memory.segments()).hasSize(1);
            assertThat(pool.table().countWithin(more.physicalAddress(), more.lengthBytes()))
                    .isZero();
        }
    }

    private static List<PoolPage> takeUntilOneIsOf(
            PhysicalSegment segment, PagePool pool, UrgentTaker taker) {
        List<PoolPage> taken = new ArrayList<>();
        PoolRig.await(
                () -> {
                    taken.addAll(PoolRig.takeUrgently(taker, 16));
                    return !taken.isEmpty() && isOf(segment, taken.getLast());
                });
        assertThat(pool.level()).isNotNegative();
        return taken;
    }

    private static boolean isOf(PhysicalSegment segment, PoolPage page) {
        return page.isWithin(segment.physicalAddress(), segment.lengthBytes());
    }

    @Test
    void shouldKeepMemoryFromGoingOfWhichAPageIsTaken() {
        try (PhysicalMemory memory = PhysicalMemory.create(512 * 4096);
                PagePool pool = PagePool.open(memory, "test0", MARKS);
                UrgentTaker taker = pool.openUrgent()) {
            PhysicalSegment more = memory.plug(SEGMENT_BYTES, PageKind.BASE);
            List<PoolPage> taken = takeUntilOneIsOf(more, pool, taker);
            assertThatThrownBy(
                            () ->
                                    memory.unplug(
                                            more.physicalAddress(),
                                            more.lengthBytes(),
                                            Unplug.REFUSE))
                    .isInstanceOf(MemoryInUseException.class);
            PoolPage page = taken.getLast();
            page.memory().set(ValueLayout.JAVA_LONG, 0, 17);
            assertThat(page.memory().get(ValueLayout.JAVA_LONG, 0)).isEqualTo(17);
            taken.forEach(taker::giveBack);
            assertThat(taker.tryTake()).as("it goes on").isNotNull();
        }
    }

    @Test
    void shouldSurviveMemoryThatIsTakenByForce() {
        try (PhysicalMemory memory = PhysicalMemory.create(512 * 4096);
                PagePool pool = PagePool.open(memory, "test0", MARKS);
                UrgentTaker taker = pool.openUrgent();
                UrgentTaker other = pool.openUrgent()) {
            PhysicalSegment more = memory.plug(SEGMENT_BYTES, PageKind.BASE);
            List<PoolPage> taken = takeUntilOneIsOf(more, pool, taker);
            memory.unplug(more.physicalAddress(), more.lengthBytes(), Unplug.FORCE);
            assertThatThrownBy(() -> taken.getLast().memory())
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("unplugged by force");
            taken.forEach(taker::giveBack);
            taker.close();
            PoolRig.await(() -> pool.returned().isEmpty());
            for (PoolPage page : PoolRig.takeUrgently(other, 64)) {
                assertThat(isOf(more, page)).isFalse();
                page.memory().set(ValueLayout.JAVA_LONG, 0, 17);
            }
        }
    }

    @Test
    void shouldGiveWorkingPagesWhileMemoryComesAndGoes() throws InterruptedException {
        ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        AtomicBoolean isOver = new AtomicBoolean();
        int gone = 0;
        try (PhysicalMemory memory = PhysicalMemory.create(512 * 4096);
                PagePool pool = PagePool.open(memory, "test0", MARKS)) {
            List<Thread> threads =
                    List.of(
                            Thread.ofPlatform().start(() -> use(pool, isOver, failures)),
                            Thread.ofPlatform().start(() -> use(pool, isOver, failures)));
            for (int round = 0; round < ROUNDS; round++) {
                PhysicalSegment more = memory.plug(SEGMENT_BYTES, PageKind.BASE);
                while (!isUnplugged(memory, more)) {
                    Thread.yield();
                }
                gone++;
            }
            isOver.set(true);
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(failures).isEmpty();
            assertThat(pool.refusals()).isZero();
            pool.close();
            assertThat(memory.freeBytes()).isEqualTo(memory.lengthBytes());
        }
        assertThat(gone).isEqualTo(ROUNDS);
    }

    private static boolean isUnplugged(PhysicalMemory memory, PhysicalSegment segment) {
        try {
            memory.unplug(segment.physicalAddress(), segment.lengthBytes(), Unplug.REFUSE);
            return true;
        } catch (MemoryInUseException taken) {
            return false;
        }
    }

    /** Takes pages, writes them, reads them, gives them back. */
    private static void use(
            PagePool pool, AtomicBoolean isOver, ConcurrentLinkedQueue<Throwable> to) {
        try (UrgentTaker taker = pool.openUrgent()) {
            while (!isOver.get()) {
                List<PoolPage> taken = PoolRig.takeUrgently(taker, 40);
                for (PoolPage page : taken) {
                    page.memory().set(ValueLayout.JAVA_LONG, 8, page.physicalAddress());
                }
                for (PoolPage page : taken) {
                    assertThat(page.memory().get(ValueLayout.JAVA_LONG, 8))
                            .isEqualTo(page.physicalAddress());
                    taker.giveBack(page);
                }
            }
        } catch (RuntimeException | AssertionError | InternalError failure) {
            to.add(failure);
        }
    }
}
