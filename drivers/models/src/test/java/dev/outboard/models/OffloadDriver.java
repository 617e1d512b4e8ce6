package dev.outboard.models;

import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;

import dev.outboard.virtio.NetDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A network driver in a test that chooses its features: sends frames with any header, up to 64 KiB,
 * and receives into buffers of any size, several to a frame.
 */
final class OffloadDriver implements AutoCloseable {
    static final int CONTROL_BYTES = 4096;
    private static final int HEADER = NetDescriptor.HEADER_BYTES;
    private static final int LONGEST = 1 << 17;

    final TestDriver driver;
    final int pairs;
    final int bufferBytes;
    private final int[] supplied;
    private final long buffers;
    private final long sendBuffer;
    private final long control;

    /** The header of the last frame, and how many buffers it had. */
    byte[] header = new byte[HEADER];

    int lastBuffers;

    /** Starts pairs of queues, and a control queue behind them if there is one. */
    OffloadDriver(TestDriver opened, long wanted, int pairs, int bufferBytes, boolean controlled) {
        driver = opened.wanting(wanted).start(2 * pairs + (controlled ? 1 : 0), 0);
        this.pairs = pairs;
        this.bufferBytes = bufferBytes;
        supplied = new int[pairs];
        control = driver.dataAddress;
        sendBuffer = control + CONTROL_BYTES;
        buffers = sendBuffer + LONGEST;
    }

    private long buffer(int pair, int head) {
        return buffers + ((long) pair * TestDriver.ENTRIES + head) * bufferBytes;
    }

    /** Gives so many more buffers. */
    OffloadDriver supply(int pair, int count) {
        var ring = driver.rings.get(2 * pair);
        int before = ring.availableIndex;
        for (int i = 0; i < count; i++) {
            int head = supplied[pair]++;
            ring.descriptor(head, buffer(pair, head), bufferBytes, FLAG_WRITE, 0);
            ring.offer(head);
        }
        driver.publish(2 * pair, before);
        return this;
    }

    /** A header. */
    static byte[] header(int flags, int type, int length, int size, int start, int offset) {
        var header = new byte[HEADER];
        header[0] = (byte) flags;
        header[1] = (byte) type;
        put(header, 2, length);
        put(header, 4, size);
        put(header, 6, start);
        put(header, 8, offset);
        return header;
    }

    private static void put(byte[] bytes, int at, int value) {
        bytes[at] = (byte) value;
        bytes[at + 1] = (byte) (value >>> 8);
    }

    /** Sends a frame and waits until it is taken. */
    void send(int pair, byte[] header, byte[] frame) {
        offer(pair, header, frame);
        driver.awaitUsed(2 * pair + 1);
    }

    /** Sends a frame. */
    void offer(int pair, byte[] header, byte[] frame) {
        var bytes = driver.bytes(sendBuffer, HEADER + frame.length);
        MemorySegment.copy(header, 0, bytes, ValueLayout.JAVA_BYTE, 0, HEADER);
        MemorySegment.copy(frame, 0, bytes, ValueLayout.JAVA_BYTE, HEADER, frame.length);
        var ring = driver.rings.get(2 * pair + 1);
        ring.descriptor(0, sendBuffer, HEADER + frame.length, 0, 0);
        int before = ring.availableIndex;
        ring.offer(0);
        driver.publish(2 * pair + 1, before);
    }

    /** The next frame of a pair, put together; null when there is none. Its buffers go back. */
    byte[] poll(int pair) {
        var ring = driver.rings.get(2 * pair);
        if (!ring.take()) {
            return null;
        }
        var all = new byte[0];
        int wanted = 1;
        for (int buffer = 0; buffer < wanted; buffer++) {
            if (buffer > 0 && !ring.take()) {
                throw new AssertionError("a frame of which only a part is there");
            }
            byte[] part =
                    driver.bytes(buffer(pair, ring.takenHead), ring.takenLength)
                            .toArray(ValueLayout.JAVA_BYTE);
            if (buffer == 0) {
                header = Arrays.copyOf(part, HEADER);
                wanted = part[10] & 0xff | (part[11] & 0xff) << 8;
            }
            int before = all.length;
            all = Arrays.copyOf(all, before + part.length);
            System.arraycopy(part, 0, all, before, part.length);
            int index = ring.availableIndex;
            ring.offer(ring.takenHead);
            driver.publish(2 * pair, index);
        }
        lastBuffers = wanted;
        return Arrays.copyOfRange(all, HEADER, all.length);
    }

    /** Waits for the next frame of a pair. */
    byte[] next(int pair) {
        var frame = new byte[1][];
        Await.until(
                "a frame",
                () -> {
                    frame[0] = poll(pair);
                    return frame[0] != null;
                });
        return frame[0];
    }

    /** Gives an order; the answer. */
    int order(int... bytes) {
        int queue = 2 * pairs;
        var memory = driver.bytes(control, CONTROL_BYTES);
        for (int i = 0; i < bytes.length; i++) {
            memory.set(ValueLayout.JAVA_BYTE, i, (byte) bytes[i]);
        }
        long answer = control + CONTROL_BYTES - 1;
        memory.set(ValueLayout.JAVA_BYTE, CONTROL_BYTES - 1, (byte) 0xee);
        var ring = driver.rings.get(queue);
        ring.descriptor(0, control, bytes.length, 1, 1);
        ring.descriptor(1, answer, 1, FLAG_WRITE, 0);
        int before = ring.availableIndex;
        ring.offer(0);
        driver.publish(queue, before);
        driver.awaitUsed(queue);
        return memory.get(ValueLayout.JAVA_BYTE, CONTROL_BYTES - 1);
    }

    @Override
    public void close() {
        driver.close();
    }
}
