package dev.outboard.perf.stream;

import dev.outboard.driver.ClientContext;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.perf.measure.DeviceCounting;
import dev.outboard.perf.measure.Results;
import dev.outboard.perf.pattern.Pattern;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The receiving end: answers START, checks data, answers END with its totals, and lingers after
 * CLOSE for as long as the answer may have been lost. One thread; receiving data allocates nothing.
 */
final class StreamReceiver {
    private static final int BATCH = 64;
    private static final long LINGER_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final int CREDITS_PER_WINDOW = 4;

    private final StreamPort port;
    private final ClientContext context;
    private final long idleNanos;
    private final FrameHandler handler = this::onFrame;
    private final long[] values = new long[StreamDescriptor.VALUES];
    private final List<Received> streams = new ArrayList<>();

    private StreamVerifier verifier;
    private Fragmentation cut;
    private DeviceCounting counting;
    private long creditStep;
    private long credited;
    private boolean ended;
    private boolean closed;
    private long foreign;

    // What is to be answered: a handler must not send, its frame is still with the queue.
    private byte reply = -1;
    private int replyStream;

    StreamReceiver(StreamPort port, ClientContext context, long idleNanos) {
        this.port = port;
        this.context = context;
        this.idleNanos = idleNanos;
    }

    /** A stream that ended: what was sent by the sender's word, and what came. */
    record Received(
            int stream,
            int messageBytes,
            StreamTotals sent,
            StreamTotals received,
            String firstCorrupt,
            Results counters) {
        boolean isComplete() {
            return received.isComplete(sent);
        }
    }

    /** Receives until the sender closes, or for too long nothing came. */
    List<Received> run() {
        long heard = System.nanoTime();
        long closedAt = 0;
        while (!context.isStopping()) {
            int taken = port.receive().poll(handler, BATCH);
            port.follow();
            respond();
            long now = System.nanoTime();
            if (taken > 0) {
                heard = now;
                continue;
            }
            if (closed) {
                closedAt = closedAt == 0 ? now : closedAt;
                if (now - closedAt >= LINGER_NANOS) {
                    break;
                }
            } else if (now - heard > idleNanos) {
                throw new DeviceException(
                        "no frame for %d ms: is a stream-send running at the other end of the link?"
                                .formatted(TimeUnit.NANOSECONDS.toMillis(idleNanos)));
            }
            port.receive().await(LOOK_NANOS);
        }
        return streams;
    }

    /** Frames on the link that were not of a stream. */
    long foreignFrames() {
        return foreign;
    }

    boolean isClosed() {
        return closed;
    }

    private void respond() {
        if (reply >= 0) {
            byte kind = reply;
            reply = -1;
            port.send(kind, replyStream, values);
        } else if (creditStep > 0
                && verifier != null
                && verifier.position() - credited >= creditStep) {
            credited = verifier.position();
            values[0] = credited;
            port.send(FrameKind.CREDIT, verifier.stream(), values);
        }
    }

    private void onFrame(MemorySegment memory, long at, int lengthBytes) {
        if (!StreamPort.isOurs(memory, at, lengthBytes)) {
            foreign++;
            return;
        }
        byte kind = StreamPort.kind(memory, at);
        int stream = StreamPort.stream(memory, at);
        if (kind == FrameKind.DATA) {
            if (verifier != null && verifier.stream() == stream) {
                verifier.accept(memory, at, lengthBytes);
            } else {
                foreign++;
            }
        } else if (lengthBytes < StreamDescriptor.CONTROL_BYTES) {
            foreign++;
        } else {
            onControl(kind, stream, memory, at);
        }
    }

    private void onControl(byte kind, int stream, MemorySegment memory, long at) {
        switch (kind) {
            case FrameKind.START -> onStart(stream, memory, at);
            case FrameKind.END -> onEnd(stream, memory, at);
            case FrameKind.CLOSE -> {
                closed = true;
                reply(FrameKind.CLOSE_ACK, stream);
            }
            default -> foreign++;
        }
    }

    private void onStart(int stream, MemorySegment memory, long at) {
        if (verifier == null || verifier.stream() != stream) {
            long size = StreamPort.value(memory, at, 1);
            long window = StreamPort.value(memory, at, 2);
            long mtu = StreamPort.value(memory, at, 3);
            if (size != (int) size || window < 0 || window != (int) window || mtu != (int) mtu) {
                throw new DeviceException(
                        "a START that makes no sense: size=%d window=%d mtu=%d"
                                .formatted(size, window, mtu));
            }
            cut = new Fragmentation((int) size, (int) mtu);
            var pattern = new Pattern(StreamPort.value(memory, at, 0), cut.maximumPatternBytes());
            verifier = new StreamVerifier(stream, cut, pattern);
            creditStep = window == 0 ? 0 : Math.max(1, window / CREDITS_PER_WINDOW);
            credited = 0;
            ended = false;
            counting = new DeviceCounting(context);
            counting.start();
        }
        port.answer(memory, at);
        reply(FrameKind.START_ACK, stream);
    }

    private void onEnd(int stream, MemorySegment memory, long at) {
        if (verifier == null || verifier.stream() != stream) {
            foreign++;
            return;
        }
        var sent =
                StreamTotals.sent(
                        StreamPort.value(memory, at, 0),
                        StreamPort.value(memory, at, 1),
                        StreamPort.value(memory, at, 2));
        verifier.finish(sent.frames());
        var totals = verifier.totals();
        if (!ended) {
            ended = true;
            var counters = new Results();
            counting.stop(counters);
            streams.add(
                    new Received(
                            stream,
                            cut.messageBytes(),
                            sent,
                            totals,
                            verifier.firstCorrupt(),
                            counters));
        }
        reply(FrameKind.END_ACK, stream);
        values[0] = totals.frames();
        values[1] = totals.messages();
        values[2] = totals.bytes();
        values[3] = totals.missing();
        values[4] = totals.duplicates();
        values[5] = totals.corrupt();
    }

    private void reply(byte kind, int stream) {
        Arrays.fill(values, 0);
        reply = kind;
        replyStream = stream;
    }
}
