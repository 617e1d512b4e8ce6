package dev.outboard.perf.physperf;

/**
 * Random frames by SplitMix64 (Steele, Lea, Flood 2014): the n-th number comes from n alone. The
 * caller adds {@link #STEP} for each. Stateless.
 */
final class Draw {
    /** What the state grows by from number to number. */
    static final long STEP = 0x9e3779b97f4a7c15L;

    private static final int HALF = 32;

    private Draw() {}

    /** A number from 0 to {@code bound}, exclusive, which is at most 2 to the power of 31. */
    static long below(long bound, long state) {
        long mixed = (state ^ state >>> 30) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
        return ((mixed ^ mixed >>> 31) >>> HALF) * bound >>> HALF;
    }
}
