package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class TranslatorTest {
    private static final int ENTRIES = 8192;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment page =
            arena.allocate(ControlPageDescriptor.LENGTH_BYTES, IoPage.BYTES);
    private final OwnerControl control = new OwnerControl(page);
    private final InvalidationLane owner = control.lane(0);
    private TceTable table;
    private Translator device;

    private void start(TceFormat format, IotlbGeometry geometry) {
        MemorySegment memory = arena.allocate((long) ENTRIES * format.entryBytes(), IoPage.BYTES);
        table = new TceTable(format, memory, ENTRIES);
        device = new Translator(table, page, geometry);
    }

    @AfterEach
    void free() {
        arena.close();
    }

    @Test
    void shouldTranslateWithinThePage() {
        start(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT);
        table.map(7, 0x123456, 1, Access.READ);
        device.enter();
        assertThat(device.translate(7 * 4096 + 0xabc, Access.READ)).isEqualTo(0x123456abcL);
        assertThat(device.translate(7 * 4096 + 0xabd, Access.READ)).isEqualTo(0x123456abdL);
        device.exit();
        DeviceCounters counters = control.counters();
        assertThat(counters.translations()).isEqualTo(2);
        assertThat(counters.hits()).isEqualTo(1);
        assertThat(counters.misses()).isEqualTo(1);
        assertThat(counters.sections()).isEqualTo(1);
    }

    @Test
    void shouldRefuseWithTheReason() {
        for (TceFormat format : new TceFormat[] {CalgaryFormat.INSTANCE, DartFormat.INSTANCE}) {
            start(format, IotlbGeometry.DEFAULT);
            table.map(1, 5, 1, Access.READ);
            table.map(2, 6, 1, Access.WRITE);
            assertThat(refusal(0x1000, Access.WRITE)).isEqualTo(FaultReason.ACCESS_DENIED);
            assertThat(refusal(0x1000, Access.READ_WRITE)).isEqualTo(FaultReason.ACCESS_DENIED);
            assertThat(refusal(0x2000, Access.READ)).isEqualTo(FaultReason.ACCESS_DENIED);
            assertThat(refusal(0x3000, Access.READ)).isEqualTo(FaultReason.NOT_MAPPED);
            assertThat(refusal(0, Access.READ)).isEqualTo(FaultReason.NOT_MAPPED);
            assertThat(refusal(ENTRIES * 4096L, Access.READ)).isEqualTo(FaultReason.OUT_OF_RANGE);
            assertThat(refusal(-1, Access.READ)).isEqualTo(FaultReason.OUT_OF_RANGE);
            assertThat(refusal(Long.MIN_VALUE, Access.READ)).isEqualTo(FaultReason.OUT_OF_RANGE);
        }
    }

    private FaultReason refusal(long iova, int access) {
        long refused = device.translate(iova, access);
        assertThat(refused).isNegative();
        return Translator.reason(refused);
    }

    @Test
    void shouldSeeAMappingMadeAfterAMiss() {
        start(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT);
        assertThat(refusal(0x1000, Access.READ)).isEqualTo(FaultReason.NOT_MAPPED);
        table.map(1, 9, 1, Access.READ);
        assertThat(device.translate(0x1000, Access.READ)).isEqualTo(0x9000);
    }

    @Test
    void shouldKeepAStaleEntryUntilAskedToFlush() {
        start(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT);
        table.map(1, 9, 1, Access.READ);
        device.enter();
        device.translate(0x1000, Access.READ);
        device.exit();
        table.clear(1, 1);
        device.enter();
        assertThat(device.translate(0x1000, Access.READ)).isEqualTo(0x9000);
        device.exit();
        owner.requestAll();
        assertThat(device.enter()).isEqualTo(1);
        assertThat(refusal(0x1000, Access.READ)).isEqualTo(FaultReason.NOT_MAPPED);
        assertThat(device.enter()).isEqualTo(1);
    }

    @Test
    void shouldCatchUpAtACheckpointWithoutLeavingTheSection() {
        start(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT);
        table.map(1, 9, 1, Access.READ);
        device.enter();
        device.translate(0x1000, Access.READ);
        assertThat(device.checkpoint()).isZero();
        table.clear(1, 1);
        owner.requestAll();
        assertThat(owner.isSettled()).isFalse();
        assertThat(device.translate(0x1000, Access.READ)).isEqualTo(0x9000);
        assertThat(device.checkpoint()).isEqualTo(1);
        assertThat(owner.isSettled()).isTrue();
        assertThat(refusal(0x1000, Access.READ)).isEqualTo(FaultReason.NOT_MAPPED);
        device.exit();
    }

    @Test
    void shouldDropOnlyWhatTheRingNames() {
        start(DartFormat.INSTANCE, IotlbGeometry.DEFAULT);
        for (int mapped = 1; mapped < 10; mapped++) {
            table.map(mapped, mapped, 1, Access.READ);
            device.translate(mapped * 4096L, Access.READ);
            table.clear(mapped, 1);
        }
        owner.request(2, 3);
        owner.request(7, 1);
        assertThat(device.enter()).isEqualTo(1);
        for (int mapped = 1; mapped < 10; mapped++) {
            boolean dropped = mapped >= 2 && mapped < 5 || mapped == 7;
            assertThat(device.translate(mapped * 4096L, Access.READ) < 0).isEqualTo(dropped);
        }
        assertThat(control.counters().flushes()).isZero();
        assertThat(control.counters().invalidations()).isEqualTo(4);
    }

    @Test
    void shouldDropEverythingWhereTheHardwareCannotDropOne() {
        start(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT);
        owner.request(2, 3);
        device.enter();
        assertThat(control.counters().flushes()).isEqualTo(1);
        assertThat(control.counters().invalidations()).isZero();
    }

    @Test
    void shouldDropEverythingWhenTheRingWasOverrun() {
        start(DartFormat.INSTANCE, IotlbGeometry.DEFAULT);
        table.map(3, 3, 1, Access.READ);
        device.translate(0x3000, Access.READ);
        table.clear(3, 1);
        owner.request(3, 1);
        for (int request = 1; request < ControlPageDescriptor.INVALIDATIONS; request++) {
            owner.request(4, 1);
        }
        device.enter();
        assertThat(refusal(0x3000, Access.READ)).isEqualTo(FaultReason.NOT_MAPPED);
        assertThat(control.counters().flushes()).isEqualTo(1);
    }

    @Test
    void shouldDropEverythingWhenTheRingHoldsNonsense() {
        long[] nonsense = {-1L, (long) ENTRIES << 24 | 1, 1L << 24, 0, 0xffffffL};
        for (long slot : nonsense) {
            page.fill((byte) 0);
            start(DartFormat.INSTANCE, IotlbGeometry.DEFAULT);
            page.set(
                    ValueLayout.JAVA_LONG,
                    ControlPageDescriptor.INVALIDATIONS_OFFSET + Long.BYTES,
                    slot);
            page.set(ValueLayout.JAVA_LONG, ControlPageDescriptor.REQUESTED_OFFSET, 1);
            assertThat(device.enter()).isEqualTo(1);
            assertThat(control.counters().flushes()).isEqualTo(1);
        }
    }

    @Test
    void shouldSurviveAGenerationThatRunsBackwards() {
        start(DartFormat.INSTANCE, IotlbGeometry.DEFAULT);
        long generation = 0;
        for (long requested : new long[] {5, 3, Long.MIN_VALUE, Long.MAX_VALUE, -1}) {
            page.set(ValueLayout.JAVA_LONG, ControlPageDescriptor.REQUESTED_OFFSET, requested);
            assertThat(device.enter()).isEqualTo(++generation);
            device.exit();
        }
    }

    @Test
    void shouldBeSettledOutsideAndAfterCatchingUp() {
        start(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT);
        owner.requestAll();
        VarHandle.fullFence();
        assertThat(owner.isSettled()).isTrue();
        device.enter();
        assertThat(owner.isSettled()).isTrue();
        owner.requestAll();
        VarHandle.fullFence();
        assertThat(owner.isSettled()).isFalse();
        device.exit();
        assertThat(owner.isSettled()).isTrue();
        device.enter();
        assertThat(owner.isSettled()).isTrue();
    }

    @Test
    void shouldDeliverFaultsInOrder() {
        start(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT);
        assertThat(control.takeFault("nic0")).isNull();
        assertThat(device.fault(0x1234, Access.WRITE, FaultReason.NOT_MAPPED)).isTrue();
        assertThat(device.fault(-1, Access.READ, FaultReason.OUT_OF_RANGE)).isTrue();
        assertThat(control.takeFault("nic0"))
                .isEqualTo(new Fault("nic0", 0x1234, Access.WRITE, FaultReason.NOT_MAPPED))
                .hasToString("device=nic0 iova=0x1234 access=write reason=NOT_MAPPED");
        assertThat(control.takeFault("nic0"))
                .isEqualTo(new Fault("nic0", -1, Access.READ, FaultReason.OUT_OF_RANGE));
        assertThat(control.takeFault("nic0")).isNull();
        assertThat(control.counters().faults()).isEqualTo(2);
    }

    @Test
    void shouldCountFaultsThatFindTheRingFull() {
        start(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT);
        for (int fault = 0; fault < ControlPageDescriptor.FAULTS; fault++) {
            assertThat(device.fault(fault, Access.READ, FaultReason.NOT_MAPPED)).isTrue();
        }
        assertThat(device.fault(99, Access.READ, FaultReason.NOT_MAPPED)).isFalse();
        assertThat(control.counters().faultsLost()).isEqualTo(1);
        assertThat(control.counters().faults()).isEqualTo(ControlPageDescriptor.FAULTS + 1);
        for (int fault = 0; fault < ControlPageDescriptor.FAULTS; fault++) {
            assertThat(control.takeFault("nic0").iova()).isEqualTo(fault);
        }
        assertThat(control.takeFault("nic0")).isNull();
        assertThat(device.fault(100, Access.READ, FaultReason.NOT_MAPPED)).isTrue();
        assertThat(control.takeFault("nic0").iova()).isEqualTo(100);
    }

    @Test
    void shouldCountWhatADeviceGarbles() {
        start(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT);
        device.fault(1, Access.READ, FaultReason.NOT_MAPPED);
        device.fault(2, Access.READ, FaultReason.NOT_MAPPED);
        page.set(
                ValueLayout.JAVA_INT,
                ControlPageDescriptor.FAULT_RING_OFFSET + ControlPageDescriptor.FAULT_REASON_OFFSET,
                77);
        assertThat(control.takeFault("nic0").iova()).isEqualTo(2);
        assertThat(control.faultsGarbled()).isEqualTo(1);
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 1000; round++) {
            page.set(
                    ValueLayout.JAVA_LONG,
                    ControlPageDescriptor.FAULTS_PUT_OFFSET,
                    random.nextLong());
            int taken = 0;
            while (control.takeFault("nic0") != null) {
                taken++;
            }
            assertThat(taken).as("seed=%d", seed).isLessThanOrEqualTo(ControlPageDescriptor.FAULTS);
        }
    }

    @Test
    void shouldNotWriteFaultsOutsideTheRingWhateverTheOwnerSays() {
        start(CalgaryFormat.INSTANCE, IotlbGeometry.DEFAULT);
        Random random = new Random(42);
        long end =
                ControlPageDescriptor.FAULT_RING_OFFSET
                        + (long) ControlPageDescriptor.FAULTS
                                * ControlPageDescriptor.FAULT_SLOT_BYTES;
        for (int round = 0; round < 1000; round++) {
            page.set(
                    ValueLayout.JAVA_LONG,
                    ControlPageDescriptor.FAULTS_TAKEN_OFFSET,
                    random.nextLong());
            device.fault(-1, Access.READ_WRITE, FaultReason.NOT_MAPPED);
        }
        assertThat(page.asSlice(end).mismatch(arena.allocate(page.byteSize() - end))).isEqualTo(-1);
    }

    @Test
    void shouldRefuseMemoryTooSmallForAControlPage() {
        assertThatThrownBy(() -> new OwnerControl(arena.allocate(4096, 8)))
                .hasMessageContaining("lengthBytes=4096");
    }

    @Test
    void shouldNotAllocateOnTheDataPath() {
        start(DartFormat.INSTANCE, new IotlbGeometry(16, 2, Replacement.RANDOM));
        for (int mapped = 1; mapped < 200; mapped++) {
            table.map(mapped, mapped, 1, Access.READ);
        }
        long refused = burst(20_000);
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        refused += burst(20_000);
        long after = threads.getCurrentThreadAllocatedBytes();
        assertThat(refused).isPositive();
        assertThat(after - before).as("bytes allocated").isLessThan(2_000);
    }

    private long burst(int rounds) {
        long refused = 0;
        for (int round = 0; round < rounds; round++) {
            int mapped = round % 201;
            owner.request(mapped, 1);
            device.enter();
            if (device.translate(mapped * 4096L, Access.READ) < 0) {
                refused++;
                device.fault(mapped * 4096L, Access.READ, FaultReason.NOT_MAPPED);
            }
            device.exit();
        }
        return refused;
    }
}
