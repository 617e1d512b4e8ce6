package dev.outboard.perf.versus;

/**
 * How long is measured.
 *
 * @param rounds how often everything is started anew
 * @param pairs how many pairs of each comparison in a round
 * @param warmMillis how long each runs before it is measured
 * @param millis how long each is measured
 */
record Effort(int rounds, int pairs, long warmMillis, long millis) {
    /** Shows that it works: one round. */
    static Effort quick(int pairs) {
        return new Effort(1, pairs, 100, 250);
    }

    /** Everything is started anew for each pair, as a rate may stay what it began as. */
    static Effort full(int pairs, int seconds) {
        return new Effort(pairs, 1, 500, 1000L * seconds);
    }

    /** Whether it only shows that it works. */
    boolean isQuick() {
        return rounds == 1;
    }

    /** How long ours runs before its first measurement, for the virtual machine's compilers. */
    long compileMillis() {
        return isQuick() ? 800 : 2000;
    }

    /** What programs take that count in whole seconds. */
    int wholeSeconds() {
        return (int) Math.max(1, millis / 1000);
    }
}
