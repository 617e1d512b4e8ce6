package dev.outboard.dma.segment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Plugging and unplugging, as the paper names it, on each structure; and what is refused. */
final class SegmentPlugTest {
    private static final long START = 1L << 20;
    private static final long END = START + 256;

    private final SegmentPlace place = new SegmentPlace();

    private static void assertMissing(SegmentMap segments, long... frames) {
        for (long frame : frames) {
            assertThat(segments.find(frame)).as("frame %#x", frame).isEqualTo(SegmentMap.INVALID);
            assertThat(segments.find(frame, new SegmentPlace())).isFalse();
        }
    }

    private static void assertRange(SegmentMap segments, long handle, long start, long end) {
        assertThat(segments.valid(handle)).isTrue();
        assertThat(segments.start(handle)).isEqualTo(start);
        assertThat(segments.end(handle)).isEqualTo(end);
        assertThat(segments.find(start)).isEqualTo(handle);
        assertThat(segments.find(end - 1)).isEqualTo(handle);
    }

    @ParameterizedTest(name = "uvm_physseg_init: {0}")
    @EnumSource
    void shouldBeginWithNothing(Structure structure) {
        var segments = structure.create();
        assertThat(segments.count()).isZero();
        assertThat(segments.first()).isEqualTo(SegmentMap.EMPTY);
        assertThat(segments.last()).isEqualTo(SegmentMap.EMPTY);
        assertThat(segments.highestFrame()).isEqualTo(SegmentMap.INVALID);
        assertMissing(segments, 0, START, SegmentMap.END_FRAME - 1);
    }

    @ParameterizedTest(name = "uvm_physseg_plug: {0}")
    @EnumSource
    void shouldPlug(Structure structure) {
        var segments = structure.create();
        long handle = segments.plug(START, END, START + 8, END - 8, 3);
        assertRange(segments, handle, START, END);
        assertThat(segments.availStart(handle)).isEqualTo(START + 8);
        assertThat(segments.availEnd(handle)).isEqualTo(END - 8);
        assertThat(segments.freeList(handle)).isEqualTo(3);
        assertThat(segments.count()).isEqualTo(1);
        assertMissing(segments, START - 1, END);
    }

    @ParameterizedTest(name = "uvm_physseg_plug, out of order: {0}")
    @EnumSource
    void shouldPlugBelowAndBetween(Structure structure) {
        var segments = structure.create();
        segments.plug(START + 200, START + 300);
        segments.plug(START, START + 100);
        // Neighbours on both sides, which stay apart.
        long between = segments.plug(START + 100, START + 200);
        assertRange(segments, between, START + 100, START + 200);
        assertThat(segments.count()).isEqualTo(3);
        assertThat(segments.find(START + 99)).isEqualTo(segments.first());
        assertThat(segments.find(START + 200)).isEqualTo(segments.last());
    }

    @ParameterizedTest(name = "uvm_physseg_plug, refused: {0}")
    @EnumSource
    void shouldRefuseToPlugOverASegment(Structure structure) {
        var segments = structure.create();
        long handle = segments.plug(START, END);
        refusePlug(segments, START, END, "overlap");
        refusePlug(segments, START - 1, START + 1, "overlap");
        refusePlug(segments, END - 1, END + 1, "overlap");
        refusePlug(segments, START + 1, START + 2, "overlap");
        refusePlug(segments, START - 1, END + 1, "overlap");
        assertRange(segments, handle, START, END);
        assertThat(segments.count()).isEqualTo(1);
    }

    @ParameterizedTest(name = "uvm_physseg_plug, no range: {0}")
    @EnumSource
    void shouldRefuseToPlugWhatIsNoRange(Structure structure) {
        var segments = structure.create();
        refusePlug(segments, START, START, "no range");
        refusePlug(segments, START + 1, START, "no range");
        refusePlug(segments, -1, 1, "no range");
        refusePlug(segments, 0, SegmentMap.END_FRAME + 1, "no range");
        refusePlug(segments, Long.MAX_VALUE, Long.MIN_VALUE, "no range");
        refuseAvail(segments, START - 1, END);
        refuseAvail(segments, START, END + 1);
        refuseAvail(segments, START + 2, START + 1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> segments.plug(START, END, START, END, -1))
                .withMessageContaining("freeList=-1");
        assertThat(segments.count()).isZero();
    }

