package dev.outboard.dma.segment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.sun.management.ThreadMXBean;
import dev.outboard.uio.failure.FailurePoint;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Segments before there is an allocator, when it comes, and when it has nothing to give. */
final class SegmentBootTest {
    private static final long START = 1L << 20;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final SegmentPlace place = new SegmentPlace();

    @AfterEach
    void disarm() {
        FailurePoint.disarm();
    }

    private static void plugFour(SegmentMap segments) {
        for (int at : new int[] {3, 0, 2, 1}) {
            long start = START + 100L * at;
            segments.plug(start, start + 50, start + 1, start + 49, at);
        }
        segments.unplug(START + 110, 10);
        segments.unplug(START + 200, 5);
        segments.unplug(START + 345, 5);
        segments.setStartHint(segments.first(), START + 7);
    }

    @ParameterizedTest(name = "the init dance: {0}")
    @EnumSource
    void shouldKeepWhatWasPluggedBeforeMemoryIsUp(Structure structure) {
        var segments = structure.booting();
        plugFour(segments);
        var model = new SegmentModel();
        for (long handle = segments.first(); segments.valid(handle); ) {
            model.plug(
                    new SegmentModel.Entry(
                            handle,
                            segments.start(handle),
                            segments.end(handle),
                            segments.availStart(handle),
                            segments.availEnd(handle),
                            (int) segments.freeList(handle)));
            handle = segments.next(handle);
        }
        assertThat(model.all()).hasSize(5);
        checkAll(segments, model);
        segments.memoryUp();
        checkAll(segments, model);
        segments.memoryUp();
        assertThat(segments.startHint(segments.first())).isEqualTo(START + 7);
        // And they are segments as any other from now on.
        segments.unplug(START, 50);
        segments.plug(START + 110, START + 120);
        assertThat(segments.count()).isEqualTo(5);
        assertThat(segments.find(START + 100)).isEqualTo(segments.first());
    }

    private void checkAll(SegmentMap segments, SegmentModel model) {
        model.check(segments, place);
        model.checkFrames(segments, START - 10, START + 500, place);
    }

    @ParameterizedTest(name = "the init dance, end to end: {0}")
    @EnumSource
    void shouldAnswerTheSameDuringBootAndAfter(Structure structure) {
        var booting = structure.booting();
        var other = structure.create();
        plugFour(booting);
        plugFour(other);
        for (int round = 0; round < 2; round++) {
            long mine = booting.first();
            long its = other.first();
            for (; other.valid(its); mine = booting.next(mine), its = other.next(its)) {
                assertThat(booting.valid(mine)).isTrue();
                assertThat(booting.start(mine)).isEqualTo(other.start(its));
                assertThat(booting.end(mine)).isEqualTo(other.end(its));
                assertThat(booting.availStart(mine)).isEqualTo(other.availStart(its));
                assertThat(booting.availEnd(mine)).isEqualTo(other.availEnd(its));
                assertThat(booting.freeList(mine)).isEqualTo(other.freeList(its));
                assertThat(booting.startHint(mine)).isEqualTo(other.startHint(its));
            }
            assertThat(mine).isEqualTo(SegmentMap.OVERFLOW);
            booting.memoryUp();
        }
    }

    @ParameterizedTest(name = "the init dance, full: {0}")
    @EnumSource
    void shouldPlugNoMoreDuringBootThanFit(Structure structure) {
        var segments = structure.booting();
        for (int at = 0; at < SegmentMap.BOOT_SEGMENTS; at++) {
            assertThat(segments.plug(START + 4L * at, START + 4L * at + 3)).isNotNegative();
        }
        long end = START + 4L * SegmentMap.BOOT_SEGMENTS;
        assertThat(segments.plug(end, end + 1)).isEqualTo(SegmentMap.INVALID);
        assertThat(segments.unplug(START + 1, 1)).as("it would make one more").isFalse();
        assertThat(segments.count()).isEqualTo(SegmentMap.BOOT_SEGMENTS);
        assertThat(segments.find(START + 1)).isEqualTo(segments.first());
        assertThatIllegalArgumentException().isThrownBy(() -> segments.plug(START, START + 1));
        assertThatIllegalArgumentException().isThrownBy(() -> segments.unplug(START, 4));
        assertThat(segments.unplug(START, 3)).isTrue();
        assertThat(segments.plug(end, end + 1)).isNotNegative();
        assertThat(segments.highestFrame()).isEqualTo(end);
    }

    @ParameterizedTest(name = "the init dance, no allocator: {0}")
    @EnumSource
    void shouldAllocateNothingDuringBoot(Structure structure) {
        // Once without: classes are loaded at their first use.
        boot(structure.booting());
        var segments = structure.booting();
        long before = THREADS.getCurrentThreadAllocatedBytes();
        int found = boot(segments);
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        assertThat(found).isEqualTo(10 * SegmentMap.BOOT_SEGMENTS);
        assertThat(allocated).as("bytes allocated").isZero();
    }

    private int boot(SegmentMap segments) {
        int found = 0;
        for (int round = 0; round < 10; round++) {
            for (int at = 0; at < SegmentMap.BOOT_SEGMENTS; at++) {
                segments.plug(START + 10L * at, START + 10L * at + 5);
                found += segments.find(START + 10L * at + 4, place) ? 1 : 0;
            }
            for (int at = 0; at < SegmentMap.BOOT_SEGMENTS; at++) {
                segments.unplug(START + 10L * at, 2);
                segments.unplug(START + 10L * at + 2, 3);
            }
        }
        return found;
    }

    @ParameterizedTest(name = "memory pressure: {0}")
    @EnumSource
    void shouldChangeNothingWhenThereIsNoMemory(Structure structure) {
        var segments = structure.create();
        long handle = segments.plug(START, START + 100);
        FailurePoint.arm("segment", 1);
        assertThat(segments.plug(START + 200, START + 300)).isEqualTo(SegmentMap.INVALID);
        assertThat(FailurePoint.disarm()).isEqualTo("segment");
        assertThat(segments.count()).isEqualTo(1);
        assertThat(segments.find(START + 200)).isEqualTo(SegmentMap.INVALID);
        for (long[] range : new long[][] {{0, 100}, {0, 10}, {90, 10}, {50, 1}}) {
            FailurePoint.arm("segment", 1);
            assertThat(segments.unplug(START + range[0], range[1])).isFalse();
            assertThat(FailurePoint.disarm()).isEqualTo("segment");
            assertThat(segments.count()).isEqualTo(1);
            assertThat(segments.start(handle)).isEqualTo(START);
            assertThat(segments.end(handle)).isEqualTo(START + 100);
            assertThat(segments.find(START + range[0])).isEqualTo(handle);
        }
        // The next attempt has what it needs.
        assertThat(segments.unplug(START + 50, 1)).isTrue();
        assertThat(segments.plug(START + 50, START + 51)).isNotNegative();
    }
}
