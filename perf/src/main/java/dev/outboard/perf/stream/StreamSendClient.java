package dev.outboard.perf.stream;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.perf.measure.DeviceCounting;
import dev.outboard.perf.measure.Measurement;
import dev.outboard.perf.measure.Results;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code stream-send}: sends messages of several sizes, one stream after the other, to a {@code
 * stream-receive} at the other end of the link, and reports what both ends counted.
 */
public final class StreamSendClient implements Client {
    private static final int FIRST_WARMUP = 4;

    @Override
    public String name() {
        return "stream-send";
    }

    @Override
    public String help() {
        return "sends messages whose every byte the other end checks; " + StreamOptions.HELP;
    }

    @Override
    public Class<? extends Service> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var options = StreamOptions.of(context.options());
        var port = new StreamPort((NetworkService) service, context);
        var session = new Session(context, options, port);
        if (options.turns() == null) {
            context.ready();
            session.runSizes();
        } else {
            try (var turns = new TurnTaker(options.turns(), context)) {
                context.ready();
                session.runTurns(turns);
            }
        }
        session.sender.close();
        context.result("streams", session.rows);
        context.result("verified", session.verified);
    }

    /** The streams of one run: numbered one after the other, each measured in a row. */
    private static final class Session {
        private final ClientContext context;
        private final StreamOptions options;
        private final StreamPort port;
        private final StreamSender sender;
        private final DeviceCounting counters;
        private final Measurement measured;
        private final List<Map<String, Object>> rows = new ArrayList<>();
        private boolean verified = true;
        private int stream;

        Session(ClientContext context, StreamOptions options, StreamPort port) {
            this.context = context;
            this.options = options;
            this.port = port;
            sender = new StreamSender(port, context);
            counters = new DeviceCounting(context);
            measured = new Measurement(options.watched());
        }

        /** Each size for its time, after a warm-up that no row tells of. */
        void runSizes() {
            for (int size : options.sizes()) {
                var cut = new Fragmentation(size, port.mtuBytes());
                if (options.warmupNanos() > 0) {
                    // The first also compiles what all of them run, here and at the other end.
                    long factor = stream == 0 ? FIRST_WARMUP : 1;
                    var warm = sender.run(stream++, cut, options, factor * options.warmupNanos());
                    verified &= warm.isComplete();
                }
                measure(cut, options.durationNanos());
                if (context.isStopping()) {
                    break;
                }
            }
        }

        /** What one is told to, until told to end. */
        void runTurns(TurnTaker turns) {
            while (turns.next()) {
                measure(
                        new Fragmentation(turns.sizeBytes(), port.mtuBytes()),
                        turns.durationNanos());
                turns.done();
            }
        }

        private void measure(Fragmentation cut, long durationNanos) {
            int number = stream++;
            counters.start();
            measured.start();
            var outcome = sender.run(number, cut, options, durationNanos);
            measured.stop();
            var row = row(number, cut.messageBytes(), outcome, measured);
            counters.stop(row);
            rows.add(row.fields());
            verified &= outcome.isComplete();
        }
    }

    private static Results row(
            int stream, int size, StreamSender.Outcome outcome, Measurement measured) {
        var received = outcome.received();
        double seconds = measured.elapsedSeconds();
        var sent = outcome.sent();
        return new Results()
                .put("stream", stream)
                .put("sizeBytes", size)
                .put("throughputMbps", received.bytes() * 8 / seconds / 1e6)
                .put("operationsPerSecond", received.messages() / seconds)
                .put("framesPerSecond", received.frames() / seconds)
                .put("sentMessages", sent.messages())
                .put("sentFrames", sent.frames())
                .put("sentBytes", sent.bytes())
                .put("receivedMessages", received.messages())
                .put("receivedFrames", received.frames())
                .put("receivedBytes", received.bytes())
                .put("missingFrames", received.missing())
                .put("duplicateFrames", received.duplicates())
                .put("corruptFrames", received.corrupt())
                .put("stalls", outcome.stalls())
                .put(
                        "allocatedBytesPerFrame",
                        sent.frames() == 0 ? 0 : (double) measured.allocatedBytes() / sent.frames())
                .put(measured)
                .put("verified", outcome.isComplete() && sent.frames() > 0);
    }
}
