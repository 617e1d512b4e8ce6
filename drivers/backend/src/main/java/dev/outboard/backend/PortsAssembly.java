package dev.outboard.backend;

import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.backend.loop.ModelRunner;
import java.util.List;

/**
 * Ports with the device behind them.
 *
 * @param work what runs
 * @param ports closed at the end, all of them
 * @param last closed after the ports
 */
public record PortsAssembly(DeviceLoop.Work work, List<VhostPort> ports, Runnable last)
        implements ModelRunner.Assembly {
    @Override
    public void close() {
        RuntimeException failure = null;
        for (var port : ports) {
            try {
                port.close();
            } catch (RuntimeException e) {
                failure = e;
            }
        }
        last.run();
        if (failure != null) {
            throw failure;
        }
    }
}