    private static void refusePlug(SegmentMap segments, long start, long end, String complaint) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> segments.plug(start, end))
                .withMessageContaining(complaint);
    }

    private static void refuseAvail(SegmentMap segments, long from, long to) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> segments.plug(START, END, from, to, 0))
                .withMessageContaining("is not within");
    }

    @ParameterizedTest(name = "uvm_physseg_unplug, all: {0}")
    @EnumSource
    void shouldUnplugAll(Structure structure) {
        var segments = structure.create();
        long handle = segments.plug(START, END);
        assertThat(segments.unplug(START, END - START)).isTrue();
        assertThat(segments.valid(handle)).isFalse();
        assertThat(segments.count()).isZero();
        assertThat(segments.first()).isEqualTo(SegmentMap.EMPTY);
        assertMissing(segments, START, END - 1);
    }

    @ParameterizedTest(name = "uvm_physseg_unplug, start: {0}")
    @EnumSource
    void shouldUnplugTheStart(Structure structure) {
        for (int frames : new int[] {1, 8, 63, 64, 65, 255}) {
            var segments = structure.create();
            long handle = segments.plug(START, END, START + 4, END, 1);
            assertThat(segments.unplug(START, frames)).isTrue();
            assertRange(segments, handle, START + frames, END);
            assertThat(segments.availStart(handle)).isEqualTo(START + Math.max(4, frames));
            assertThat(segments.availEnd(handle)).isEqualTo(END);
            assertThat(segments.count()).isEqualTo(1);
            assertMissing(segments, START, START + frames - 1);
        }
    }

    @ParameterizedTest(name = "uvm_physseg_unplug, end: {0}")
    @EnumSource
    void shouldUnplugTheEnd(Structure structure) {
        for (int frames : new int[] {1, 8, 63, 64, 65, 255}) {
            var segments = structure.create();
            long handle = segments.plug(START, END, START, END - 4, 1);
            assertThat(segments.unplug(END - frames, frames)).isTrue();
            assertRange(segments, handle, START, END - frames);
            assertThat(segments.availStart(handle)).isEqualTo(START);
            assertThat(segments.availEnd(handle)).isEqualTo(END - Math.max(4, frames));
            assertThat(segments.highestFrame()).isEqualTo(END - frames - 1);
            assertMissing(segments, END - 1, END - frames);
        }
    }

    @ParameterizedTest(name = "uvm_physseg_unplug, middle: {0}")
    @EnumSource
    void shouldUnplugTheMiddle(Structure structure) {
        for (int frames : new int[] {1, 8, 64, 100}) {
            var segments = structure.create();
            long lower = segments.plug(START, END, START + 1, END - 1, 2);
            assertThat(segments.unplug(START + 30, frames)).isTrue();
            assertThat(segments.count()).isEqualTo(2);
            assertRange(segments, lower, START, START + 30);
            long upper = segments.next(lower);
            assertThat(upper).isNotEqualTo(lower);
            assertRange(segments, upper, START + 30 + frames, END);
            assertThat(segments.availStart(lower)).isEqualTo(START + 1);
            assertThat(segments.availEnd(lower)).isEqualTo(START + 30);
            assertThat(segments.availStart(upper)).isEqualTo(START + 30 + frames);
            assertThat(segments.availEnd(upper)).isEqualTo(END - 1);
            assertThat(segments.freeList(upper)).isEqualTo(2);
            assertMissing(segments, START + 30, START + 30 + frames - 1);
        }
    }

    @ParameterizedTest(name = "uvm_physseg_unplug, of 60 GiB: {0}")
    @EnumSource
    void shouldUnplugTheMiddleOfALargeSegment(Structure structure) {
        var segments = structure.create();
        long end = START + (15L << 20);
        long lower = segments.plug(START, end);
        long hole = START + (7L << 20) + 12_345;
        assertThat(segments.unplug(hole, 1)).isTrue();
        assertRange(segments, lower, START, hole);
        long upper = segments.last();
        assertRange(segments, upper, hole + 1, end);
        for (long frame = START; frame < end; frame += 997) {
            assertThat(segments.find(frame)).isEqualTo(frame < hole ? lower : upper);
        }
        assertThat(segments.unplug(START, hole - START)).isTrue();
        assertThat(segments.find(end - 1)).isEqualTo(segments.first());
        assertMissing(segments, START, hole - 1, hole);
    }

    @ParameterizedTest(name = "uvm_physseg_unplug, refused: {0}")
    @EnumSource
    void shouldRefuseToUnplugWhatIsNotOfOneSegment(Structure structure) {
        var segments = structure.create();
        long lower = segments.plug(START, START + 100);
        segments.plug(START + 100, START + 200);
        refuseUnplug(segments, START - 1, 2, "not all of one segment");
        refuseUnplug(segments, START + 99, 2, "not all of one segment");
        refuseUnplug(segments, START + 199, 2, "not all of one segment");
        refuseUnplug(segments, START + 300, 1, "not all of one segment");
        refuseUnplug(segments, START, 0, "no range");
        refuseUnplug(segments, START, -1, "no range");
        refuseUnplug(segments, START, Long.MAX_VALUE, "no range");
        refuseUnplug(segments, Long.MAX_VALUE, 1, "no range");
        assertThat(segments.unplug(START + 50, 10)).isTrue();
        refuseUnplug(segments, START + 49, 12, "not all of one segment");
        refuseUnplug(segments, START + 50, 10, "not all of one segment");
        assertRange(segments, lower, START, START + 50);
        assertThat(segments.count()).isEqualTo(3);
    }

    private static void refuseUnplug(
            SegmentMap segments, long start, long frames, String complaint) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> segments.unplug(start, frames))
                .withMessageContaining(complaint);
    }

    @ParameterizedTest(name = "uvm_physseg_find: {0}")
    @EnumSource
    void shouldFindASegmentAndTheOffsetInIt(Structure structure) {
        var segments = structure.create();
        segments.plug(START, START + 10);
        segments.plug(START + 100, START + 110);
        assertThat(segments.find(START + 105, place)).isTrue();
        assertThat(place.handle()).isEqualTo(segments.last());
        assertThat(place.startFrame()).isEqualTo(START + 100);
        assertThat(place.endFrame()).isEqualTo(START + 110);
        assertThat(place.offsetFrames()).isEqualTo(5);
        // What is not found changes nothing.
        assertThat(segments.find(START + 50, place)).isFalse();
        assertThat(place.offsetFrames()).isEqualTo(5);
    }

    @ParameterizedTest(name = "uvm_physseg_find, any number: {0}")
    @EnumSource
    void shouldFindNothingAtANumberThatIsNoFrame(Structure structure) {
        var segments = structure.create();
        segments.plug(0, 1);
        segments.plug(SegmentMap.END_FRAME - 1, SegmentMap.END_FRAME);
        assertMissing(
                segments,
                -1,
                1,
                SegmentMap.END_FRAME,
                SegmentMap.END_FRAME - 2,
                Long.MIN_VALUE,
                Long.MAX_VALUE,
                1L << 52,
                -1L << 40);
        assertThat(segments.find(0)).isEqualTo(segments.first());
        assertThat(segments.find(SegmentMap.END_FRAME - 1)).isEqualTo(segments.last());
    }

    @ParameterizedTest(name = "uvm_physseg_valid: {0}")
    @EnumSource
    void shouldKnowNoHandleThatItDidNotGive(Structure structure) {
        var segments = structure.create();
        long handle = segments.plug(START, END);
        long[] strange = {
            SegmentMap.INVALID,
            SegmentMap.EMPTY,
            SegmentMap.OVERFLOW,
            handle + 1,
            handle + 64,
            handle + (1L << 40),
            Long.MAX_VALUE,
            Long.MIN_VALUE
        };
        for (long other : strange) {
            assertThat(segments.valid(other)).as("handle %d", other).isFalse();
            assertThat(segments.start(other)).isEqualTo(SegmentMap.INVALID);
            assertThat(segments.end(other)).isEqualTo(SegmentMap.INVALID);
            assertThat(segments.availStart(other)).isEqualTo(SegmentMap.INVALID);
            assertThat(segments.availEnd(other)).isEqualTo(SegmentMap.INVALID);
            assertThat(segments.freeList(other)).isEqualTo(SegmentMap.INVALID);
            assertThat(segments.startHint(other)).isEqualTo(SegmentMap.INVALID);
            assertThat(segments.setStartHint(other, START)).isFalse();
            assertThat(segments.next(other)).isEqualTo(SegmentMap.INVALID);
            assertThat(segments.prev(other)).isEqualTo(SegmentMap.INVALID);
            assertThat(segments.segment(other, place)).isFalse();
        }
    }
}
