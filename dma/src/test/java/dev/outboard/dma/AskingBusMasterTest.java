package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.outboard.iommu.Access;
import dev.outboard.uio.vhost.IotlbMessage;
import dev.outboard.uio.vhost.MemoryRegion;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A bus master whose front-end is this test: helpful, silent or hostile. */
final class AskingBusMasterTest {
    private static final long PAGE = 4096;
    private static final long USER = 0x7f00_0000_0000L;
    private static final long IOVA = 0x10_0000;
    private static final long LIMIT_NANOS = 1_000_000_000_000L;
    private static final int CAPACITY = 8;

    private final PhysicalMemory memory = PhysicalMemory.create(4 * PAGE, 2 * PAGE);
    private final AskedCounters counters = new AskedCounters();
    private final List<String> told = new ArrayList<>();
    private final DmaWindow window = new DmaWindow();
    private boolean reads = true;
    private long questions;
    private AskingBusMaster bus = bus(LIMIT_NANOS);

    private AskingBusMaster bus(long limitNanos) {
        return new AskingBusMaster(
                MemoryTable.of(regions()), new FrontEnd(), limitNanos, counters, CAPACITY);
    }

    private final class FrontEnd implements AskingBusMaster.Asker {
        @Override
        public long ask(long iova, int access) {
            if (!reads) {
                return -1;
            }
            told.add("ask 0x%x %d".formatted(iova, access));
            return questions++;
        }

        @Override
        public void failed(long iova, int access) {
            told.add("failed 0x%x %d".formatted(iova, access));
        }
    }

    /** The second follows the first for the user, and nowhere else. */
    private List<MemoryRegion> regions() {
        var regions = new ArrayList<MemoryRegion>();
        long user = USER;
        for (var segment : memory.segments()) {
            regions.add(
                    new MemoryRegion(
                            segment.physicalAddress(),
                            segment.lengthBytes(),
                            user,
                            0,
                            segment.descriptor().duplicate()));
            user += segment.lengthBytes();
        }
        return regions;
    }

    @AfterEach
    void close() {
        bus.close();
        memory.close();
    }

    private void update(long iova, long length, long user, int access) {
        bus.obey(new IotlbMessage(iova, length, user, access, IotlbMessage.UPDATE));
    }

    private void invalidate(long iova, long length) {
        bus.obey(new IotlbMessage(iova, length, 0, 0, IotlbMessage.INVALIDATE));
    }

    private boolean resolves(long iova, long length, int access) {
        bus.enter();
        try {
            return bus.resolve(iova, length, access, window);
        } finally {
            bus.exit();
        }
    }

    private void assertAwaited(long iova, int access) {
        assertThat(resolves(iova, 1, access)).isFalse();
        assertThat(bus.isAwaited()).isTrue();
    }

    private void assertFault(long iova, int access) {
        assertThat(resolves(iova, 1, access)).isFalse();
        assertThat(bus.isAwaited()).isFalse();
    }

    @Test
    void shouldAskOnceAndGoOnWhenTheTranslationComes() {
        assertAwaited(IOVA + 5, Access.WRITE);
        assertAwaited(IOVA + 5, Access.WRITE);
        assertThat(told).containsExactly("ask 0x100005 2");
        long before = bus.changes();
        update(IOVA, PAGE, USER + PAGE, Access.WRITE);
        assertThat(bus.changes()).isNotEqualTo(before);
        assertThat(bus.leftNanos(0)).as("nothing is awaited").isNegative();
        memory.segments().getFirst().memory().set(ValueLayout.JAVA_INT, PAGE + 8, 4711);
        assertThat(resolves(IOVA + 8, 9000, Access.WRITE)).isTrue();
        assertThat(window.lengthBytes()).isEqualTo(PAGE - 8);
        assertThat(window.memory().get(ValueLayout.JAVA_INT, window.offset())).isEqualTo(4711);
        assertThat(counters.read()).isEqualTo(new AskedStatistics(1, 1, 1, 0, 0, 0, 0));
    }

    @Test
    void shouldTakeARangeThatGoesOverTwoRegions() {
        update(IOVA, 3 * PAGE + 16, USER + 3 * PAGE - 16, Access.READ);
        assertThat(resolves(IOVA, 4 * PAGE, Access.READ)).isTrue();
        assertThat(window.lengthBytes()).isEqualTo(PAGE + 16);
        memory.segments().getLast().memory().set(ValueLayout.JAVA_LONG, 0, 99);
        assertThat(resolves(IOVA + PAGE + 16, 4 * PAGE, Access.READ)).isTrue();
        assertThat(window.memory().get(ValueLayout.JAVA_LONG, window.offset())).isEqualTo(99);
        assertThat(window.lengthBytes()).isEqualTo(2 * PAGE);
        assertThat(resolves(IOVA + 3 * PAGE + 16, 1, Access.READ)).isFalse();
    }

