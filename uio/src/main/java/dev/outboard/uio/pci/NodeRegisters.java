package dev.outboard.uio.pci;

import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.Registers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Registers that are read and written through a node of the kernel's: one call each, of the
 * register's width. Any thread, one access at a time; allocates nothing.
 *
 * <p>The kernel hands the bytes over in the order of the device, which is little-endian. One of 64
 * bits may reach the device as two halves, the lower one first.
 */
public final class NodeRegisters implements Registers {
    private static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final DeviceNode node;
    private final String name;
    private final long base;
    private final long lengthBytes;

    /** By the width of an access: as many bytes of the same word. */
    private final MemorySegment[] words = new MemorySegment[Long.BYTES + 1];

    /**
     * A part of a node.
     *
     * @param node stays its owner's, open as long as this is used
     * @param name for people: which registers these are
     * @param base where in the node they begin
     */
    public NodeRegisters(DeviceNode node, String name, long base, long lengthBytes) {
        this.node = node;
        this.name = name;
        this.base = base;
        this.lengthBytes = lengthBytes;
        MemorySegment word = Arena.ofAuto().allocate(Long.BYTES, Long.BYTES);
        for (int bytes = 1; bytes <= Long.BYTES; bytes <<= 1) {
            words[bytes] = word.asSlice(0, bytes);
        }
    }

    @Override
    public long lengthBytes() {
        return lengthBytes;
    }

    private void check(long offset, int bytes) {
        if (offset < 0 || offset > lengthBytes - bytes || offset % bytes != 0) {
            throw new IndexOutOfBoundsException(
                    "offset=0x%x bytes=%d is no register of %s of 0x%x bytes"
                            .formatted(offset, bytes, name, lengthBytes));
        }
    }

    /** Reads; the caller holds the lock until it has the value. */
    private MemorySegment read(long offset, int bytes) {
        check(offset, bytes);
        MemorySegment word = words[bytes];
        require(node.read(word, base + offset), "pread", offset, bytes);
        return word;
    }

    private void write(long offset, int bytes) {
        require(node.write(words[bytes], base + offset), "pwrite", offset, bytes);
    }

    private void require(long answer, String call, long offset, int bytes) {
        if (answer < 0) {
            throw DeviceNode.failure(call, answer, operands(offset, bytes));
        }
        if (answer != bytes) {
            throw new IllegalStateException(
                    "%s of %s moved %d bytes".formatted(call, operands(offset, bytes), answer));
        }
    }

    private String operands(long offset, int bytes) {
        return "%s, offset=0x%x, bytes=%d".formatted(name, offset, bytes);
    }

    @Override
    public synchronized byte getByte(long offset) {
        return read(offset, Byte.BYTES).get(ValueLayout.JAVA_BYTE, 0);
    }

    @Override
    public synchronized void putByte(long offset, byte value) {
        check(offset, Byte.BYTES);
        words[Byte.BYTES].set(ValueLayout.JAVA_BYTE, 0, value);
        write(offset, Byte.BYTES);
    }

    @Override
    public synchronized short getShort(long offset) {
        return read(offset, Short.BYTES).get(U16, 0);
    }

    @Override
    public synchronized void putShort(long offset, short value) {
        check(offset, Short.BYTES);
        words[Short.BYTES].set(U16, 0, value);
        write(offset, Short.BYTES);
    }

    @Override
    public synchronized int getInt(long offset) {
        return read(offset, Integer.BYTES).get(U32, 0);
    }

    @Override
    public synchronized void putInt(long offset, int value) {
        check(offset, Integer.BYTES);
        words[Integer.BYTES].set(U32, 0, value);
        write(offset, Integer.BYTES);
    }

    @Override
    public synchronized long getLong(long offset) {
        return read(offset, Long.BYTES).get(U64, 0);
    }

    @Override
    public synchronized void putLong(long offset, long value) {
        check(offset, Long.BYTES);
        words[Long.BYTES].set(U64, 0, value);
        write(offset, Long.BYTES);
    }
}
