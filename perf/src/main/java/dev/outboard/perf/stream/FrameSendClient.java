package dev.outboard.perf.stream;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.perf.measure.ClientOptions;
import dev.outboard.perf.measure.Measurement;
import dev.outboard.perf.measure.Results;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * {@code frame-send}: sends frames of one size as fast as the device takes them, with nothing but a
 * header in them. For back-ends that count, and for comparison with programs that do the same.
 */
public final class FrameSendClient implements Client {
    private static final int BATCH = 32;
    private static final int MINIMUM_BYTES = 60;
    private static final int MAXIMUM_BYTES = 9014;
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    @Override
    public String name() {
        return "frame-send";
    }

    @Override
    public String help() {
        return "sends frames as fast as it can: bytes=64 (with Ethernet header) millis=1000"
                + " warmupMillis=300 frames=0 (no limit) watch.NAME=PID";
    }

    @Override
    public Class<? extends Service> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var options =
                new ClientOptions(
                        context.options(), Set.of("bytes", "millis", "warmupMillis", "frames"));
        int bytes = (int) options.number("bytes", 64, MINIMUM_BYTES, MAXIMUM_BYTES);
        long limit = options.number("frames", 0, 0, Long.MAX_VALUE);
        var port = (NetworkService) service;
        var queue = port.transmitQueue(0);
        var header = header(port);
        context.ready();
        long before = send(queue, header, bytes, options.nanos("warmupMillis", 300), 0, context);
        var measured = new Measurement(options.watched());
        measured.start();
        long sent = send(queue, header, bytes, options.nanos("millis", 1000), limit, context);
        measured.stop();
        drain(queue);
        new Results()
                .put("sizeBytes", bytes)
                .put("sentFrames", sent)
                .put("warmupFrames", before)
                .put("finishedFrames", queue.frames())
                .put("framesPerSecond", sent / measured.elapsedSeconds())
                .put("throughputMbps", sent * 8.0 * bytes / measured.elapsedSeconds() / 1e6)
                .put("doorbells", queue.doorbells())
                .put(
                        "allocatedBytesPerFrame",
                        sent == 0 ? 0 : (double) measured.allocatedBytes() / sent)
                .put(measured)
                .fields()
                .forEach(context::result);
    }

    private static MemorySegment header(NetworkService port) {
        var header = new byte[StreamDescriptor.ETHERNET_BYTES];
        Arrays.fill(header, 0, StreamDescriptor.ADDRESS_BYTES, (byte) 0xFF);
        System.arraycopy(
                port.macAddress(),
                0,
                header,
                StreamDescriptor.SOURCE,
                StreamDescriptor.ADDRESS_BYTES);
        var segment = MemorySegment.ofArray(header);
        segment.set(
                StreamDescriptor.SHORT,
                StreamDescriptor.ETHER_TYPE,
                StreamDescriptor.ETHER_TYPE_LOCAL);
        return segment;
    }

    private static long send(
            TransmitQueue queue,
            MemorySegment header,
            int bytes,
            long durationNanos,
            long limit,
            ClientContext context) {
        long start = System.nanoTime();
        long sent = 0;
        while (System.nanoTime() - start < durationNanos
                && (limit == 0 || sent < limit)
                && !context.isStopping()) {
            int batch = limit == 0 ? BATCH : (int) Math.min(BATCH, limit - sent);
            int wrote = 0;
            while (wrote < batch) {
                int buffer = queue.claim();
                if (buffer == TransmitQueue.NONE) {
                    break;
                }
                MemorySegment.copy(
                        header, 0, queue.memory(), queue.offset(buffer), header.byteSize());
                queue.commit(buffer, bytes);
                wrote++;
            }
            queue.flush();
            sent += wrote;
            if (wrote == 0) {
                queue.await(LOOK_NANOS);
            }
        }
        return sent;
    }

    /** Waits until the device has taken what was handed over, so that both ends count the same. */
    private static void drain(TransmitQueue queue) {
        long start = System.nanoTime();
        while (queue.pending() > 0 && System.nanoTime() - start < TimeUnit.SECONDS.toNanos(2)) {
            queue.flush();
            if (queue.pending() > 0) {
                queue.await(LOOK_NANOS);
            }
        }
    }
}
