package dev.outboard.uio;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Registers that are mapped here: of a device on a bus, or of another process in shared memory. Any
 * thread; no access allocates.
 *
 * <p>Volatile accesses: a store to memory that is not a device's could otherwise be passed by the
 * read of another register, which no bus allows.
 */
public final class MappedRegisters implements Registers {
    private static final VarHandle BYTE =
            ValueLayout.JAVA_BYTE.varHandle().withInvokeExactBehavior();
    private static final VarHandle SHORT =
            ValueLayout.JAVA_SHORT
                    .withOrder(ByteOrder.LITTLE_ENDIAN)
                    .varHandle()
                    .withInvokeExactBehavior();
    private static final VarHandle INT =
            ValueLayout.JAVA_INT
                    .withOrder(ByteOrder.LITTLE_ENDIAN)
                    .varHandle()
                    .withInvokeExactBehavior();
    private static final VarHandle LONG =
            ValueLayout.JAVA_LONG
                    .withOrder(ByteOrder.LITTLE_ENDIAN)
                    .varHandle()
                    .withInvokeExactBehavior();

    private final MemorySegment memory;

    /** The registers in some memory, which stays its owner's. */
    public MappedRegisters(MemorySegment memory) {
        this.memory = memory;
    }

    @Override
    public long lengthBytes() {
        return memory.byteSize();
    }

    private static long at(long offset, int bytes) {
        if (offset % bytes != 0) {
            throw new IndexOutOfBoundsException(
                    "offset=0x%x is not aligned to %d bytes".formatted(offset, bytes));
        }
        return offset;
    }

    @Override
    public byte getByte(long offset) {
        return (byte) BYTE.getVolatile(memory, offset);
    }

    @Override
    public void putByte(long offset, byte value) {
        BYTE.setVolatile(memory, offset, value);
    }

    @Override
    public short getShort(long offset) {
        return (short) SHORT.getVolatile(memory, at(offset, Short.BYTES));
    }

    @Override
    public void putShort(long offset, short value) {
        SHORT.setVolatile(memory, at(offset, Short.BYTES), value);
    }

    @Override
    public int getInt(long offset) {
        return (int) INT.getVolatile(memory, at(offset, Integer.BYTES));
    }

    @Override
    public void putInt(long offset, int value) {
        INT.setVolatile(memory, at(offset, Integer.BYTES), value);
    }

    @Override
    public long getLong(long offset) {
        return (long) LONG.getVolatile(memory, at(offset, Long.BYTES));
    }

    @Override
    public void putLong(long offset, long value) {
        LONG.setVolatile(memory, at(offset, Long.BYTES), value);
    }
}
