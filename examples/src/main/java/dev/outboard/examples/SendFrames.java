package dev.outboard.examples;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.TransmitQueue;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Sends frames to everyone. A frame is written where the device will read it: nothing is copied.
 */
public final class SendFrames implements Client {
    private static final int BATCH = 32;
    private static final long WAIT_NANOS = 100_000_000;
    private static final int ADDRESS_BYTES = 6;
    private static final int HEADER_BYTES = 14;

    /** The EtherType for private experiments (IEEE 802, local experimental 1). */
    private static final short EXPERIMENT = (short) 0x88b5;

    private static final ValueLayout.OfShort NETWORK_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    /** For the service loader. */
    public SendFrames() {}

    @Override
    public String name() {
        return "send-frames";
    }

    @Override
    public String help() {
        return "sends frames to everyone: count=100 length=64 (bytes, with the header of 14)";
    }

    @Override
    public Class<NetworkService> service() {
        return NetworkService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var network = (NetworkService) service;
        var queue = network.transmitQueue(0);
        long count = context.option("count", 100);
        long length = context.option("length", 64);
        if (length < HEADER_BYTES || length > queue.capacityBytes()) {
            throw new IllegalArgumentException(
                    "length=%d is not %d to %d bytes"
                            .formatted(length, HEADER_BYTES, queue.capacityBytes()));
        }
        var own = MemorySegment.ofArray(network.macAddress());
        context.ready();
        long committed = 0;
        while (committed < count && !context.isStopping()) {
            committed += fill(queue, own, (int) length, Math.min(BATCH, count - committed));
            // One request to the IOMMU's owner and at most one doorbell for the whole batch.
            if (queue.flush() == 0) {
                queue.await(WAIT_NANOS);
            }
        }
        while (queue.pending() > 0 && !context.isStopping()) {
            queue.await(WAIT_NANOS);
            queue.flush();
        }
        context.result("frames", queue.frames());
    }

    /** Writes frames into free buffers; how many found one. */
    private static long fill(TransmitQueue queue, MemorySegment own, int length, long wanted) {
        for (long i = 0; i < wanted; i++) {
            int buffer = queue.claim();
            if (buffer == TransmitQueue.NONE) {
                return i;
            }
            write(queue.memory(), queue.offset(buffer), own, length);
            queue.commit(buffer, length);
        }
        return wanted;
    }

    private static void write(MemorySegment memory, long offset, MemorySegment own, int length) {
        memory.asSlice(offset, ADDRESS_BYTES).fill((byte) 0xff);
        MemorySegment.copy(own, 0, memory, offset + ADDRESS_BYTES, ADDRESS_BYTES);
        memory.set(NETWORK_SHORT, offset + 2 * ADDRESS_BYTES, EXPERIMENT);
        // A buffer holds what an earlier frame left: what is sent is always written.
        memory.asSlice(offset + HEADER_BYTES, length - HEADER_BYTES).fill((byte) 0);
    }
}
