package dev.outboard.models;

import dev.outboard.backend.DeviceWork;
import dev.outboard.backend.PortSettings;
import dev.outboard.backend.PortsAssembly;
import dev.outboard.backend.VhostPort;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.backend.loop.ModelRunner;
import dev.outboard.dma.SharedIotlb;
import java.util.ArrayList;
import java.util.List;

/**
 * An Ethernet switch: each port is a virtio network device (VIRTIO 1.2, section 5.1) on a socket of
 * its own, for one driver at a time.
 *
 * <p>One thread does everything. {@link #statistics} and {@link #stop} may be called from any.
 */
public final class NicModel implements DeviceModel {
    private static final long ATTACH_LIMIT_NANOS = 1_000_000_000;
    private static final long AGE_NANOS = 300_000_000_000L;

    private final NicOptions options;
    private final SwitchPort[] switchPorts;
    private final MacTable learned = new MacTable(AGE_NANOS);
    private final ModelRunner runner;
    private volatile List<VhostPort> ports = List.of();

    /** A switch that does not listen yet. */
    public NicModel(NicOptions options) {
        this.options = options;
        switchPorts = new SwitchPort[options.ports().size()];
        for (int i = 0; i < switchPorts.length; i++) {
            switchPorts[i] = new SwitchPort(i, options.ports().get(i).mac(), learned);
        }
        runner = new ModelRunner("nic", options.waiting(), this::assemble);
    }

    private ModelRunner.Assembly assemble(DeviceLoop loop) {
        var opened = new ArrayList<VhostPort>();
        var iotlb = options.sharesIotlb() ? new SharedIotlb() : null;
        try {
            for (var port : switchPorts) {
                NicPortOptions of = options.ports().get(port.index);
                var settings =
                        new PortSettings(
                                of.name(), of.socket(), of.iommu(), ATTACH_LIMIT_NANOS, iotlb);
                opened.add(Ports.open(loop, settings, port));
            }
        } catch (RuntimeException e) {
            opened.forEach(VhostPort::close);
            throw e;
        }
        ports = List.copyOf(opened);
        var engine = new NicSwitch(switchPorts, learned, options.backPressureNanos());
        return new PortsAssembly(new DeviceWork(engine, opened), opened, () -> {});
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
    public NicStatistics statistics() {
        var all = new ArrayList<NicPortStatistics>();
        List<VhostPort> listening = ports;
        for (var port : switchPorts) {
            VhostPort at = listening.isEmpty() ? null : listening.get(port.index);
            all.add(port.statistics(options.ports().get(port.index).name(), at));
        }
        return new NicStatistics(all);
    }
}
