package dev.outboard.uio.qtest;

import dev.outboard.uio.Registers;

/**
 * Memory of the machine as registers: each access is a command, so none is merged or reordered. Any
 * thread; allocates, and costs some 20 µs an access.
 */
final class QtestRegisters implements Registers {
    private final QtestSocket socket;
    private final long base;
    private final long lengthBytes;

    QtestRegisters(QtestSocket socket, long base, long lengthBytes) {
        this.socket = socket;
        this.base = base;
        this.lengthBytes = lengthBytes;
    }

    @Override
    public long lengthBytes() {
        return lengthBytes;
    }

    private long at(long offset, int bytes) {
        if (offset < 0 || offset > lengthBytes - bytes || offset % bytes != 0) {
            throw new IndexOutOfBoundsException(
                    "offset=0x%x bytes=%d is no register of a region of 0x%x bytes"
                            .formatted(offset, bytes, lengthBytes));
        }
        return base + offset;
    }

    private long read(char width, long offset, int bytes) {
        return socket.number("read%c 0x%x".formatted(width, at(offset, bytes)));
    }

    private void write(char width, long offset, int bytes, long value) {
        socket.ask("write%c 0x%x 0x%x".formatted(width, at(offset, bytes), value));
    }

    @Override
    public byte getByte(long offset) {
        return (byte) read('b', offset, Byte.BYTES);
    }

    @Override
    public void putByte(long offset, byte value) {
        write('b', offset, Byte.BYTES, Byte.toUnsignedLong(value));
    }

    @Override
    public short getShort(long offset) {
        return (short) read('w', offset, Short.BYTES);
    }

    @Override
    public void putShort(long offset, short value) {
        write('w', offset, Short.BYTES, Short.toUnsignedLong(value));
    }

    @Override
    public int getInt(long offset) {
        return (int) read('l', offset, Integer.BYTES);
    }

    @Override
    public void putInt(long offset, int value) {
        write('l', offset, Integer.BYTES, Integer.toUnsignedLong(value));
    }

    @Override
    public long getLong(long offset) {
        return read('q', offset, Long.BYTES);
    }

    @Override
    public void putLong(long offset, long value) {
        write('q', offset, Long.BYTES, value);
    }
}
