package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One message in native memory, header and payload, that is used again and again. Offsets are the
 * payload's. One thread.
 */
final class Message {
    // The payload begins at 12: its 64-bit fields are not aligned.
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    private final MemorySegment memory =
            Arena.ofAuto().allocate(HeaderDescriptor.HEADER_BYTES + PayloadDescriptor.MAX_BYTES, 8);

    /** Header and payload, for the socket. */
    MemorySegment memory() {
        return memory;
    }

    /** How long header and payload are together. */
    int lengthBytes() {
        return HeaderDescriptor.HEADER_BYTES + size();
    }

    /** Begins a message: a header, and a payload of zeroes. */
    Message begin(int request, int flags, int size) {
        memory.fill((byte) 0);
        memory.set(INT, HeaderDescriptor.REQUEST_OFFSET, request);
        memory.set(INT, HeaderDescriptor.FLAGS_OFFSET, HeaderDescriptor.VERSION | flags);
        memory.set(INT, HeaderDescriptor.SIZE_OFFSET, size);
        return this;
    }

    int request() {
        return memory.get(INT, HeaderDescriptor.REQUEST_OFFSET);
    }

    int flags() {
        return memory.get(INT, HeaderDescriptor.FLAGS_OFFSET);
    }

    /** The payload's size as the header tells it: check it before it is used. */
    int size() {
        return memory.get(INT, HeaderDescriptor.SIZE_OFFSET);
    }

    boolean isAnswerWanted() {
        return (flags() & HeaderDescriptor.FLAG_NEED_REPLY) != 0;
    }

    /** Asks for an answer to this request. */
    void wantAnswer() {
        memory.set(INT, HeaderDescriptor.FLAGS_OFFSET, flags() | HeaderDescriptor.FLAG_NEED_REPLY);
    }

    int getInt(int offset) {
        return memory.get(INT, HeaderDescriptor.HEADER_BYTES + offset);
    }

    long getLong(int offset) {
        return memory.get(LONG, HeaderDescriptor.HEADER_BYTES + offset);
    }

    Message putInt(int offset, int value) {
        memory.set(INT, HeaderDescriptor.HEADER_BYTES + offset, value);
        return this;
    }

    Message putLong(int offset, long value) {
        memory.set(LONG, HeaderDescriptor.HEADER_BYTES + offset, value);
        return this;
    }

    int getByte(int offset) {
        return Byte.toUnsignedInt(
                memory.get(ValueLayout.JAVA_BYTE, HeaderDescriptor.HEADER_BYTES + offset));
    }

    Message putByte(int offset, int value) {
        memory.set(ValueLayout.JAVA_BYTE, HeaderDescriptor.HEADER_BYTES + offset, (byte) value);
        return this;
    }

    byte[] getBytes(int offset, int length) {
        return memory.asSlice(HeaderDescriptor.HEADER_BYTES + offset, length)
                .toArray(ValueLayout.JAVA_BYTE);
    }

    Message putBytes(int offset, byte[] bytes) {
        MemorySegment.copy(
                bytes,
                0,
                memory,
                ValueLayout.JAVA_BYTE,
                HeaderDescriptor.HEADER_BYTES + offset,
                bytes.length);
        return this;
    }

    /** The region at an offset, with the descriptor that came for it, or null. */
    MemoryRegion getRegion(int offset, Descriptor descriptor) {
        return new MemoryRegion(
                getLong(offset + PayloadDescriptor.REGION_GUEST_OFFSET),
                getLong(offset + PayloadDescriptor.REGION_LENGTH_OFFSET),
                getLong(offset + PayloadDescriptor.REGION_USER_OFFSET),
                getLong(offset + PayloadDescriptor.REGION_FILE_OFFSET),
                descriptor);
    }

    Message putRegion(int offset, MemoryRegion region) {
        return putLong(offset + PayloadDescriptor.REGION_GUEST_OFFSET, region.guestAddress())
                .putLong(offset + PayloadDescriptor.REGION_LENGTH_OFFSET, region.lengthBytes())
                .putLong(offset + PayloadDescriptor.REGION_USER_OFFSET, region.userAddress())
                .putLong(offset + PayloadDescriptor.REGION_FILE_OFFSET, region.fileOffset());
    }
}
