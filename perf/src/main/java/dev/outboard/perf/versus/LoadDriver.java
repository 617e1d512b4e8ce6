package dev.outboard.perf.versus;

import dev.outboard.host.process.OutboardProcess;
import dev.outboard.perf.measure.ProcessCpu;
import dev.outboard.perf.traffic.OrderGiver;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A driver of ours that sends, receives or times when it is told to, and sleeps otherwise. One
 * thread.
 */
final class LoadDriver implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final OutboardProcess process;
    private final OrderGiver orders;

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
        var path = bench.place().path(name + ".orders");
        words.addAll(List.of("--client", "net-load", "-o", "orders=" + path));
        var started = new OutboardProcess[1];
        orders = new OrderGiver(path, () -> started[0] = bench.start("our driver " + name, words));
        process = started[0];
        process.awaitReady(PATIENCE);
    }

    /** Begins an order, as {@code send size=64}. */
    void begin(String order) {
        orders.begin(order);
    }

    /** Ends it; what was counted. */
    Map<String, Double> end() {
        return orders.end();
    }

    /** Carries out an order for so long. */
    Map<String, Double> during(String order, long millis) {
        begin(order);
        Programs.sleep(millis);
        return end();
    }

    /** All its threads to one processor. */
    void pin(int processor) {
        Programs.pin(process.pid(), processor);
    }

    /** What its process has used. */
    ProcessCpu.Sample cpu() {
        return ProcessCpu.sample(process.pid());
    }

    @Override
    public void close() {
        orders.close();
        process.close();
    }
}
