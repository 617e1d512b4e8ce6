package dev.outboard.perf.versus;

import dev.outboard.host.process.OutboardProcess;
import dev.outboard.perf.traffic.OrderGiver;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The device that times drivers, a port for each, in a process of its own. One thread. */
final class TripTimer implements AutoCloseable {
    private final Bench bench;
    private final OutboardProcess process;
    private final OrderGiver orders;

    /** Starts it, and waits until drivers can connect. */
    TripTimer(Bench bench, int ports) {
        this.bench = bench;
        var path = bench.place().path("trips.orders");
        var words = new ArrayList<>(List.of("versus-trips", "--orders", path.toString()));
        for (int port = 0; port < ports; port++) {
            words.addAll(List.of("--port", socket(port).toString()));
        }
        var started = new OutboardProcess[1];
        orders = new OrderGiver(path, () -> started[0] = bench.start("the clock", words));
        process = started[0];
    }

    /** Where a port's driver connects. */
    Path socket(int port) {
        return bench.place().path("trips" + port);
    }

    /** Times the driver at a port for so long; percentiles in nanoseconds, by name. */
    Map<String, Double> during(int port, long millis) {
        orders.begin("trips " + port);
        Programs.sleep(millis);
        return orders.end();
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
