package dev.outboard.dma.segment;

import java.util.Arrays;
import java.util.Random;

/**
 * What one of several threads plugs and unplugs: its strips of frames, between those of the others,
 * in the same words. Nobody else changes them, so every answer about them is known.
 *
 * <pre>
 *   word of 64 frames, 4 threads:  | 0: 14 frames, p | 1: 14 frames, p | 2: … | 3: … |
 *                                                  ▲ never unplugged       ▲ a frame between
 * </pre>
 */
final class SegmentStrips {
    static final int STRIP = 16;

    /** What is plugged and unplugged; after it a frame that stays, and one that is never there. */
    private static final int USED = 14;

    private static final int NOBODY = -1;

    private final SegmentMap segments;
    private final boolean keepsHandles;
    private final long firstFrame;
    private final int strips;
    private final int threads;
    private final int mine;
    private final Random random;
    private final SegmentPlace place = new SegmentPlace();

    /** For each frame of each strip: the start and end of its segment in the strip, its handle. */
    private final int[] starts;

    private final int[] ends;
    private final long[] handles;

    SegmentStrips(Arena arena, int mine, long seed) {
        segments = arena.segments();
        keepsHandles = arena.keepsHandles();
        firstFrame = arena.firstFrame();
        strips = arena.strips();
        threads = arena.threads();
        this.mine = mine;
        random = new Random(seed);
        starts = new int[strips * STRIP];
        ends = new int[strips * STRIP];
        handles = new long[strips * STRIP];
        Arrays.fill(starts, NOBODY);
        for (int strip = 0; strip < strips; strip++) {
            long stays = frame(strip, USED);
            set(strip, USED, USED + 1, segments.plug(stays, stays + 1));
        }
    }

    /** What all of the threads share. */
    record Arena(
            SegmentMap segments, boolean keepsHandles, long firstFrame, int strips, int threads) {
        long endFrame() {
            return firstFrame + (long) strips * threads * STRIP;
        }
    }

    private long frame(int strip, int at) {
        return firstFrame + ((long) strip * threads + mine) * STRIP + at;
    }

    /** Whether a frame of the arena is one that stays. */
    static boolean stays(Arena arena, long frame) {
        return (frame - arena.firstFrame()) % STRIP == USED;
    }

    /** Whether a frame of the arena is never there. */
    static boolean isNeverThere(Arena arena, long frame) {
        return (frame - arena.firstFrame()) % STRIP == USED + 1;
    }

    private void set(int strip, int from, int to, long handle) {
        for (int at = from; at < to; at++) {
            starts[strip * STRIP + at] = from;
            ends[strip * STRIP + at] = to;
            handles[strip * STRIP + at] = handle;
        }
    }

    /** Plugs, unplugs or looks up, and compares. */
    void step() {
        int strip = random.nextInt(strips);
        int at = random.nextInt(USED);
        int what = random.nextInt(8);
        boolean isThere = starts[strip * STRIP + at] != NOBODY;
        if (what == 0 && !isThere) {
            plug(strip, at);
        } else if (what == 0) {
            unplug(strip, at);
        } else {
            compare(strip, random.nextInt(STRIP));
        }
    }

    private void plug(int strip, int at) {
        int to = at + 1;
        int most = at + 1 + random.nextInt(USED);
        while (to < USED && to < most && starts[strip * STRIP + to] == NOBODY) {
            to++;
        }
        long handle = segments.plug(frame(strip, at), frame(strip, to));
        require(handle >= 0, strip, at, "plugged");
        set(strip, at, to, handle);
        compare(strip, at);
    }

    private void unplug(int strip, int from) {
        int start = starts[strip * STRIP + from];
        int end = ends[strip * STRIP + from];
        long handle = handles[strip * STRIP + from];
        int first = random.nextBoolean() ? start : from;
        int to = first + 1 + random.nextInt(end - first);
        require(segments.unplug(frame(strip, first), to - first), strip, from, "unplugged");
        Arrays.fill(starts, strip * STRIP + first, strip * STRIP + to, NOBODY);
        set(strip, start, first, handle);
        if (to < end) {
            set(strip, to, end, first == start ? handle : segments.find(frame(strip, to)));
        }
        require(
                first > start || to < end || !keepsHandles || !segments.valid(handle),
                strip,
                from,
                "its handle ended");
        compare(strip, from);
        compare(strip, Math.max(0, first - 1));
        compare(strip, Math.min(USED, to));
    }

    private void compare(int strip, int at) {
        int start = starts[strip * STRIP + at];
        boolean isFound = segments.find(frame(strip, at), place);
        require(isFound == (start != NOBODY), strip, at, "found as it should be");
        long handle = segments.find(frame(strip, at));
        require(handle >= 0 == isFound, strip, at, "told by its handle as well");
        if (!isFound) {
            return;
        }
        require(place.startFrame() == frame(strip, start), strip, at, "starts");
        require(place.endFrame() == frame(strip, ends[strip * STRIP + at]), strip, at, "ends");
        require(place.offsetFrames() == at - start, strip, at, "the offset");
        if (keepsHandles) {
            long expected = handles[strip * STRIP + at];
            require(handle == expected && place.handle() == expected, strip, at, "the handle");
            require(segments.start(handle) == frame(strip, start), strip, at, "by its handle");
        }
    }

    /** Everything, at the end. */
    void compareAll() {
        for (int at = 0; at < strips * STRIP; at++) {
            compare(at / STRIP, at % STRIP);
        }
    }

    private void require(boolean holds, int strip, int at, String what) {
        if (!holds) {
            throw new AssertionError(
                    "frame %#x is not %s: thread=%d, should be %d to %d of strip %d"
                            .formatted(
                                    frame(strip, at),
                                    what,
                                    mine,
                                    starts[strip * STRIP + at],
                                    ends[strip * STRIP + at],
                                    strip));
        }
    }
}
