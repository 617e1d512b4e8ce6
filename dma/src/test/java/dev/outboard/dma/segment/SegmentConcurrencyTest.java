package dev.outboard.dma.segment;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * 10 million plug, unplug and find operations from several threads, each against its own model of
 * what only it changes; and a thread that only looks, and knows what may never be seen. A quarter
 * of that on the structures that are there to compare with.
 */
final class SegmentConcurrencyTest {
    private static final long SEED = Long.getLong("dev.outboard.seed", System.nanoTime());
    private static final int OPERATIONS = 10_000_000;
    private static final int OTHER_OPERATIONS = OPERATIONS / 4;
    private static final int WRITERS = 4;

    /** Across the border of two words, leaves and blocks of the directory. */
    private static final long FIRST = (3L << 20) - 40 * SegmentStrips.STRIP * WRITERS;

    private static final int STRIPS = 80;

    @ParameterizedTest
    @EnumSource
    void shouldNeverAnswerWrongWhileOthersChange(Structure structure) throws Exception {
        int steps = (structure == Structure.DIRECTORY ? OPERATIONS : OTHER_OPERATIONS) / WRITERS;
        var segments = structure.create();
        var arena =
                new SegmentStrips.Arena(segments, structure.keepsHandles(), FIRST, STRIPS, WRITERS);
        List<SegmentStrips> strips = new ArrayList<>();
        for (int writer = 0; writer < WRITERS; writer++) {
            strips.add(new SegmentStrips(arena, writer, SEED + writer));
        }
        var writing = new AtomicInteger(WRITERS);
        List<Callable<Long>> work = new ArrayList<>();
        for (var mine : strips) {
            work.add(() -> change(mine, steps, writing));
        }
        work.add(() -> look(arena, writing));
        long operations = 0;
        try (var threads = Executors.newFixedThreadPool(work.size())) {
            for (var done : threads.invokeAll(work)) {
                operations += done.get();
            }
        } catch (ExecutionException failure) {
            throw new AssertionError("seed=" + SEED, failure.getCause());
        }
        assertThat(operations).isGreaterThanOrEqualTo((long) steps * WRITERS);
        strips.forEach(SegmentStrips::compareAll);
    }

    private static long change(SegmentStrips strips, int steps, AtomicInteger writing) {
        try {
            for (int step = 0; step < steps; step++) {
                strips.step();
            }
            return steps;
        } finally {
            writing.decrementAndGet();
        }
    }

    /** What holds of every frame at every moment. */
    private static long look(SegmentStrips.Arena arena, AtomicInteger writing) {
        var random = new Random(SEED - 1);
        var place = new SegmentPlace();
        int frames = (int) (arena.endFrame() - arena.firstFrame());
        var stays = new long[frames];
        long looked = 0;
        for (; writing.get() > 0; looked++) {
            int at = random.nextInt(frames);
            long frame = arena.firstFrame() + at;
            boolean isFound = arena.segments().find(frame, place);
            if (isFound) {
                requirePlace(arena, frame, place);
            }
            long handle = arena.segments().find(frame);
            if (SegmentStrips.stays(arena, frame)) {
                require(isFound && handle >= 0, frame, "stays and was not found");
                require(place.endFrame() - place.startFrame() == 1, frame, "is alone");
                if (arena.keepsHandles()) {
                    require(stays[at] == 0 || stays[at] == handle, frame, "has another handle");
                    stays[at] = handle;
                }
            }
            if (SegmentStrips.isNeverThere(arena, frame)) {
                require(!isFound && handle == SegmentMap.INVALID, frame, "is not there");
            }
            if (looked % 1024 == 0) {
                walk(arena, place);
            }
        }
        return looked;
    }

    private static void requirePlace(SegmentStrips.Arena arena, long frame, SegmentPlace place) {
        long strip = (frame - arena.firstFrame()) / SegmentStrips.STRIP;
        long stripStart = arena.firstFrame() + strip * SegmentStrips.STRIP;
        require(place.offsetFrames() == frame - place.startFrame(), frame, "has another offset");
        require(
                place.startFrame() >= stripStart
                        && place.startFrame() <= frame
                        && place.endFrame() > frame
                        && place.endFrame() <= stripStart + SegmentStrips.STRIP,
                frame,
                "is found in %#x to %#x".formatted(place.startFrame(), place.endFrame()));
    }

    /** From segment to segment: the frames rise, whatever comes and goes meanwhile. */
    private static void walk(SegmentStrips.Arena arena, SegmentPlace place) {
        if (!arena.keepsHandles()) {
            return;
        }
        long last = -1;
        for (long handle = arena.segments().first();
                handle != SegmentMap.OVERFLOW;
                handle = arena.segments().next(handle)) {
            if (!arena.segments().segment(handle, place)) {
                // It ended while we looked.
                return;
            }
            require(
                    place.startFrame() > last,
                    place.startFrame(),
                    "comes after %#x".formatted(last));
            require(place.endFrame() > place.startFrame(), place.startFrame(), "is empty");
            last = place.startFrame();
        }
    }

    private static void require(boolean holds, long frame, String complaint) {
        if (!holds) {
            throw new AssertionError("frame %#x %s".formatted(frame, complaint));
        }
    }
}
