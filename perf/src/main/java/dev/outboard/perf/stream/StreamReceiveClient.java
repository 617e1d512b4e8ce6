package dev.outboard.perf.stream;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.perf.measure.ClientOptions;
import java.util.Set;

/**
 * {@code stream-receive}: checks every byte of what a {@code stream-send} at the other end of the
 * link sends, until that one says that it is done.
 */
public final class StreamReceiveClient implements Client {
    @Override
    public String name() {
        return "stream-receive";
    }

    @Override
    public String help() {
        return "checks every byte that a stream-send sends; idleMillis=15000 (gives up after so"
                + " long without a frame)";
    }

    @Override
    public Class<? extends Service> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var options = new ClientOptions(context.options(), Set.of("idleMillis"));
        var receiver =
                new StreamReceiver(
                        new StreamPort((NetworkService) service, context),
                        context,
                        options.nanos("idleMillis", 15_000));
        context.ready();
        var streams = receiver.run();
        boolean verified = receiver.isClosed() && !streams.isEmpty();
        for (var stream : streams) {
            verified &= stream.isComplete();
        }
        context.result("streams", streams.stream().map(StreamReceiveClient::row).toList());
        context.result("foreignFrames", receiver.foreignFrames());
        context.result("verified", verified);
    }

    private static Object row(StreamReceiver.Received stream) {
        var received = stream.received();
        return stream.counters()
                .put("stream", stream.stream())
                .put("sizeBytes", stream.messageBytes())
                .put("sentFrames", stream.sent().frames())
                .put("receivedMessages", received.messages())
                .put("receivedFrames", received.frames())
                .put("receivedBytes", received.bytes())
                .put("missingFrames", received.missing())
                .put("duplicateFrames", received.duplicates())
                .put("corruptFrames", received.corrupt())
                .put("firstCorrupt", stream.firstCorrupt())
                .put("verified", stream.isComplete())
                .fields();
    }
}