    @Test
    void shouldForgetWhatIsInvalidatedAndVoidWindows() {
        update(IOVA, 2 * PAGE, USER, Access.READ_WRITE);
        long generation = bus.enter();
        assertThat(bus.checkpoint()).isEqualTo(generation);
        bus.exit();
        invalidate(IOVA + PAGE, PAGE);
        assertThat(bus.enter()).isNotEqualTo(generation);
        bus.exit();
        assertThat(resolves(IOVA, 2 * PAGE, Access.READ)).isTrue();
        assertThat(window.lengthBytes()).isEqualTo(PAGE);
        assertAwaited(IOVA + PAGE, Access.READ);
        invalidate(0, -1);
        assertThat(bus.known()).isZero();
        assertAwaited(IOVA, Access.READ);
    }

    @Test
    void shouldNotMindInvalidationsOfWhatItDoesNotKnow() {
        update(IOVA, PAGE, USER, Access.READ);
        invalidate(0, 0);
        invalidate(IOVA, 0);
        invalidate(IOVA - PAGE, PAGE);
        invalidate(IOVA + PAGE, -1);
        invalidate(-1, -1);
        assertThat(resolves(IOVA, 1, Access.READ)).isTrue();
    }

    @Test
    void shouldVoidWindowsWhenAnotherTranslationTakesThePlace() {
        update(IOVA, PAGE, USER, Access.READ_WRITE);
        long generation = bus.enter();
        bus.exit();
        update(IOVA + 100, 8, USER + PAGE, Access.READ);
        assertThat(bus.enter()).isNotEqualTo(generation);
        bus.exit();
        assertThat(resolves(IOVA + 100, 100, Access.READ)).isTrue();
        assertThat(window.offset()).isEqualTo(PAGE);
        assertThat(window.lengthBytes()).isEqualTo(8);
        assertThat(resolves(IOVA + 108, 100, Access.WRITE)).isTrue();
        assertThat(window.offset()).isEqualTo(108);
    }

    @Test
    void shouldAskForARightThatItLacksAndFaultWhenItIsNotGiven() {
        update(IOVA, PAGE, USER, Access.READ);
        assertAwaited(IOVA, Access.WRITE);
        update(IOVA, PAGE, USER, Access.READ);
        assertFault(IOVA, Access.WRITE);
        assertThat(told).containsExactly("ask 0x100000 2", "failed 0x100000 2");
        assertAwaited(IOVA, Access.WRITE);
        update(IOVA, PAGE, USER, Access.READ_WRITE);
        assertThat(resolves(IOVA, 1, Access.WRITE)).isTrue();
    }

    @Test
    void shouldFaultOnceWhenTheFrontEndSaysThatThereIsNone() {
        assertAwaited(IOVA, Access.READ);
        assertAwaited(IOVA + PAGE, Access.READ);
        long before = bus.changes();
        bus.answered(0, false);
        assertThat(bus.changes()).isNotEqualTo(before);
        assertFault(IOVA, Access.READ);
        assertAwaited(IOVA + PAGE, Access.READ);
        bus.answered(1, true);
        assertAwaited(IOVA + PAGE, Access.READ);
        assertAwaited(IOVA, Access.READ);
        assertThat(told)
                .as("who refuses knows of it")
                .containsExactly("ask 0x100000 1", "ask 0x101000 1", "ask 0x100000 1");
        assertThat(counters.read().faults()).isOne();
    }

    @Test
    void shouldNotTakeAnOldAnswerForANewQuestion() {
        assertAwaited(IOVA, Access.READ);
        bus.forgetMisses();
        assertAwaited(IOVA, Access.READ);
        bus.answered(0, false);
        assertAwaited(IOVA, Access.READ);
        bus.answered(1, false);
        assertFault(IOVA, Access.READ);
    }

    @Test
    void shouldFaultWhenNoAnswerComes() {
        bus.close();
        bus = bus(1);
        assertAwaited(IOVA, Access.READ);
        bus.tend(System.nanoTime() + 1_000_000);
        assertThat(bus.leftNanos(0)).as("there is nothing to wait for").isNegative();
        // Nobody came back in time: it is asked for anew.
        assertAwaited(IOVA, Access.READ);
        assertThat(counters.read().misses()).isEqualTo(2);
        bus.close();
        bus = bus(LIMIT_NANOS);
        assertAwaited(IOVA, Access.READ);
        bus.tend(System.nanoTime() + LIMIT_NANOS);
        assertFault(IOVA, Access.READ);
        assertThat(told).last().isEqualTo("failed 0x100000 1");
        assertThat(counters.read().late()).isOne();
    }

    @Test
    void shouldAskAgainWhenItCouldNotBeAsked() {
        reads = false;
        assertAwaited(IOVA, Access.READ);
        assertThat(counters.read().misses()).isZero();
        reads = true;
        bus.tend(System.nanoTime());
        assertThat(told).containsExactly("ask 0x100000 1");
        bus.tend(System.nanoTime());
        assertThat(told).hasSize(1);
    }

