package dev.outboard.uio.qtest;

import dev.outboard.uio.Registers;
import dev.outboard.uio.pci.ConfigurationDescriptor;
import dev.outboard.uio.pci.ConfigurationSpace;

/** A function's part of the machine's memory-mapped configuration space. Any thread. */
final class QtestConfiguration implements ConfigurationSpace {
    private final Registers registers;

    QtestConfiguration(QtestSocket socket, long base) {
        registers = new QtestRegisters(socket, base, ConfigurationDescriptor.EXTENDED_LENGTH_BYTES);
    }

    @Override
    public int lengthBytes() {
        return ConfigurationDescriptor.EXTENDED_LENGTH_BYTES;
    }

    @Override
    public long read(int offset, int bytes) {
        ConfigurationSpace.check(offset, bytes, lengthBytes());
        return switch (bytes) {
            case Byte.BYTES -> Byte.toUnsignedLong(registers.getByte(offset));
            case Short.BYTES -> Short.toUnsignedLong(registers.getShort(offset));
            default -> Integer.toUnsignedLong(registers.getInt(offset));
        };
    }

    @Override
    public void write(int offset, int bytes, long value) {
        ConfigurationSpace.check(offset, bytes, lengthBytes());
        switch (bytes) {
            case Byte.BYTES -> registers.putByte(offset, (byte) value);
            case Short.BYTES -> registers.putShort(offset, (short) value);
            default -> registers.putInt(offset, (int) value);
        }
    }
}
