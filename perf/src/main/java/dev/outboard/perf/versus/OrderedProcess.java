package dev.outboard.perf.versus;

import dev.outboard.host.process.OutboardProcess;
import dev.outboard.host.process.ProcessFailedException;
import dev.outboard.perf.traffic.OrderGiver;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** An {@code outboard} that does as it is told. One thread. */
final class OrderedProcess implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final OutboardProcess process;
    private final OrderGiver orders;

    /**
     * Starts one, and waits until it hears.
     *
     * @param name for messages
     * @param words what it is started with; the last of them stands before the path of its orders
     * @throws ProcessFailedException if it does not come so far; the message has what it said
     */
    OrderedProcess(Bench bench, String name, Path path, List<String> words) {
        var all = new ArrayList<>(words);
        all.set(words.size() - 1, words.getLast() + path);
        var started = new OutboardProcess[1];
        try {
            orders =
                    new OrderGiver(
                            path,
                            () -> {
                                started[0] = bench.start(name, all);
                                return started[0]::isAlive;
                            });
        } catch (ProcessFailedException failure) {
            if (started[0] != null && !started[0].isAlive()) {
                // Fails with what it said.
                started[0].awaitReady(PATIENCE);
            }
            throw failure;
        }
        process = started[0];
    }

    /** Waits until it is up. */
    void awaitReady() {
        process.awaitReady(PATIENCE);
    }

    OrderGiver orders() {
        return orders;
    }

    long pid() {
        return process.pid();
    }

    /** All its threads to one processor. */
    void pin(int processor) {
        Programs.pin(process.pid(), processor);
    }

    @Override
    public void close() {
        orders.close();
        process.close();
    }
}
