package dev.outboard.perf.versus;

import dev.outboard.host.process.OutboardProcess;
import dev.outboard.perf.setup.Workplace;
import java.util.List;
import java.util.function.Consumer;

/**
 * What every comparison has: a folder, processes that end with it, how long to measure, and someone
 * who looks on.
 *
 * @param place where sockets are, and who ends the processes
 * @param effort how long is measured
 * @param progress hears what is about to be measured
 */
record Bench(Workplace place, Effort effort, Consumer<String> progress) {
    /** The processor of back-ends. */
    static final int BACK_END = 0;

    /** The processor of drivers. */
    static final int DRIVER = 1;

    /** Both sides of a pair, in turn the one first and the other. */
    static void pair(int number, Runnable ours, Runnable theirs) {
        if (number % 2 == 0) {
            ours.run();
            theirs.run();
        } else {
            theirs.run();
            ours.run();
        }
    }

    /** Starts {@code outboard} with these words; it ends with the place, or earlier. */
    OutboardProcess start(String name, List<String> words) {
        return place.start(name, words);
    }
}
