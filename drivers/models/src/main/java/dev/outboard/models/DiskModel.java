package dev.outboard.models;

import dev.outboard.backend.DeviceWork;
import dev.outboard.backend.PortSettings;
import dev.outboard.backend.PortsAssembly;
import dev.outboard.backend.VhostPort;
import dev.outboard.backend.loop.Counters;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.backend.loop.ModelRunner;
import dev.outboard.dma.AskedCounters;
import dev.outboard.uio.IoVector;
import java.util.List;

/**
 * A disk: a virtio block device (VIRTIO 1.2, section 5.2) over a file, for one driver at a time.
 *
 * <p>One thread does everything, file access included. {@link #statistics} and {@link #stop} may be
 * called from any.
 */
public final class DiskModel implements DeviceModel {
    private static final long ATTACH_LIMIT_NANOS = 1_000_000_000;

    private final DiskOptions options;
    private final ModelRunner runner;
    private volatile Running running;

    private record Running(DiskPort device, VhostPort port, Counters counters) {}

    /** A disk that is not opened yet. */
    public DiskModel(DiskOptions options) {
        this.options = options;
        runner = new ModelRunner("disk", options.waiting(), this::assemble);
    }

    private ModelRunner.Assembly assemble(DeviceLoop loop) {
        var file = DiskFile.open(options.file(), options.readOnly());
        try {
            var device = new DiskPort(options.queues(), options.readOnly(), file.sectors());
            var settings =
                    new PortSettings(
                            options.name(),
                            options.socket(),
                            options.iommu(),
                            ATTACH_LIMIT_NANOS,
                            null);
            var port = Ports.open(loop, settings, device);
            var request =
                    new DiskRequest(
                            file, options.readOnly(), options.name(), IoVector.MAX_CAPACITY);
            running = new Running(device, port, request.counters);
            var ports = List.of(port);
            var engine = new DiskEngine(device, request);
            return new PortsAssembly(new DeviceWork(engine, ports), ports, file::close);
        } catch (RuntimeException e) {
            file.close();
            throw e;
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
    public DiskStatistics statistics() {
        Running now = running;
        if (now == null) {
            return new DiskStatistics(
                    false, 0, 0, 0, 0, 0, 0, 0, 0, "", new AskedCounters().read());
        }
        Counters counters = now.counters;
        return new DiskStatistics(
                now.device.session() != null,
                counters.get(DiskRequest.READS),
                counters.get(DiskRequest.READ_BYTES),
                counters.get(DiskRequest.WRITES),
                counters.get(DiskRequest.WRITTEN_BYTES),
                counters.get(DiskRequest.FLUSHES),
                counters.get(DiskRequest.ERRORS),
                counters.get(DiskRequest.FAULTS),
                now.port.disconnections(),
                now.port.lastReason(),
                now.port.asked());
    }
}
