package dev.outboard.dma.segment;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Handles, and what is asked by them, as the paper names it, on each structure. */
final class SegmentHandleTest {
    private static final long START = 1L << 20;

    /** Plugs in order, or the upper half first, as the paper's test that found the array out. */
    private static SegmentMap four(Structure structure, boolean inOrder) {
        var segments = structure.create();
        int[] order = inOrder ? new int[] {0, 1, 2, 3} : new int[] {2, 0, 3, 1};
        for (int at : order) {
            segments.plug(START + 256L * at, START + 256L * at + 128);
        }
        return segments;
    }

    @ParameterizedTest(name = "uvm_physseg_get_first, get_last: {0}")
    @EnumSource
    void shouldGetFirstAndLast(Structure structure) {
        for (boolean inOrder : new boolean[] {true, false}) {
            var segments = four(structure, inOrder);
            assertThat(segments.start(segments.first())).isEqualTo(START);
            assertThat(segments.start(segments.last())).isEqualTo(START + 768);
        }
    }

    @ParameterizedTest(name = "uvm_physseg_get_next: {0}")
    @EnumSource
    void shouldGetNext(Structure structure) {
        for (boolean inOrder : new boolean[] {true, false}) {
            var segments = four(structure, inOrder);
            long handle = segments.first();
            for (int at = 0; at < 4; at++) {
                assertThat(segments.start(handle)).isEqualTo(START + 256L * at);
                handle = segments.next(handle);
            }
            assertThat(handle).isEqualTo(SegmentMap.OVERFLOW);
            assertThat(segments.next(handle)).isEqualTo(SegmentMap.INVALID);
        }
    }

    @ParameterizedTest(name = "uvm_physseg_get_prev: {0}")
    @EnumSource
    void shouldGetPrev(Structure structure) {
        for (boolean inOrder : new boolean[] {true, false}) {
            var segments = four(structure, inOrder);
            long handle = segments.last();
            for (int at = 3; at >= 0; at--) {
                assertThat(segments.start(handle)).isEqualTo(START + 256L * at);
                handle = segments.prev(handle);
            }
            assertThat(handle).isEqualTo(SegmentMap.EMPTY);
            assertThat(segments.prev(handle)).isEqualTo(SegmentMap.INVALID);
        }
    }

    @ParameterizedTest(name = "uvm_physseg_get_next, far apart: {0}")
    @EnumSource
    void shouldGetNextAndPrevAcrossLargeHoles(Structure structure) {
        var segments = structure.create();
        long far = START + (1L << 30) + 12_345;
        long low = segments.plug(START + 4095, START + 4096);
        long high = segments.plug(far, far + 1);
        assertThat(segments.next(low)).isEqualTo(high);
        assertThat(segments.prev(high)).isEqualTo(low);
        assertThat(segments.find(far - 1)).isEqualTo(SegmentMap.INVALID);
        assertThat(segments.unplug(START + 4095, 1)).isTrue();
        assertThat(segments.start(segments.first())).isEqualTo(far);
        assertThat(segments.find(far)).isEqualTo(segments.first());
        assertThat(segments.prev(segments.first())).isEqualTo(SegmentMap.EMPTY);
    }

    @ParameterizedTest(name = "uvm_physseg_get_start_hint, set_start_hint: {0}")
    @EnumSource
    void shouldRememberTheStartHint(Structure structure) {
        var segments = structure.create();
        long handle = segments.plug(START, START + 100, START + 10, START + 90, 0);
        assertThat(segments.startHint(handle)).isEqualTo(START + 10);
        assertThat(segments.setStartHint(handle, START + 40)).isTrue();
        assertThat(segments.startHint(handle)).isEqualTo(START + 40);
        // It goes with the segment, as far as there is one.
        segments.unplug(START + 80, 20);
        assertThat(segments.startHint(handle)).isEqualTo(START + 40);
        segments.unplug(START + 30, 50);
        assertThat(segments.startHint(handle)).isEqualTo(START + 30);
        segments.unplug(START, 5);
        assertThat(segments.setStartHint(handle, START)).isTrue();
        assertThat(segments.startHint(handle)).isEqualTo(START + 5);
    }

    @ParameterizedTest(name = "uvm_physseg_get_highest_frame: {0}")
    @EnumSource
    void shouldKnowTheHighestFrame(Structure structure) {
        var segments = four(structure, false);
        assertThat(segments.highestFrame()).isEqualTo(START + 768 + 127);
        segments.unplug(START + 768 + 64, 64);
        assertThat(segments.highestFrame()).isEqualTo(START + 768 + 63);
        segments.unplug(START + 768, 64);
        assertThat(segments.highestFrame()).isEqualTo(START + 512 + 127);
    }

    @ParameterizedTest(name = "uvm_physseg_handle_immutable: {0}")
    @EnumSource
    void shouldKeepAHandleWhileItsSegmentLives(Structure structure) {
        var segments = structure.create();
        long upper = segments.plug(START + 256, START + 512);
        segments.plug(START, START + 256);
        // By design, the array fails: its handle is an index, and the index is another's now.
        boolean isImmutable = segments.start(upper) == START + 256;
        assertThat(isImmutable).isEqualTo(structure.keepsHandles());
        assertThat(structure.keepsHandles()).isEqualTo(structure != Structure.SORTED_ARRAY);
    }

    @ParameterizedTest(name = "uvm_physseg_handle_immutable, whatever happens: {0}")
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "SORTED_ARRAY")
    void shouldKeepAHandleWhateverHappensAroundIt(Structure structure) {
        var segments = structure.create();
        long handle = segments.plug(START + 100, START + 200);
        segments.unplug(START + 100, 5);
        segments.unplug(START + 150, 20);
        segments.unplug(START + 140, 10);
        // Where it was born, and where it ended, are others now.
        long below = segments.plug(START + 100, START + 105);
        long above = segments.plug(START + 140, START + 141);
        assertThat(segments.start(handle)).isEqualTo(START + 105);
        assertThat(segments.end(handle)).isEqualTo(START + 140);
        assertThat(segments.find(START + 105)).isEqualTo(handle);
        assertThat(segments.find(START + 139)).isEqualTo(handle);
        assertThat(segments.find(START + 104)).isEqualTo(below).isNotEqualTo(handle);
        assertThat(segments.find(START + 140)).isEqualTo(above).isNotEqualTo(handle);
    }

    @ParameterizedTest(name = "uvm_physseg_handle_immutable, ended: {0}")
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "SORTED_ARRAY")
    void shouldNeverGiveAHandleAgain(Structure structure) {
        var segments = structure.create();
        Set<Long> given = new HashSet<>();
        long neighbour = segments.plug(START + 1, START + 2);
        long ended = segments.plug(START, START + 1);
        given.add(neighbour);
        given.add(ended);
        for (int round = 0; round < 1000; round++) {
            segments.unplug(START, 1);
            assertThat(segments.valid(ended)).isFalse();
            // The neighbour goes, too, from time to time: the word is empty then.
            if (round % 10 == 0) {
                segments.unplug(START + 1, 1);
                neighbour = segments.plug(START + 1, START + 2);
                assertThat(given.add(neighbour)).as("given=%d twice", neighbour).isTrue();
            }
            ended = segments.plug(START, START + 1);
            assertThat(given.add(ended)).as("given=%d twice", ended).isTrue();
            assertThat(segments.find(START)).isEqualTo(ended);
            assertThat(segments.find(START + 1)).isEqualTo(neighbour);
        }
    }
}
