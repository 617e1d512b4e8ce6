package dev.outboard.perf.traffic;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.QueueThreads;
import dev.outboard.perf.measure.ClientOptions;
import dev.outboard.perf.measure.Measurement;
import dev.outboard.perf.measure.Results;
import dev.outboard.uio.ProcessControl;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * {@code net-generate}: sends frames that count, on every pair of queues, at a rate or as fast as
 * the device takes them.
 */
public final class GenerateClient implements Client {
    private static final int DEFAULT_BURST = 32;
    private static final int MOST_BURST = 1024;
    private static final long MOST_RATE = 1_000_000_000;

    /** For the service loader. */
    public GenerateClient() {}

    @Override
    public String name() {
        return "net-generate";
    }

    @Override
    public String help() {
        return "sends UDP frames that are numbered and stamped: size=64 (with Ethernet header)"
                + " rate=0 (frames a second; as fast as it can) flows=1 burst=32 count=0 (no limit)"
                + " millis=1000 warmupMillis=300 to=MAC cpu=ANY watch.NAME=PID";
    }

    @Override
    public Class<? extends Service> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var options =
                new ClientOptions(
                        context.options(),
                        Set.of(
                                "size",
                                "rate",
                                "flows",
                                "burst",
                                "count",
                                "millis",
                                "warmupMillis",
                                "to",
                                "cpu"));
        var port = (NetworkService) service;
        var plan = Plan.of(options, port, context);
        var generators = generators(plan, port, context);
        context.ready();
        long before = run(plan, generators, plan.warmupNanos, 0);
        var measured = new Measurement(options.watched());
        measured.start();
        long sent =
                PerSecond.during(
                        context,
                        "sent",
                        () -> total(generators),
                        plan.sizeBytes,
                        () -> run(plan, generators, plan.durationNanos, plan.count));
        measured.stop();
        QueueThreads.run(generators.length, pair -> generators[pair].drain());
        report(port, plan, sent, before, measured, context);
    }

    /** What was asked; the rate and the count are of all pairs together. */
    private record Plan(
            int sizeBytes,
            double rate,
            int flows,
            int burst,
            long count,
            long durationNanos,
            long warmupNanos,
            byte[] destination,
            int processor) {
        private static Plan of(ClientOptions options, NetworkService port, ClientContext context) {
            return new Plan(
                    TrafficOptions.size(options, port),
                    options.number("rate", 0, 0, MOST_RATE),
                    (int) options.number("flows", 1, 1, TrafficDescriptor.MOST_FLOWS),
                    (int) options.number("burst", DEFAULT_BURST, 1, MOST_BURST),
                    options.number("count", 0, 0, Long.MAX_VALUE / 2),
                    options.nanos("millis", 1000),
                    options.nanos("warmupMillis", 300),
                    TrafficOptions.destination(context.options()),
                    TrafficOptions.processor(options));
        }
    }

    private static Generator[] generators(Plan plan, NetworkService port, ClientContext context) {
        var generators = new Generator[port.queuePairs()];
        for (int pair = 0; pair < generators.length; pair++) {
            var template =
                    new FrameTemplate(
                            plan.sizeBytes,
                            plan.destination,
                            port.macAddress(),
                            TrafficOptions.session() + pair);
            generators[pair] =
                    new Generator(
                            port.transmitQueue(pair),
                            template,
                            plan.flows,
                            plan.burst,
                            context::isStopping);
        }
        return generators;
    }

    private static long run(Plan plan, Generator[] generators, long nanos, long count) {
        var sent = new AtomicLongArray(generators.length);
        int pairs = generators.length;
        QueueThreads.run(
                pairs,
                pair -> {
                    if (plan.processor >= 0) {
                        ProcessControl.pinThread(plan.processor + pair);
                    }
                    long share = count / pairs + (pair < count % pairs ? 1 : 0);
                    if (count == 0 || share > 0) {
                        sent.set(pair, generators[pair].run(nanos, plan.rate / pairs, share));
                    }
                });
        long total = 0;
        for (int pair = 0; pair < pairs; pair++) {
            total += sent.get(pair);
        }
        return total;
    }

    private static long total(Generator[] generators) {
        return Arrays.stream(generators).mapToLong(Generator::sent).sum();
    }

    private static void report(
            NetworkService port,
            Plan plan,
            long sent,
            long before,
            Measurement measured,
            ClientContext context) {
        long finished = 0;
        long doorbells = 0;
        for (int pair = 0; pair < port.queuePairs(); pair++) {
            finished += port.transmitQueue(pair).frames();
            doorbells += port.transmitQueue(pair).doorbells();
        }
        double seconds = measured.elapsedSeconds();
        new Results()
                .put("sizeBytes", plan.sizeBytes)
                .put("queuePairs", port.queuePairs())
                .put("sentFrames", sent)
                .put("warmupFrames", before)
                .put("finishedFrames", finished)
                .put("framesPerSecond", sent / seconds)
                .put("throughputMbps", sent * 8.0 * plan.sizeBytes / seconds / 1e6)
                .put("doorbells", doorbells)
                .put(
                        "allocatedBytesPerFrame",
                        sent == 0 ? 0 : (double) measured.allocatedBytes() / sent)
                .put(measured)
                .fields()
                .forEach(context::result);
    }
}
