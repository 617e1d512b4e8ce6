package dev.outboard.dma.segment;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.ref.WeakReference;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What was before a change is garbage when nobody looks at it any more. */
class SegmentGarbageTest {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);

    @Test
    void shouldKeepNoLeafOfTheDirectoryOfBefore() {
        var segments = new DirectorySegments();
        segments.plug(0, 100);
        segments.plug(2 * Leaf.FRAMES, 2 * Leaf.FRAMES + 100);
        segments.unplug(10, 1);
        var before = new WeakReference<>(((Directory) segments.snapshot()).blocks[0][0]);
        // In turn: each new leaf is made beside one that an earlier change made.
        for (int round = 1; round < 10; round++) {
            segments.unplug(2 * Leaf.FRAMES + 2 * round, 1);
            segments.unplug(10 + 2 * round, 1);
        }
        assertGone(before);
        assertThat(segments.count()).isEqualTo(21);
    }

    @Test
    void shouldKeepNothingOfTheTreeOfBefore() {
        var segments = new RedBlackSegments();
        segments.plug(0, 100);
        var before = new WeakReference<>(segments.snapshot());
        segments.unplug(10, 1);
        assertGone(before);
        assertThat(segments.count()).isEqualTo(2);
    }

    private static void assertGone(WeakReference<?> before) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (before.get() != null && System.nanoTime() < deadline) {
            System.gc();
        }
        assertThat(before.get()).isNull();
    }
}
