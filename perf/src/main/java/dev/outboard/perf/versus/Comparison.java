package dev.outboard.perf.versus;

import java.util.List;

/**
 * One of ours beside what a user would pick instead. A newcomer implements this, and is named in
 * {@link NetworkComparisons}. One thread.
 */
interface Comparison {
    /** What is compared, for {@code --only} and for who waits. */
    String name();

    /** What must be installed. */
    List<Programs.Program> needs();

    /** Seconds that it takes, about. */
    double expectedSeconds(Effort effort);

    /**
     * Measures all pairs.
     *
     * @throws dev.outboard.host.cli.CommandException if one side fails
     */
    void measure(Bench bench, Figures figures);
}
