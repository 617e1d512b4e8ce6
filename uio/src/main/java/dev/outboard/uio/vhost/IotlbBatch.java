package dev.outboard.uio.vhost;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * IOTLB messages of a front-end, one after another in native memory, sent with one call. What they
 * mean is {@link IotlbMessage}'s.
 *
 * <p>Owned by one thread, which fills it and has {@link VhostFrontEnd} send it. No method
 * allocates.
 */
public final class IotlbBatch {
    /** The most messages at once. */
    public static final int MAX_MESSAGES = 64;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final int MESSAGE_BYTES =
            HeaderDescriptor.HEADER_BYTES + PayloadDescriptor.IOTLB_BYTES;

    private final MemorySegment memory =
            Arena.ofAuto().allocate((long) MAX_MESSAGES * MESSAGE_BYTES, Long.BYTES);
    private int count;

    /** An empty batch. */
    public IotlbBatch() {
        for (int index = 0; index < MAX_MESSAGES; index++) {
            long at = (long) index * MESSAGE_BYTES;
            memory.set(INT, at + HeaderDescriptor.REQUEST_OFFSET, Requests.IOTLB_MSG);
            memory.set(INT, at + HeaderDescriptor.SIZE_OFFSET, PayloadDescriptor.IOTLB_BYTES);
        }
    }

    /** What fills a batch while nobody else sends. */
    @FunctionalInterface
    public interface Source {
        /** Adds at most {@link #MAX_MESSAGES} messages; short, and sends nothing itself. */
        void fill(IotlbBatch batch);
    }

    /**
     * Gives the back-end a translation.
     *
     * @param userAddress where it is, as the memory table told user addresses
     * @param access 1 for the device to read, 2 to write, 3 both
     * @throws IllegalStateException if the batch is full
     * @throws VhostProtocolException if it is none
     */
    public void update(long iova, long lengthBytes, long userAddress, int access) {
        add(iova, lengthBytes, userAddress, access, IotlbMessage.UPDATE);
    }

    /** Takes what the back-end has of a range. */
    public void invalidate(long iova, long lengthBytes) {
        add(iova, lengthBytes, 0, 0, IotlbMessage.INVALIDATE);
    }

    private void add(long iova, long lengthBytes, long userAddress, int access, int type) {
        if (isFull()) {
            throw new IllegalStateException("a batch has at most " + MAX_MESSAGES + " messages");
        }
        IotlbMessage.requirePlausible(iova, lengthBytes, userAddress, access, type);
        long header = (long) count * MESSAGE_BYTES;
        long payload = header + HeaderDescriptor.HEADER_BYTES;
        memory.set(INT, header + HeaderDescriptor.FLAGS_OFFSET, HeaderDescriptor.VERSION);
        memory.set(LONG, payload + PayloadDescriptor.IOTLB_IOVA_OFFSET, iova);
        memory.set(LONG, payload + PayloadDescriptor.IOTLB_LENGTH_OFFSET, lengthBytes);
        memory.set(LONG, payload + PayloadDescriptor.IOTLB_USER_OFFSET, userAddress);
        memory.set(
                ValueLayout.JAVA_BYTE,
                payload + PayloadDescriptor.IOTLB_ACCESS_OFFSET,
                (byte) access);
        memory.set(
                ValueLayout.JAVA_BYTE, payload + PayloadDescriptor.IOTLB_TYPE_OFFSET, (byte) type);
        count++;
    }

    /** Forgets all messages. */
    public void clear() {
        count = 0;
    }

    /** How many messages are in it. */
    public int count() {
        return count;
    }

    /** Whether no message is in it. */
    public boolean isEmpty() {
        return count == 0;
    }

    /** Whether no further message fits. */
    public boolean isFull() {
        return count == MAX_MESSAGES;
    }

    /** Asks for an answer to the last message: when it comes, all have been obeyed. */
    void wantAnswer() {
        memory.set(
                INT,
                (long) (count - 1) * MESSAGE_BYTES + HeaderDescriptor.FLAGS_OFFSET,
                HeaderDescriptor.VERSION | HeaderDescriptor.FLAG_NEED_REPLY);
    }

    MemorySegment memory() {
        return memory;
    }

    int lengthBytes() {
        return count * MESSAGE_BYTES;
    }
}