    @Test
    void shouldFaultWhenTooMuchIsAwaited() {
        for (int i = 0; i < AwaitedMisses.CAPACITY; i++) {
            assertAwaited(IOVA + i, Access.READ);
        }
        assertFault(IOVA - 1, Access.READ);
        assertThat(told).last().isEqualTo("failed 0xfffff 1");
        bus.answered(5, false);
        assertFault(IOVA + 5, Access.READ);
        assertAwaited(IOVA - 1, Access.READ);
    }

    /** Of a range that goes over from one region into another, the other half stays. */
    @Test
    void shouldForgetTranslationsIntoARegionThatGoes() {
        var second = regions();
        second.removeFirst().descriptor().close();
        bus.obey(new IotlbMessage(0x10000, 6 * PAGE, USER, 3, IotlbMessage.UPDATE));
        long before = bus.enter();
        assertThat(bus.resolve(0x10000 + 4 * PAGE, 1, Access.READ, window)).isTrue();
        assertThatThrownBy(() -> bus.remove(second.getFirst()))
                .isInstanceOf(IllegalStateException.class);
        bus.exit();
        bus.remove(second.getFirst());
        assertThat(bus.enter()).as("what was resolved is void").isNotEqualTo(before);
        assertThat(bus.resolve(0x10000 + 3 * PAGE, 1, Access.READ, window)).isTrue();
        assertThat(bus.resolve(0x10000 + 4 * PAGE, 1, Access.READ, window)).isFalse();
        assertThat(bus.isAwaited()).as("asked for anew").isTrue();
        assertThatThrownBy(() -> bus.add(second.getFirst()))
                .isInstanceOf(IllegalStateException.class);
        bus.exit();
        assertThat(second.getFirst().descriptor().isClosed()).isTrue();
        assertThatThrownBy(
                        () ->
                                bus.obey(
                                        new IotlbMessage(
                                                0x20000,
                                                PAGE,
                                                USER + 4 * PAGE,
                                                3,
                                                IotlbMessage.UPDATE)))
                .hasMessageContaining("is in no region");
        bus.add(regions().getLast());
        bus.obey(new IotlbMessage(0x20000, PAGE, USER + 4 * PAGE, 3, IotlbMessage.UPDATE));
        bus.enter();
        assertThat(bus.resolve(0x20000, 1, Access.WRITE, window)).isTrue();
        assertThat(window.memory().byteSize()).isEqualTo(2 * PAGE);
    }

    @Test
    void shouldChangeNothingByAnUpdateThatLeadsOutOfTheMemoryTable() {
        update(IOVA, PAGE, USER, Access.READ);
        long generation = bus.enter();
        bus.exit();
        refuse(IOVA, PAGE, USER - 1);
        refuse(IOVA, PAGE, USER + 6 * PAGE);
        refuse(IOVA, PAGE, USER + 6 * PAGE - 8);
        refuse(IOVA, 7 * PAGE, USER);
        refuse(IOVA, Long.MAX_VALUE, USER);
        refuse(IOVA, PAGE, -8);
        refuse(IOVA, PAGE, 0);
        refuse(IOVA, PAGE, memory.segments().getFirst().physicalAddress());
        assertThat(bus.enter()).isEqualTo(generation);
        bus.exit();
        assertThat(bus.known()).isOne();
        assertThat(counters.read().updates()).isOne();
        assertThat(resolves(IOVA, 1, Access.READ)).isTrue();
        assertThat(window.offset()).isZero();
    }

    private void refuse(long iova, long length, long user) {
        assertThatThrownBy(() -> update(iova, length, user, Access.READ_WRITE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is in no region of the memory table");
    }

    @Test
    void shouldForgetSomethingWhenItIsToldTooMuch() {
        for (int i = 0; i < 100; i++) {
            update(IOVA + 2 * PAGE * i, PAGE, USER, Access.READ);
            assertThat(bus.known()).isLessThanOrEqualTo(CAPACITY);
        }
        assertThat(counters.read().evictions()).isEqualTo(100 - CAPACITY);
        assertThat(resolves(IOVA + 2 * PAGE * 99, 1, Access.READ)).isTrue();
    }

    @Test
    void shouldChangeNothingWithinASection() {
        bus.enter();
        assertThatThrownBy(() -> update(IOVA, PAGE, USER, Access.READ))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> invalidate(IOVA, PAGE)).isInstanceOf(IllegalStateException.class);
        bus.exit();
        assertThatThrownBy(() -> bus.resolve(IOVA, 1, Access.READ, window))
                .hasMessageContaining("enter first");
    }

    @Test
    void shouldAllocateNothingForAHitOrAMiss() {
        update(IOVA, 2 * PAGE, USER, Access.READ_WRITE);
        assertAwaited(IOVA + 8 * PAGE, Access.READ);
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        for (int round = 0; round < 50 && least > 0; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 1000; i++) {
                bus.enter();
                bus.resolve(IOVA + i, 64, Access.READ, window);
                bus.resolve(IOVA + 8 * PAGE, 64, Access.READ, window);
                bus.exit();
            }
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        assertThat(least).isZero();
    }
}
