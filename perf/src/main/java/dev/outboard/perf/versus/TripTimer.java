package dev.outboard.perf.versus;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The device that times drivers, a port for each, in a process of its own. One thread. */
final class TripTimer implements AutoCloseable {
    private final Bench bench;
    private final OrderedProcess process;

    /** Starts it, and waits until drivers can connect. */
    TripTimer(Bench bench, int ports) {
        this.bench = bench;
        var words = new ArrayList<>(List.of("versus-trips"));
        for (int port = 0; port < ports; port++) {
            words.addAll(List.of("--port", socket(port).toString()));
        }
        words.add("--orders=");
        process = new OrderedProcess(bench, "the clock", bench.place().path("trips.orders"), words);
    }

    /** Where a port's driver connects. */
    Path socket(int port) {
        return bench.place().path("trips" + port);
    }

    /** Times the driver at a port for so long; percentiles in nanoseconds, by name. */
    Map<String, Double> during(int port, long millis) {
        process.orders().begin("trips " + port);
        Programs.sleep(millis);
        return process.orders().end();
    }

    /** All its threads to one processor. */
    void pin(int processor) {
        process.pin(processor);
    }

    @Override
    public void close() {
        process.close();
    }
}
