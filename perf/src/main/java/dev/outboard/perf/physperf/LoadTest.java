package dev.outboard.perf.physperf;

import dev.outboard.dma.segment.SegmentMap;
import dev.outboard.host.cli.UsageException;
import java.util.ArrayList;
import java.util.List;

/**
 * A test of the paper: so many look-ups in segments of this shape.
 *
 * @param frames they have, holes included
 * @param isFragmented every 8th frame was unplugged from one segment, from the 8th on; or the
 *     frames are of segments of 8
 */
record LoadTest(String name, int lookups, long frames, boolean isFragmented) {
    /** The largest that is not fragmented. */
    static final String LARGEST = "100M";

    /** The least and the most fragmented. */
    static final String LEAST = "1MiB";

    static final String MOST = "4GiB";

    private static final int STEP = 8;
    private static final int SEGMENTS = 32;
    private static final int FRAMES_A_MIB = 256;
    private static final int FRAGMENTED_LOOKUPS = 10_000_000;
    private static final int QUICK_LOOKUPS = 2_000_000;

    /** All of them. */
    static List<LoadTest> all(boolean isQuick) {
        var tests = new ArrayList<LoadTest>();
        int lookups = 100;
        for (var name : List.of("100", "1K", "10K", "100K", "1M", "10M", LARGEST)) {
            tests.add(new LoadTest(name, lookups, SEGMENTS * STEP, false));
            lookups *= 10;
        }
        lookups = isQuick ? QUICK_LOOKUPS : FRAGMENTED_LOOKUPS;
        int[] mib = {1, 64, 128, 256, 4096};
        var names = List.of(LEAST, "64MiB", "128MiB", "256MiB", MOST);
        for (int i = 0; i < mib.length; i++) {
            tests.add(new LoadTest(names.get(i), lookups, (long) FRAMES_A_MIB * mib[i], true));
        }
        return tests;
    }

    /** The test of a name. */
    static LoadTest named(String name, boolean isQuick) {
        for (var test : all(isQuick)) {
            if (test.name.equalsIgnoreCase(name)) {
                return test;
            }
        }
        throw new UsageException(
                "--test %s: take %s"
                        .formatted(
                                name,
                                String.join(
                                        ", ", all(false).stream().map(LoadTest::name).toList())));
    }

    /** How many segments it has. */
    long segments() {
        return isFragmented ? (frames + STEP - 1) / STEP : SEGMENTS;
    }

    /** Whether it looks up in the same segments. */
    boolean hasShapeOf(LoadTest other) {
        return other != null && frames == other.frames && isFragmented == other.isFragmented;
    }

    /**
     * Plugs the segments, and unplugs.
     *
     * @return whether all of them found room
     */
    boolean fill(SegmentMap map) {
        long first = Loop.FIRST_FRAME;
        boolean fits = true;
        if (!isFragmented) {
            for (int at = 0; at < SEGMENTS && fits; at++) {
                fits = map.plug(first + at * STEP, first + (at + 1) * STEP) >= 0;
            }
        } else {
            fits = map.plug(first, first + frames) >= 0;
            for (long at = STEP; at < frames && fits; at += STEP) {
                fits = map.unplug(first + at, 1);
            }
        }
        map.memoryUp();
        return fits;
    }
}
