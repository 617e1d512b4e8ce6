package dev.outboard.perf.physperf;

import dev.outboard.dma.segment.DirectorySegments;
import dev.outboard.dma.segment.RedBlackSegments;
import dev.outboard.dma.segment.SegmentMap;
import dev.outboard.dma.segment.SortedArraySegments;

/**
 * What is timed: so many frames, drawn and looked up. The same lines for each structure, so that
 * each is compiled for itself, with the class it calls known. One thread.
 */
sealed interface Loop {
    /** Where the segments of all tests start. */
    long FIRST_FRAME = 1L << 20;

    /**
     * Draws frames and looks each up.
     *
     * @param frames to draw from, from {@link #FIRST_FRAME} on
     * @return something that depends on every look-up
     */
    long run(int lookups, long seed, long frames);

    /** Drawing alone. */
    final class OfNothing implements Loop {
        @Override
        public long run(int lookups, long seed, long frames) {
            long sum = 0;
            long state = seed;
            for (int i = 0; i < lookups; i++) {
                state += Draw.STEP;
                sum += FIRST_FRAME + Draw.below(frames, state);
            }
            return sum;
        }
    }

    /** In a sorted array. */
    final class OfSortedArray implements Loop {
        private final SortedArraySegments segments;

        OfSortedArray(SortedArraySegments segments) {
            this.segments = segments;
        }

        @Override
        public long run(int lookups, long seed, long frames) {
            long sum = 0;
            long state = seed;
            for (int i = 0; i < lookups; i++) {
                state += Draw.STEP;
                sum += segments.find(FIRST_FRAME + Draw.below(frames, state));
            }
            return sum;
        }
    }

    /** In a red-black tree. */
    final class OfRedBlack implements Loop {
        private final RedBlackSegments segments;

        OfRedBlack(RedBlackSegments segments) {
            this.segments = segments;
        }

        @Override
        public long run(int lookups, long seed, long frames) {
            long sum = 0;
            long state = seed;
            for (int i = 0; i < lookups; i++) {
                state += Draw.STEP;
                sum += segments.find(FIRST_FRAME + Draw.below(frames, state));
            }
            return sum;
        }
    }

    /** In the directory. */
    final class OfDirectory implements Loop {
        private final DirectorySegments segments;

        OfDirectory(DirectorySegments segments) {
            this.segments = segments;
        }

        @Override
        public long run(int lookups, long seed, long frames) {
            long sum = 0;
            long state = seed;
            for (int i = 0; i < lookups; i++) {
                state += Draw.STEP;
                sum += segments.find(FIRST_FRAME + Draw.below(frames, state));
            }
            return sum;
        }
    }

    /** The loop of a structure. */
    static Loop of(SegmentMap segments) {
        return switch (segments) {
            case SortedArraySegments array -> new OfSortedArray(array);
            case RedBlackSegments tree -> new OfRedBlack(tree);
            case DirectorySegments directory -> new OfDirectory(directory);
            default -> throw new IllegalArgumentException("no loop for " + segments.getClass());
        };
    }
}
