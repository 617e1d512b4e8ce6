package dev.outboard.perf.traffic;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.perf.measure.ClientOptions;
import dev.outboard.perf.measure.Measurement;
import dev.outboard.uio.ProcessControl;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * {@code net-load}: sends, receives or times when it is told to, so that a comparison can measure
 * several things, in turn with others, with processes that are alive and warm.
 *
 * <pre>
 *   send size=64 to=MAC     frames as fast as they are taken      ─► frames=… nanos=…
 *   receive                 counts                                 ─► frames=… nanos=…
 *   trips size=64 to=MAC    one frame at a time                    ─► trips=… p50=… p99=… p9999=…
 *   stop                    ends what was begun
 * </pre>
 *
 * <p>An answer also says what its thread allocated and what the process ran, in nanoseconds without
 * its compilers. Queues of pair 0; one thread.
 */
public final class LoadClient implements Client {
    static final String STOP = "stop";

    private static final Duration LOOK = Duration.ofMillis(100);
    private static final long LONGEST_NANOS = TimeUnit.HOURS.toNanos(24);
    private static final int BURST = 32;

    /** For the service loader. */
    public LoadClient() {}

    @Override
    public String name() {
        return "net-load";
    }

    @Override
    public String help() {
        return "does as it is told by a comparison: orders=PATH cpu=ANY";
    }

    @Override
    public Class<? extends Service> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var options = new ClientOptions(context.options(), Set.of("orders", "cpu"));
        if (!options.has("orders")) {
            throw new IllegalArgumentException("option orders=PATH is missing: where to be told");
        }
        int processor = TrafficOptions.processor(options);
        if (processor >= 0) {
            ProcessControl.pinThread(processor);
        }
        try (var line = OrderLine.connect(Path.of(context.options().get("orders")))) {
            context.ready();
            obey(new Work((NetworkService) service, context, line), line, context);
        } catch (IOException e) {
            throw new DeviceException("there is nobody to give orders: " + e.getMessage(), e);
        }
    }

    private static void obey(Work work, OrderLine line, ClientContext context) {
        while (!context.isStopping()) {
            var order = line.next(LOOK);
            if (OrderLine.GONE.equals(order)) {
                return;
            }
            if (order != null && !order.equals(STOP)) {
                var answer =
                        work.perform(order).entrySet().stream()
                                .map(figure -> figure.getKey() + "=" + figure.getValue())
                                .collect(Collectors.joining(" "));
                try {
                    line.write(answer);
                } catch (IOException gone) {
                    // Nobody is left to be told.
                    return;
                }
            }
        }
    }

    /** What orders are carried out with. */
    private record Work(NetworkService port, ClientContext context, OrderLine line) {
        private boolean isOver() {
            return line.hasNext() || context.isStopping();
        }

        private Map<String, Object> perform(String order) {
            var words = order.split(" ");
            var values = new HashMap<String, String>();
            for (int i = 1; i < words.length; i++) {
                int at = words[i].indexOf('=');
                values.put(words[i].substring(0, at), words[i].substring(at + 1));
            }
            var options = new ClientOptions(values, Set.of("size", "to"));
            var measured = new Measurement(Map.of());
            var figures = new LinkedHashMap<String, Object>();
            switch (words[0]) {
                case "send" -> send(template(options, values), measured, figures);
                case "receive" -> receive(measured, figures);
                case "trips" -> trips(template(options, values), measured, figures);
                default -> throw new DeviceException("an order that makes no sense: " + order);
            }
            figures.put("nanos", measured.elapsedNanos());
            figures.put("cpuNanos", measured.usage(Measurement.SELF).cpuNanos());
            figures.put("allocatedBytes", measured.allocatedBytes());
            return figures;
        }

        private FrameTemplate template(ClientOptions options, Map<String, String> values) {
            return new FrameTemplate(
                    TrafficOptions.size(options, port),
                    TrafficOptions.destination(values),
                    port.macAddress(),
                    TrafficOptions.session());
        }

        private void send(
                FrameTemplate template, Measurement measured, Map<String, Object> figures) {
            var generator = new Generator(port.transmitQueue(0), template, 1, BURST, this::isOver);
            measured.start();
            figures.put("frames", generator.run(LONGEST_NANOS, 0, 0));
            measured.stop();
            generator.drain();
        }

        private void receive(Measurement measured, Map<String, Object> figures) {
            var sink = new Sink(port.receiveQueue(0), null, null, this::isOver);
            measured.start();
            figures.put("frames", sink.run(LONGEST_NANOS));
            measured.stop();
        }

        private void trips(
                FrameTemplate template, Measurement measured, Map<String, Object> figures) {
            var times = Times.histogram();
            var trips =
                    new RoundTrips(
                            port.transmitQueue(0),
                            port.receiveQueue(0),
                            template,
                            times,
                            this::isOver);
            measured.start();
            figures.put("trips", trips.run(LONGEST_NANOS, 0));
            measured.stop();
            figures.put("lost", trips.lost());
            figures.put("p50", times.getValueAtPercentile(50));
            figures.put("p99", times.getValueAtPercentile(99));
            figures.put("p9999", times.getValueAtPercentile(99.99));
        }
    }
}
