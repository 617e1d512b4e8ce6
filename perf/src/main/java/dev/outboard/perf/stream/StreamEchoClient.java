package dev.outboard.perf.stream;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.perf.measure.Measurement;
import dev.outboard.perf.measure.Results;
import dev.outboard.perf.pattern.Pattern;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * {@code stream-echo}: sends messages to a link that sends back whatever it gets, and checks every
 * byte of what comes back. For back-ends that forward from a port to itself.
 */
public final class StreamEchoClient implements Client {
    private static final int BATCH = 32;
    private static final long QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final long PROBE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long PROBE_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final int PROBE_STREAM = 0xFFFF;

    @Override
    public String name() {
        return "stream-echo";
    }

    @Override
    public String help() {
        return "sends messages to a link that sends them back, and checks every byte; "
                + StreamOptions.HELP;
    }

    @Override
    public Class<? extends Service> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var options = StreamOptions.of(context.options());
        if (options.window() == 0) {
            throw new IllegalArgumentException("option window=0: an echo needs a limit");
        }
        var port = new StreamPort((NetworkService) service, context);
        context.ready();
        awaitEcho(port, context);
        var rows = new ArrayList<Map<String, Object>>();
        boolean verified = true;
        for (int i = 0; i < options.sizes().length && !context.isStopping(); i++) {
            int size = options.sizes()[i];
            var echo =
                    new Echo(port, context, i, new Fragmentation(size, port.mtuBytes()), options);
            var measured = new Measurement(options.watched());
            measured.start();
            var sent = echo.run();
            measured.stop();
            verified &= echo.verifier.totals().isComplete(sent) && sent.frames() > 0;
            rows.add(row(size, sent, echo.verifier, measured));
        }
        context.result("streams", rows);
        context.result("verified", verified);
    }

    /** Probes until one comes back: the other program may still be starting. */
    private static void awaitEcho(StreamPort port, ClientContext context) {
        var values = new long[StreamDescriptor.VALUES];
        var seen = new boolean[1];
        FrameHandler handler =
                (memory, at, length) ->
                        seen[0] |=
                                StreamPort.isOurs(memory, at, length)
                                        && StreamPort.stream(memory, at) == PROBE_STREAM;
        long start = System.nanoTime();
        while (!seen[0]) {
            if (System.nanoTime() - start > PROBE_LIMIT_NANOS || context.isStopping()) {
                throw new DeviceException(
                        "nothing came back: does the other end forward frames to where they came"
                                + " from?");
            }
            port.send(FrameKind.START, PROBE_STREAM, values);
            port.receive().await(PROBE_NANOS);
            port.receive().poll(handler, BATCH);
        }
    }

    private static Map<String, Object> row(
            int size, StreamTotals sent, StreamVerifier verifier, Measurement measured) {
        var received = verifier.totals();
        return new Results()
                .put("sizeBytes", size)
                .put("throughputMbps", received.bytes() * 8 / measured.elapsedSeconds() / 1e6)
                .put("operationsPerSecond", received.messages() / measured.elapsedSeconds())
                .put("sentFrames", sent.frames())
                .put("receivedFrames", received.frames())
                .put("sentBytes", sent.bytes())
                .put("receivedBytes", received.bytes())
                .put("missingFrames", received.missing())
                .put("duplicateFrames", received.duplicates())
                .put("corruptFrames", received.corrupt())
                .put("firstCorrupt", verifier.firstCorrupt())
                .put(measured)
                .put("verified", received.isComplete(sent) && sent.frames() > 0)
                .fields();
    }

    /** One size: a window of frames under way, each checked when it is back. */
    private static final class Echo {
        private final StreamPort port;
        private final ClientContext context;
        private final Fragmentation cut;
        private final StreamOptions options;
        private final Pattern pattern;
        private final StreamVerifier verifier;
        private final int stream;
        private final FrameHandler handler = this::onFrame;

        private Echo(
                StreamPort port,
                ClientContext context,
                int stream,
                Fragmentation cut,
                StreamOptions options) {
            this.port = port;
            this.context = context;
            this.stream = stream;
            this.cut = cut;
            this.options = options;
            pattern = new Pattern(options.seed(), cut.maximumPatternBytes());
            verifier = new StreamVerifier(stream, cut, pattern);
        }

        private StreamTotals run() {
            long limit = options.messages() == 0 ? Long.MAX_VALUE : options.messages();
            long start = System.nanoTime();
            long frames = 0;
            long message = 0;
            boolean ending = false;
            while (!ending) {
                long room = options.window() - (frames - verifier.position());
                // Whole messages only, so that what is sent can be compared with what came.
                while (room >= cut.frames() && message < limit) {
                    sendMessage(message++);
                    frames += cut.frames();
                    room -= cut.frames();
                }
                port.transmit().flush();
                boolean idle = port.receive().poll(handler, BATCH) == 0;
                if (idle && !port.receive().await(QUIET_NANOS)) {
                    break;
                }
                ending =
                        message >= limit
                                || System.nanoTime() - start >= options.durationNanos()
                                || context.isStopping();
            }
            while (verifier.position() < frames
                    && (port.receive().poll(handler, BATCH) > 0
                            || port.receive().await(QUIET_NANOS))) {
                Thread.onSpinWait();
            }
            verifier.finish(frames);
            return StreamTotals.sent(frames, message, message * cut.messageBytes());
        }

        private void sendMessage(long message) {
            for (int fragment = 0; fragment < cut.frames(); fragment++) {
                int buffer = port.transmit().claim();
                if (buffer == TransmitQueue.NONE) {
                    buffer = port.claim();
                }
                port.writeData(buffer, cut, pattern, stream, message, fragment);
            }
        }

        private void onFrame(MemorySegment memory, long at, int lengthBytes) {
            if (StreamPort.isOurs(memory, at, lengthBytes)
                    && StreamPort.kind(memory, at) == FrameKind.DATA
                    && StreamPort.stream(memory, at) == stream) {
                verifier.accept(memory, at, lengthBytes);
            }
        }
    }
}
