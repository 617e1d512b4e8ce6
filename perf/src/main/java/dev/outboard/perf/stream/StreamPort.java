package dev.outboard.perf.stream;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.OutOfDmaMemoryException;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.perf.pattern.Pattern;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;

/**
 * One end of a stream: the queues of a network interface, its address and that of the peer. Writes
 * frames straight into the buffers that the device will read. One thread; nothing allocates after
 * the constructor, but a move to other memory.
 */
final class StreamPort {
    private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final TransmitQueue transmit;
    private final ReceiveQueue receive;
    private final int mtuBytes;
    private final MemorySegment addresses;
    private final ClientContext context;
    private final LongFunction<DmaMemory> allocator;

    // Which change of memory the buffers of a direction have followed.
    private long followedOut;
    private long followedIn;

    /**
     * @param context tells when memory has come, or is wanted back
     */
    StreamPort(NetworkService service, ClientContext context) {
        this.context = context;
        allocator = context::allocate;
        transmit = service.transmitQueue(0);
        receive = service.receiveQueue(0);
        int mtu = service.mtuBytes();
        mtuBytes = Math.min(mtu, transmit.capacityBytes() - StreamDescriptor.ETHERNET_BYTES);
        var header = new byte[StreamDescriptor.ETHERNET_BYTES];
        Arrays.fill(header, 0, StreamDescriptor.ADDRESS_BYTES, (byte) 0xFF);
        System.arraycopy(
                service.macAddress(),
                0,
                header,
                StreamDescriptor.SOURCE,
                StreamDescriptor.ADDRESS_BYTES);
        addresses = MemorySegment.ofArray(header);
        addresses.set(
                StreamDescriptor.SHORT,
                StreamDescriptor.ETHER_TYPE,
                StreamDescriptor.ETHER_TYPE_LOCAL);
    }

    TransmitQueue transmit() {
        return transmit;
    }

    ReceiveQueue receive() {
        return receive;
    }

    /** The largest Ethernet payload of a frame. */
    int mtuBytes() {
        return mtuBytes;
    }

    /**
     * Moves the buffers when memory has come, or is wanted back; to be asked often.
     *
     * @return false if nothing may be claimed until frames under way have come back
     */
    boolean follow() {
        long changes = context.memoryChanges();
        if (changes == followedOut && changes == followedIn) {
            return true;
        }
        try {
            if (changes != followedIn && receive.move(allocator)) {
                followedIn = changes;
            }
            if (changes != followedOut && transmit.move(allocator)) {
                followedOut = changes;
            }
        } catch (OutOfDmaMemoryException nowhere) {
            // They stay where they are; who wants that memory is told so.
            followedIn = changes;
            followedOut = changes;
        }
        return changes == followedOut;
    }

    /** Frames go to whoever sent this one from now on; until then they go to everyone. */
    void answer(MemorySegment frame, long at) {
        MemorySegment.copy(
                frame,
                at + StreamDescriptor.SOURCE,
                addresses,
                StreamDescriptor.DESTINATION,
                StreamDescriptor.ADDRESS_BYTES);
    }

    /** Writes a data frame into a claimed buffer and commits it. */
    void writeData(
            int buffer,
            Fragmentation cut,
            Pattern pattern,
            int stream,
            long message,
            int fragment) {
        var memory = transmit.memory();
        long at = transmit.offset(buffer);
        int patternBytes = cut.patternBytes(fragment);
        writeHeader(memory, at, FrameKind.DATA, stream);
        memory.set(StreamDescriptor.SHORT, at + StreamDescriptor.FRAGMENT, (short) fragment);
        memory.set(StreamDescriptor.INT, at + StreamDescriptor.OFFSET, cut.offset(fragment));
        memory.set(StreamDescriptor.INT, at + StreamDescriptor.MESSAGE_BYTES, cut.messageBytes());
        memory.set(StreamDescriptor.INT, at + StreamDescriptor.PATTERN_BYTES, patternBytes);
        memory.set(StreamDescriptor.LONG, at + StreamDescriptor.MESSAGE, message);
        pattern.fill(
                memory,
                at + StreamDescriptor.PATTERN,
                patternBytes,
                StreamVerifier.key(pattern, stream, message, fragment));
        transmit.commit(buffer, StreamDescriptor.ETHERNET_BYTES + cut.payloadBytes(fragment));
    }

