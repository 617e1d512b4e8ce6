package dev.outboard.models;

import dev.outboard.backend.loop.Counters;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.backend.loop.ModelRunner;
import dev.outboard.models.edu.EduFunction;
import dev.outboard.models.pci.PciPort;
import dev.outboard.models.pci.PciPortSettings;

/**
 * QEMU's teaching device over vfio-user, for one driver at a time. One thread does everything;
 * {@link #statistics} and {@link #stop} may be called from any.
 */
public final class EduModel implements DeviceModel {
    private final EduOptions options;
    private final ModelRunner runner;
    private final Counters counters = EduFunction.counters();
    private volatile PciPort port;

    /** A device that is not opened yet. */
    public EduModel(EduOptions options) {
        this.options = options;
        runner = new ModelRunner("edu", options.waiting(), this::assemble);
    }

    private ModelRunner.Assembly assemble(DeviceLoop loop) {
        var settings = new PciPortSettings(options.name(), options.socket(), options.iommu());
        try {
            port = new PciPort(loop, settings, own -> new EduFunction(own, counters), () -> {});
            return port;
        } catch (RuntimeException failure) {
            throw new DeviceModelException(
                    "device " + options.name() + ": " + failure.getMessage(), failure);
        }
    }

    @Override
    public void run(Runnable ready) {
        runner.run(ready);
    }

    @Override
    public void start() {
        runner.start();
    }

    @Override
    public void stop() {
        runner.stop();
    }

    @Override
    public void close() {
        stop();
    }

    /** What was counted since the start. Any thread. */
    public EduStatistics statistics() {
        PciPort now = port;
        return new EduStatistics(
                now != null && now.isConnected(),
                counters.get(EduFunction.FACTORIALS),
                counters.get(EduFunction.COPIES),
                counters.get(EduFunction.FAULTS),
                now == null ? 0 : now.disconnections(),
                now == null ? "" : now.lastReason());
    }
}
