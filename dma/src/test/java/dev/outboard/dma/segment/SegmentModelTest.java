package dev.outboard.dma.segment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Random plugging and unplugging against a model, one thread, everything checked. */
final class SegmentModelTest {
    private static final int STEPS = 4000;
    private static final long SEED = Long.getLong("dev.outboard.seed", System.nanoTime());

    private final SegmentPlace place = new SegmentPlace();
    private final Random random = new Random(SEED);

    /** Where segments are put: within words, leaves and blocks of the directory, and across. */
    private record Arena(long start, int frames, int longest) {}

    private static final Arena[] ARENAS = {
        new Arena(1L << 20, 64, 8),
        new Arena((1L << 20) - 70, 300, 70),
        new Arena((5L << 20) - 5000, 12_000, 6000),
        new Arena(SegmentMap.END_FRAME - 100, 100, 20),
    };

    @ParameterizedTest
    @EnumSource
    void shouldAnswerAsTheModelDoes(Structure structure) {
        for (var arena : ARENAS) {
            churn(structure, arena);
        }
    }

    private void churn(Structure structure, Arena arena) {
        var segments = structure.create();
        var model = new SegmentModel();
        Set<Long> ended = new HashSet<>();
        boolean isSmall = arena.frames() <= 300;
        for (int step = 0; step < STEPS; step++) {
            long start = arena.start() + random.nextInt(arena.frames());
            long end =
                    Math.min(
                            start + 1 + random.nextInt(arena.longest()),
                            arena.start() + arena.frames());
            try {
                if (random.nextInt(5) < 2) {
                    plug(segments, model, structure, start, end);
                } else {
                    unplug(segments, model, structure, start, end, ended);
                }
                if (isSmall || step % 50 == 0) {
                    long last = arena.start() + arena.frames();
                    model.checkFrames(segments, arena.start(), last, place);
                    model.check(segments, place);
                    if (segments instanceof RedBlackSegments tree) {
                        tree.snapshot().requireBalanced();
                    }
                }
            } catch (AssertionError failure) {
                throw new AssertionError(
                        "seed=%d step=%d arena=%s".formatted(SEED, step, arena), failure);
            }
        }
        if (structure.keepsHandles()) {
            assertThat(ended).as("seed=%d", SEED).noneMatch(segments::valid);
        }
    }

    private void plug(
            SegmentMap segments, SegmentModel model, Structure structure, long start, long end) {
        if (!model.isFree(start, end)) {
            assertThatThrownBy(() -> segments.plug(start, end)).hasMessageContaining("overlap");
            return;
        }
        long availStart = start + random.nextInt((int) (end - start) + 1);
        long availEnd = availStart + random.nextInt((int) (end - availStart) + 1);
        int list = random.nextInt(3);
        long handle = segments.plug(start, end, availStart, availEnd, list);
        assertThat(handle).isNotNegative();
        var entry = new SegmentModel.Entry(handle, start, end, availStart, availEnd, list);
        if (structure.keepsHandles()) {
            assertThat(model.all()).noneMatch(other -> other.handle() == handle);
        }
        model.plug(entry);
        if (!structure.keepsHandles()) {
            model.rename(segments);
        }
    }

    private void unplug(
            SegmentMap segments,
            SegmentModel model,
            Structure structure,
            long from,
            long to,
            Set<Long> ended) {
        var entry = model.at(from);
        // Half of the time what is asked for is made to fit, at one of its sides or at both.
        int sides = random.nextInt(6);
        long start = entry != null && (sides & 1) != 0 ? entry.start() : from;
        long end = entry != null && sides > 1 ? Math.min(to, entry.end()) : to;
        long last = entry != null && sides == 5 ? entry.end() : end;
        if (entry == null || last > entry.end()) {
            assertThatThrownBy(() -> segments.unplug(start, last - start))
                    .hasMessageContaining("not all of one segment");
            return;
        }
        long handle = entry.handle();
        assertThat(segments.unplug(start, last - start)).isTrue();
        model.unplug(start, last, segments, structure.keepsHandles());
        if (start == entry.start() && last == entry.end()) {
            ended.add(handle);
        }
        if (structure.keepsHandles()) {
            assertThat(ended).doesNotContain(segments.find(last));
        }
    }
}
