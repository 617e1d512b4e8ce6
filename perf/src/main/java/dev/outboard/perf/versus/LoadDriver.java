package dev.outboard.perf.versus;

import dev.outboard.perf.measure.ProcessCpu;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * A driver of ours that sends, receives or times when it is told to, and sleeps otherwise. One
 * thread.
 */
final class LoadDriver implements AutoCloseable {
    private final OrderedProcess process;

    /**
     * Where one is started.
     *
     * @param name for messages, and for its socket: short
     * @param more words for {@code run}: how it waits, its rings, its protection
     */
    record Place(String name, Path socket, List<String> more) {}

    /** Several, in the order of their places. */
    record All(List<LoadDriver> drivers) implements AutoCloseable {
        LoadDriver get(int index) {
            return drivers.get(index);
        }

        @Override
        public void close() {
            drivers.forEach(LoadDriver::close);
        }
    }

    /** Starts several at once, and waits until all are up. */
    static All startAll(Bench bench, List<Place> places) {
        var starting = new ArrayList<CompletableFuture<LoadDriver>>();
        for (var place : places) {
            starting.add(
                    CompletableFuture.supplyAsync(
                            () -> new LoadDriver(bench, place.name, place.socket, place.more),
                            work -> Thread.ofPlatform().daemon().start(work)));
        }
        try {
            return new All(starting.stream().map(CompletableFuture::join).toList());
        } catch (CompletionException failure) {
            // Those that are up end with the bench's place.
            throw failure.getCause() instanceof RuntimeException cause ? cause : failure;
        }
    }

    /**
     * Starts one, and waits until it is up.
     *
     * @param more words for {@code run}: how it waits, its rings, its protection
     */
    LoadDriver(Bench bench, String name, Path socket, List<String> more) {
        var words =
                new ArrayList<>(
                        List.of("run", "virtio-net", "--device", "vhost-user:" + socket, "--json"));
        words.addAll(more);
        words.addAll(List.of("--client", "net-load", "-o", "orders="));
        var path = bench.place().path(name + ".orders");
        process = new OrderedProcess(bench, "our driver " + name, path, words);
        process.awaitReady();
    }

    /** Begins an order, as {@code send size=64}. */
    void begin(String order) {
        process.orders().begin(order);
    }

    /** Ends it; what was counted. */
    Map<String, Double> end() {
        return process.orders().end();
    }

    /** Carries out an order for so long. */
    Map<String, Double> during(String order, long millis) {
        begin(order);
        Programs.sleep(millis);
        return end();
    }

    /** All its threads to one processor. */
    void pin(int processor) {
        process.pin(processor);
    }

    /** What its process has used. */
    ProcessCpu.Sample cpu() {
        return ProcessCpu.sample(process.pid());
    }

    @Override
    public void close() {
        process.close();
    }
}
