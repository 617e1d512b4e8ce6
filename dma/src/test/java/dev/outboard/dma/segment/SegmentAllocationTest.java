package dev.outboard.dma.segment;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Looking up, and everything that is asked by handle, allocates nothing. */
final class SegmentAllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final long START = 1L << 20;
    private static final int ROUNDS = 20_000;

    @ParameterizedTest
    @EnumSource
    void shouldAllocateNothing(Structure structure) {
        var segments = structure.create();
        segments.plug(START, START + ROUNDS);
        for (int at = 1; at < 1000; at++) {
            segments.unplug(START + 8 * at, 1);
            if (at % 3 == 0) {
                // Born again, beside one that lives: looked up by its row.
                segments.plug(START + 8 * at, START + 8 * at + 1);
            }
        }
        var place = new SegmentPlace();
        look(segments, place);
        long before = THREADS.getCurrentThreadAllocatedBytes();
        long seen = look(segments, place);
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        assertThat(seen).isPositive();
        // Less than a byte in ten rounds: what the measurement itself may cost.
        assertThat(allocated).as("bytes allocated").isLessThan(ROUNDS / 10);
    }

    private static long look(SegmentMap segments, SegmentPlace place) {
        long seen = 0;
        for (int round = 0; round < ROUNDS; round++) {
            long handle = segments.find(START + round);
            seen += segments.find(START + round, place) ? place.offsetFrames() : 0;
            seen += segments.valid(handle) ? segments.start(handle) - segments.end(handle) : 0;
            seen += segments.next(handle) + segments.prev(handle);
            seen += segments.setStartHint(handle, START + round) ? segments.startHint(handle) : 0;
            seen += segments.segment(handle, place) ? 1 : 0;
            seen += segments.first() + segments.last() + segments.highestFrame();
        }
        return seen;
    }
}
