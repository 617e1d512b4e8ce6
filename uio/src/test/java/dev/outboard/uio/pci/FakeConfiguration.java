package dev.outboard.uio.pci;

import java.util.Arrays;

/** A configuration space in memory, with bits that stick and bits that do not. */
final class FakeConfiguration implements ConfigurationSpace {
    private final int[] bytes = new int[ConfigurationDescriptor.LENGTH_BYTES];
    private final int[] writable = new int[ConfigurationDescriptor.LENGTH_BYTES];

    FakeConfiguration() {
        Arrays.fill(writable, ConfigurationDescriptor.COMMAND, 6, 0xff);
    }

    /** Sets a register, whatever may be written there. */
    FakeConfiguration put(int offset, int width, long value) {
        for (int at = 0; at < width; at++) {
            bytes[offset + at] = (int) (value >>> at * Byte.SIZE) & 0xff;
        }
        return this;
    }

    /** A base address register of a length; the flags are what it always has. */
    FakeConfiguration base(int index, long writableBits, int flags) {
        int offset = ConfigurationDescriptor.BASE_ADDRESSES + index * Integer.BYTES;
        put(offset, Integer.BYTES, flags);
        for (int at = 0; at < Long.BYTES; at++) {
            writable[offset + at] |= (int) (writableBits >>> at * Byte.SIZE) & 0xff;
        }
        return this;
    }

    @Override
    public int lengthBytes() {
        return bytes.length;
    }

    @Override
    public long read(int offset, int width) {
        ConfigurationSpace.check(offset, width, lengthBytes());
        long value = 0;
        for (int at = 0; at < width; at++) {
            value |= (long) bytes[offset + at] << at * Byte.SIZE;
        }
        return value;
    }

    @Override
    public void write(int offset, int width, long value) {
        ConfigurationSpace.check(offset, width, lengthBytes());
        for (int at = 0; at < width; at++) {
            int mask = writable[offset + at];
            int one = (int) (value >>> at * Byte.SIZE) & 0xff;
            bytes[offset + at] = bytes[offset + at] & ~mask | one & mask;
        }
    }
}
