package dev.outboard.host.run;

import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Device;
import dev.outboard.host.cli.StopRequest;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** What one run of a client is given, and what it gave. Any thread. */
final class ClientRun implements ClientContext {
    private final Device device;
    private final Map<String, String> options;
    private final StopRequest stop;
    private final Runnable onReady;
    private final Map<String, Object> results = new LinkedHashMap<>();
    private boolean ready;

    ClientRun(Device device, Map<String, String> options, StopRequest stop, Runnable onReady) {
        this.device = device;
        this.options = options;
        this.stop = stop;
        this.onReady = onReady;
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public Map<String, String> options() {
        return options;
    }

    @Override
    public boolean isStopping() {
        return stop.isStopping() || device.isLost();
    }

    @Override
    public void ready() {
        synchronized (results) {
            if (ready) {
                return;
            }
            ready = true;
        }
        onReady.run();
    }

    @Override
    public void result(String name, Object value) {
        synchronized (results) {
            results.put(name, value);
        }
    }

    Map<String, Object> results() {
        synchronized (results) {
            return Collections.unmodifiableMap(new LinkedHashMap<>(results));
        }
    }
}
