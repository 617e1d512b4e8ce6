package dev.outboard.perf.stream;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.perf.measure.ClientOptions;
import dev.outboard.perf.measure.Measurement;
import dev.outboard.perf.measure.Results;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * {@code frame-receive}: counts whatever frames come, for a time or until the link has been quiet.
 */
public final class FrameReceiveClient implements Client {
    private static final int BATCH = 64;
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private long bytes;
    private int shortest;
    private int longest;

    @Override
    public String name() {
        return "frame-receive";
    }

    @Override
    public String help() {
        return "counts frames: millis=1000 warmupMillis=300 quietMillis=0 (then goes on until"
                + " nothing came for so long) watch.NAME=PID";
    }

    @Override
    public Class<? extends Service> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var options =
                new ClientOptions(
                        context.options(), Set.of("millis", "warmupMillis", "quietMillis"));
        var queue = ((NetworkService) service).receiveQueue(0);
        bytes = 0;
        shortest = 0;
        longest = 0;
        context.ready();
        awaitFirst(queue, context);
        receive(queue, options.nanos("warmupMillis", 300), context);
        var measured = new Measurement(options.watched());
        long bytesBefore = bytes;
        measured.start();
        long frames = receive(queue, options.nanos("millis", 1000), context);
        measured.stop();
        long measuredBytes = bytes - bytesBefore;
        awaitQuiet(queue, options.nanos("quietMillis", 0), context);
        new Results()
                .put("receivedFrames", frames)
                .put("allFrames", queue.frames())
                .put("allBytes", bytes)
                .put("shortestBytes", shortest)
                .put("longestBytes", longest)
                .put("framesPerSecond", frames / measured.elapsedSeconds())
                .put("throughputMbps", measuredBytes * 8.0 / measured.elapsedSeconds() / 1e6)
                .put("interrupts", queue.interrupts())
                .put(
                        "allocatedBytesPerFrame",
                        frames == 0 ? 0 : (double) measured.allocatedBytes() / frames)
                .put(measured)
                .fields()
                .forEach(context::result);
    }

    private static void awaitFirst(ReceiveQueue queue, ClientContext context) {
        while (!queue.await(LOOK_NANOS) && !context.isStopping()) {
            Thread.onSpinWait();
        }
    }

    private long receive(ReceiveQueue queue, long durationNanos, ClientContext context) {
        FrameHandler handler = this::onFrame;
        long start = System.nanoTime();
        long before = queue.frames();
        while (System.nanoTime() - start < durationNanos && !context.isStopping()) {
            if (queue.poll(handler, BATCH) == 0) {
                queue.await(LOOK_NANOS);
            }
        }
        return queue.frames() - before;
    }

    private void awaitQuiet(ReceiveQueue queue, long quietNanos, ClientContext context) {
        long heard = System.nanoTime();
        while (System.nanoTime() - heard < quietNanos && !context.isStopping()) {
            if (queue.poll(this::onFrame, BATCH) > 0) {
                heard = System.nanoTime();
            } else {
                queue.await(LOOK_NANOS);
            }
        }
    }

    private void onFrame(MemorySegment memory, long at, int lengthBytes) {
        bytes += lengthBytes;
        shortest = shortest == 0 ? lengthBytes : Math.min(shortest, lengthBytes);
        longest = Math.max(longest, lengthBytes);
    }
}