    /** Sends a control frame; waits for a buffer where there is none. */
    void send(byte kind, int stream, long[] values) {
        int buffer = claim();
        var memory = transmit.memory();
        long at = transmit.offset(buffer);
        writeHeader(memory, at, kind, stream);
        memory.set(StreamDescriptor.SHORT, at + StreamDescriptor.FRAGMENT, (short) 0);
        memory.set(StreamDescriptor.LONG, at + StreamDescriptor.OFFSET, 0);
        memory.set(StreamDescriptor.LONG, at + StreamDescriptor.PATTERN_BYTES, 0);
        memory.set(StreamDescriptor.INT, at + StreamDescriptor.MESSAGE + Integer.BYTES, 0);
        for (int i = 0; i < StreamDescriptor.VALUES; i++) {
            memory.set(
                    StreamDescriptor.LONG,
                    at + StreamDescriptor.PATTERN + (long) i * Long.BYTES,
                    values[i]);
        }
        transmit.commit(buffer, StreamDescriptor.CONTROL_BYTES);
        transmit.flush();
    }

    /** A buffer, however long it takes; a device that finishes nothing is an error. */
    int claim() {
        int buffer = transmit.claim();
        long deadline = 0;
        while (buffer == TransmitQueue.NONE) {
            transmit.flush();
            transmit.await(TimeUnit.MILLISECONDS.toNanos(50));
            buffer = transmit.claim();
            long now = System.nanoTime();
            deadline = deadline == 0 ? now + STUCK_NANOS : deadline;
            if (buffer == TransmitQueue.NONE && now - deadline > 0) {
                throw new DeviceException(
                        "the device has finished no frame for %d s: pending=%d frames=%d; is the"
                                        .formatted(
                                                TimeUnit.NANOSECONDS.toSeconds(STUCK_NANOS),
                                                transmit.pending(),
                                                transmit.frames())
                                + " other end of its link running?");
            }
        }
        return buffer;
    }

    private void writeHeader(MemorySegment memory, long at, byte kind, int stream) {
        MemorySegment.copy(addresses, 0, memory, at, StreamDescriptor.ETHERNET_BYTES);
        memory.set(ValueLayout.JAVA_BYTE, at + StreamDescriptor.KIND, kind);
        memory.set(
                ValueLayout.JAVA_BYTE, at + StreamDescriptor.VERSION, StreamDescriptor.VERSION_1);
        memory.set(StreamDescriptor.SHORT, at + StreamDescriptor.STREAM, (short) stream);
    }

    /** Whether this is a frame of ours; on a shared link there are others. */
    static boolean isOurs(MemorySegment memory, long at, int lengthBytes) {
        return lengthBytes >= StreamDescriptor.PATTERN
                && memory.get(StreamDescriptor.SHORT, at + StreamDescriptor.ETHER_TYPE)
                        == StreamDescriptor.ETHER_TYPE_LOCAL
                && memory.get(ValueLayout.JAVA_BYTE, at + StreamDescriptor.VERSION)
                        == StreamDescriptor.VERSION_1;
    }

    static byte kind(MemorySegment memory, long at) {
        return memory.get(ValueLayout.JAVA_BYTE, at + StreamDescriptor.KIND);
    }

    static int stream(MemorySegment memory, long at) {
        return Short.toUnsignedInt(
                memory.get(StreamDescriptor.SHORT, at + StreamDescriptor.STREAM));
    }

    static long value(MemorySegment memory, long at, int index) {
        return memory.get(
                StreamDescriptor.LONG, at + StreamDescriptor.PATTERN + (long) index * Long.BYTES);
    }
}
