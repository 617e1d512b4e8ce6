package dev.outboard.models;

import dev.outboard.backend.DeviceWork;
import dev.outboard.backend.PortSettings;
import dev.outboard.backend.PortsAssembly;
import dev.outboard.backend.VhostPort;
import dev.outboard.backend.loop.Counters;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.backend.loop.ModelRunner;
import dev.outboard.dma.AskedCounters;
import dev.outboard.dma.SharedIotlb;
import dev.outboard.models.nic.MacTable;
import dev.outboard.models.nic.NicSwitch;
import dev.outboard.models.nic.SwitchPort;
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
            switchPorts[i] = new SwitchPort(i, options.ports().get(i).shape(), learned);
        }
        runner = new ModelRunner("nic", options.waiting(), this::assemble);
    }

    private ModelRunner.Assembly assemble(DeviceLoop loop) {
        var opened = new ArrayList<VhostPort>();
        var iotlb = options.sharesIotlb() ? new SharedIotlb() : null;
        try {
            for (int i = 0; i < switchPorts.length; i++) {
                NicPortOptions of = options.ports().get(i);
                var settings =
                        new PortSettings(
                                of.name(), of.socket(), of.iommu(), ATTACH_LIMIT_NANOS, iotlb);
                opened.add(Ports.open(loop, settings, switchPorts[i]));
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
        for (int i = 0; i < switchPorts.length; i++) {
            VhostPort at = listening.isEmpty() ? null : listening.get(i);
            all.add(statistics(options.ports().get(i).name(), switchPorts[i], at));
        }
        return new NicStatistics(all);
    }

    private static NicPortStatistics statistics(String name, SwitchPort port, VhostPort at) {
        Counters counted = port.counters;
        return new NicPortStatistics(
                name,
                port.isConnected(),
                counted.get(SwitchPort.SENT_FRAMES),
                counted.get(SwitchPort.SENT_BYTES),
                counted.get(SwitchPort.RECEIVED_FRAMES),
                counted.get(SwitchPort.RECEIVED_BYTES),
                counted.get(SwitchPort.NO_BUFFER),
                counted.get(SwitchPort.TOO_LONG),
                counted.get(SwitchPort.NOWHERE),
                counted.get(SwitchPort.MALFORMED),
                counted.get(SwitchPort.FILTERED),
                counted.get(SwitchPort.SUMMED),
                counted.get(SwitchPort.CUT),
                counted.get(SwitchPort.COMMANDS),
                counted.get(SwitchPort.FAULTS),
                counted.get(SwitchPort.WAITS),
                at == null ? 0 : at.disconnections(),
                at == null ? "" : at.lastReason(),
                at == null ? new AskedCounters().read() : at.asked());
    }

    /**
     * Puts a port's cable in, or pulls it out; its driver is told, if it listens. Any thread.
     *
     * @throws IllegalArgumentException when there is no such port
     */
    public void link(String port, boolean up) {
        for (int i = 0; i < switchPorts.length; i++) {
            if (options.ports().get(i).name().equals(port)) {
                switchPorts[i].link(up);
                runner.wake();
                return;
            }
        }
        throw new IllegalArgumentException("the switch has no port " + port);
    }
}
