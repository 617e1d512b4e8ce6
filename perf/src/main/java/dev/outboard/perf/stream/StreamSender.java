package dev.outboard.perf.stream;

import dev.outboard.driver.ClientContext;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.perf.pattern.Pattern;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;

/**
 * The sending end: START until answered, data for a time, END until answered with the receiver's
 * totals. One thread; sending data allocates nothing.
 */
final class StreamSender {
    private static final int BATCH = 32;
    private static final long REPEAT_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** Without credit for this long, what is under way is taken for lost. */
    private static final long STALL_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** Between two looks whether all buffers are free to move. */
    private static final long MOVE_NANOS = TimeUnit.MICROSECONDS.toNanos(200);

    /** So long somebody who was asked to stop waits for the other end's totals. */
    private static final long STOPPING_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final StreamPort port;
    private final ClientContext context;
    private final FrameHandler handler = this::onFrame;
    private final long[] values = new long[StreamDescriptor.VALUES];
    private final long[] answer = new long[StreamDescriptor.VALUES];

    private int stream;
    private int awaited;
    private boolean answered;
    private long credited;
    private long stalls;

    StreamSender(StreamPort port, ClientContext context) {
        this.port = port;
        this.context = context;
    }

    /** What both ends counted. */
    record Outcome(StreamTotals sent, StreamTotals received, long stalls) {
        boolean isComplete() {
            return received.isComplete(sent);
        }
    }

    /** One stream; the caller measures around it. */
    Outcome run(int number, Fragmentation cut, StreamOptions options, long durationNanos) {
        open(number, cut, options);
        var sent =
                sendData(
                        cut,
                        new Pattern(options.seed(), cut.maximumPatternBytes()),
                        options,
                        durationNanos);
        return new Outcome(sent, finish(sent), stalls);
    }

    /** Agrees with the receiver on a stream. */
    void open(int number, Fragmentation cut, StreamOptions options) {
        stream = number;
        credited = 0;
        stalls = 0;
        set(options.seed(), cut.messageBytes(), options.window(), port.mtuBytes());
        ask(FrameKind.START, FrameKind.START_ACK);
    }

    /** Sends data until the time is up, or the limit is reached; whole messages only. */
    StreamTotals sendData(
            Fragmentation cut, Pattern pattern, StreamOptions options, long durationNanos) {
        long limit = options.messages() == 0 ? Long.MAX_VALUE : options.messages();
        long start = System.nanoTime();
        boolean ending = false;
        long frames = 0;
        long message = 0;
        int fragment = 0;
        while (!ending || fragment != 0) {
            boolean isSettled = port.follow();
            int room = isSettled ? room(frames, options.window()) : 0;
            int wrote = 0;
            while (wrote < room && message < limit && !(ending && fragment == 0)) {
                int buffer = port.transmit().claim();
                if (buffer == TransmitQueue.NONE) {
                    break;
                }
                port.writeData(buffer, cut, pattern, stream, message, fragment);
                wrote++;
                fragment = fragment + 1 == cut.frames() ? 0 : fragment + 1;
                message += fragment == 0 ? 1 : 0;
            }
            frames += wrote;
            port.transmit().flush();
            int taken = port.receive().poll(handler, BATCH);
            if (!isSettled) {
                port.transmit().await(MOVE_NANOS);
            } else if (wrote == 0 && taken == 0 && message < limit) {
                waitForRoom(room, frames);
            }
            long now = System.nanoTime();
            ending =
                    ending
                            || now - start >= durationNanos
                            || message >= limit
                            || context.isStopping();
        }
        return StreamTotals.sent(frames, message, message * cut.messageBytes());
    }

    private int room(long frames, int window) {
        return window == 0 ? BATCH : (int) Math.min(BATCH, window - (frames - credited));
    }

    private void waitForRoom(int room, long frames) {
        if (room > 0) {
            // Waits until the device has given a buffer back; what is claimed is handed over at
            // once.
            port.transmit().abandon(port.claim());
        } else if (!port.receive().await(STALL_NANOS)) {
            credited = frames;
            stalls++;
        }
    }

    /** Ends the stream and gets the receiver's totals. */
    StreamTotals finish(StreamTotals sent) {
        set(sent.frames(), sent.messages(), sent.bytes(), 0);
        ask(FrameKind.END, FrameKind.END_ACK);
        return new StreamTotals(answer[0], answer[1], answer[2], answer[3], answer[4], answer[5]);
    }

    /** Says that there is no further stream. */
    void close() {
        set(0, 0, 0, 0);
        ask(FrameKind.CLOSE, FrameKind.CLOSE_ACK);
    }

    private void set(long first, long second, long third, long fourth) {
        values[0] = first;
        values[1] = second;
        values[2] = third;
        values[3] = fourth;
    }

    /** Repeats a control frame until it is answered. */
    private void ask(byte question, byte expected) {
        awaited = expected;
        answered = false;
        long start = System.nanoTime();
        while (!answered) {
            port.send(question, stream, values);
            long sent = System.nanoTime();
            if (sent - start > ANSWER_NANOS) {
                throw new DeviceException(
                        ("nobody answered for %d s: is a stream-receive running at the other end of"
                                        + " the link?")
                                .formatted(TimeUnit.NANOSECONDS.toSeconds(ANSWER_NANOS)));
            }
            long left = REPEAT_NANOS;
            while (!answered && left > 0) {
                if (port.receive().poll(handler, BATCH) == 0) {
                    port.receive().await(left);
                }
                left = REPEAT_NANOS - (System.nanoTime() - sent);
            }
            if (context.isStopping() && !answered && sent - start > STOPPING_NANOS) {
                throw new DeviceException("stopped before the other end answered");
            }
        }
    }

    private void onFrame(MemorySegment memory, long at, int lengthBytes) {
        if (!StreamPort.isOurs(memory, at, lengthBytes)
                || lengthBytes < StreamDescriptor.CONTROL_BYTES
                || StreamPort.stream(memory, at) != stream) {
            return;
        }
        byte kind = StreamPort.kind(memory, at);
        if (kind == FrameKind.CREDIT) {
            credited = Math.max(credited, StreamPort.value(memory, at, 0));
        } else if (kind == awaited && !answered) {
            answered = true;
            for (int i = 0; i < answer.length; i++) {
                answer[i] = StreamPort.value(memory, at, i);
            }
            if (kind == FrameKind.START_ACK) {
                port.answer(memory, at);
            }
        }
    }
}
