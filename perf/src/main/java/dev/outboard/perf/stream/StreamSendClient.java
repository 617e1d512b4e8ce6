package dev.outboard.perf.stream;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.perf.measure.DeviceCounting;
import dev.outboard.perf.measure.Measurement;
import dev.outboard.perf.measure.Results;
import java.util.ArrayList;
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
        var port = new StreamPort((NetworkService) service);
        var sender = new StreamSender(port, context);
        context.ready();
        var rows = new ArrayList<Map<String, Object>>();
        int stream = 0;
        boolean verified = true;
        for (int size : options.sizes()) {
            var cut = new Fragmentation(size, port.mtuBytes());
            var counters = new DeviceCounting(context);
            if (options.warmupNanos() > 0) {
                // The first also compiles what all of them run, here and at the other end.
                long factor = stream == 0 ? FIRST_WARMUP : 1;
                var warm = sender.run(stream++, cut, options, factor * options.warmupNanos());
                verified &= warm.isComplete();
            }
            var measured = new Measurement(options.watched());
            counters.start();
            measured.start();
            var outcome = sender.run(stream++, cut, options, options.durationNanos());
            measured.stop();
            var row = row(size, outcome, measured);
            counters.stop(row);
            rows.add(row.fields());
            verified &= outcome.isComplete();
            if (context.isStopping()) {
                break;
            }
        }
        sender.close();
        context.result("streams", rows);
        context.result("verified", verified);
    }

    private static Results row(int size, StreamSender.Outcome outcome, Measurement measured) {
        var received = outcome.received();
        double seconds = measured.elapsedSeconds();
        var sent = outcome.sent();
        return new Results()
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
