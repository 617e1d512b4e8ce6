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
import org.HdrHistogram.Histogram;

/**
 * {@code net-sink}: takes whatever frames come, on every pair of queues, for a time or until the
 * link has been quiet, and says of those of {@code net-generate} what was lost and how old they
 * were.
 */
public final class SinkClient implements Client {
    /** For the service loader. */
    public SinkClient() {}

    @Override
    public String name() {
        return "net-sink";
    }

    @Override
    public String help() {
        return "counts frames; of those of net-generate tells loss, order and age: millis=1000"
                + " warmupMillis=300 quietMillis=0 (then goes on until nothing came for so long)"
                + " check=1 (0: counts only) cpu=ANY watch.NAME=PID";
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
                        Set.of("millis", "warmupMillis", "quietMillis", "check", "cpu"));
        var port = (NetworkService) service;
        boolean isChecking = options.number("check", 1, 0, 1) == 1;
        int processor = TrafficOptions.processor(options);
        var sinks = sinks(port, isChecking, context);
        context.ready();
        run(sinks, processor, options.nanos("warmupMillis", 300));
        var measured = new Measurement(options.watched());
        long bytesBefore = Arrays.stream(sinks).mapToLong(Sink::bytes).sum();
        if (isChecking) {
            Arrays.stream(sinks).forEach(sink -> sink.ages().reset());
        }
        measured.start();
        long frames =
                PerSecond.during(
                        context,
                        "received",
                        () -> total(sinks),
                        0,
                        () -> run(sinks, processor, options.nanos("millis", 1000)));
        measured.stop();
        long bytes = Arrays.stream(sinks).mapToLong(Sink::bytes).sum() - bytesBefore;
        long quietNanos = options.nanos("quietMillis", 0);
        QueueThreads.run(sinks.length, pair -> sinks[pair].awaitQuiet(quietNanos));
        report(port, sinks, frames, bytes, measured, context);
        if (isChecking) {
            reportFlows(sinks, context);
        }
    }

    private static Sink[] sinks(NetworkService port, boolean isChecking, ClientContext context) {
        var sinks = new Sink[port.queuePairs()];
        for (int pair = 0; pair < sinks.length; pair++) {
            sinks[pair] =
                    new Sink(
                            port.receiveQueue(pair),
                            isChecking ? new FlowTracker(TrafficDescriptor.MOST_FLOWS) : null,
                            isChecking ? Times.histogram() : null,
                            context::isStopping);
        }
        return sinks;
    }

    /** The clock of each queue starts with its first frame, or when another's time is over. */
    private static long run(Sink[] sinks, int processor, long nanos) {
        var received = new AtomicLongArray(sinks.length);
        QueueThreads.run(
                sinks.length,
                pair -> {
                    if (processor >= 0) {
                        ProcessControl.pinThread(processor + pair);
                    }
                    if (pair == 0 && sinks[pair].received() == 0 && sinks.length == 1) {
                        sinks[pair].awaitFirst();
                    }
                    received.set(pair, sinks[pair].run(nanos));
                });
        long total = 0;
        for (int pair = 0; pair < sinks.length; pair++) {
            total += received.get(pair);
        }
        return total;
    }

    private static long total(Sink[] sinks) {
        return Arrays.stream(sinks).mapToLong(Sink::received).sum();
    }

    private static void report(
            NetworkService port,
            Sink[] sinks,
            long frames,
            long bytes,
            Measurement measured,
            ClientContext context) {
        long interrupts = 0;
        for (int pair = 0; pair < sinks.length; pair++) {
            interrupts += port.receiveQueue(pair).interrupts();
        }
        new Results()
                .put("queuePairs", sinks.length)
                .put("receivedFrames", frames)
                .put("allFrames", total(sinks))
                .put("allBytes", Arrays.stream(sinks).mapToLong(Sink::bytes).sum())
                .put(
                        "shortestBytes",
                        Arrays.stream(sinks)
                                .mapToInt(Sink::shortestBytes)
                                .filter(bytesOf -> bytesOf > 0)
                                .min()
                                .orElse(0))
                .put(
                        "longestBytes",
                        Arrays.stream(sinks).mapToInt(Sink::longestBytes).max().orElse(0))
                .put("framesPerSecond", frames / measured.elapsedSeconds())
                .put("throughputMbps", bytes * 8.0 / measured.elapsedSeconds() / 1e6)
                .put("interrupts", interrupts)
                .put(
                        "allocatedBytesPerFrame",
                        frames == 0 ? 0 : (double) measured.allocatedBytes() / frames)
                .put(measured)
                .fields()
                .forEach(context::result);
    }

    private static void reportFlows(Sink[] sinks, ClientContext context) {
        long missing = 0;
        long late = 0;
        long doubled = 0;
        long counted = 0;
        Histogram ages = Times.histogram();
        for (var sink : sinks) {
            missing += sink.flows().missing();
            late += sink.flows().late();
            doubled += sink.flows().doubled();
            counted += sink.flows().distinct();
            ages.add(sink.ages());
        }
        context.result("countedFrames", counted);
        context.result("missingFrames", missing);
        context.result("lateFrames", late);
        context.result("doubledFrames", doubled);
        if (ages.getTotalCount() > 0) {
            Times.percentiles("age", ages).forEach(context::result);
        }
    }
}
