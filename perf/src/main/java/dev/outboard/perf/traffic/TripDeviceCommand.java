package dev.outboard.perf.traffic;

import dev.outboard.backend.DeviceWork;
import dev.outboard.backend.PortSettings;
import dev.outboard.backend.PortsAssembly;
import dev.outboard.backend.VhostPort;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.backend.loop.ModelRunner;
import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.uio.WaitPolicy;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code outboard versus-trips}: a network device that times drivers that send frames back, which
 * versus starts for itself.
 *
 * <pre>
 *   trips PORT    begins to time the driver at a port
 *   stop          ends that                              ─► trips=… lost=… p50=… p99=… p9999=…
 * </pre>
 */
@Command(name = "versus-trips", hidden = true, description = "The device of a comparison.")
public final class TripDeviceCommand implements Subcommand {
    private static final Duration LOOK = Duration.ofMillis(100);
    private static final String TRIPS = "trips ";
    private static final byte[] EVERYONE = {-1, -1, -1, -1, -1, -1};
    private static final byte[] OWN = {0x02, 0, 0, 0, 2, 0};

    @Option(names = "--port", required = true)
    private List<Path> sockets;

    @Option(names = "--size", defaultValue = "" + TrafficOptions.DEFAULT_BYTES)
    private int frameBytes;

    @Option(names = "--orders", required = true)
    private Path orders;

    private final Histogram times = Times.histogram();
    private TripEngine engine;

    /** For the service loader. */
    public TripDeviceCommand() {}

    @Override
    public Integer call() {
        var runner = new ModelRunner("versus-trips", WaitPolicy.BLOCK, this::assemble);
        runner.start();
        try (var line = OrderLine.connect(orders)) {
            obey(line, runner);
        } catch (IOException e) {
            throw new CommandException("there is nobody to give orders: " + e.getMessage(), e);
        } finally {
            runner.stop();
        }
        return 0;
    }

    private PortsAssembly assemble(DeviceLoop loop) {
        var devices = new TripPort[sockets.size()];
        var ports = new ArrayList<VhostPort>();
        for (int i = 0; i < devices.length; i++) {
            devices[i] = new TripPort(i);
            var settings = new PortSettings("trips" + i, sockets.get(i), null, 0, null);
            ports.add(new VhostPort(loop, settings, devices[i]));
        }
        var template = new FrameTemplate(frameBytes, EVERYONE, OWN, TrafficOptions.session());
        engine = new TripEngine(devices, template, times);
        return new PortsAssembly(new DeviceWork(engine, ports), ports, () -> {});
    }

    private void obey(OrderLine line, ModelRunner runner) throws IOException {
        while (true) {
            var order = line.next(LOOK);
            if (OrderLine.GONE.equals(order)) {
                return;
            }
            if (order == null) {
                continue;
            }
            if (order.equals(LoadClient.STOP)) {
                turn(runner, TripEngine.NOBODY);
                line.write(answer());
            } else if (order.startsWith(TRIPS)) {
                turn(runner, Integer.parseInt(order.substring(TRIPS.length())));
            } else {
                throw new CommandException("an order that makes no sense: " + order);
            }
        }
    }

    private void turn(ModelRunner runner, int port) {
        engine.order(port);
        while (!engine.isUnder(port)) {
            runner.wake();
            Thread.onSpinWait();
        }
    }

    private String answer() {
        return "trips=%d lost=%d p50=%d p99=%d p9999=%d"
                .formatted(
                        times.getTotalCount(),
                        engine.lost(),
                        times.getValueAtPercentile(50),
                        times.getValueAtPercentile(99),
                        times.getValueAtPercentile(99.99));
    }
}
