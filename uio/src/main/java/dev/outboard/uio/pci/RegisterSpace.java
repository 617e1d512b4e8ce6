package dev.outboard.uio.pci;

import dev.outboard.uio.Registers;

/** A configuration space that is reached as registers are. Any thread, if those are. */
public final class RegisterSpace implements ConfigurationSpace {
    private final Registers registers;

    /**
     * All of the registers.
     *
     * @param registers 256 or 4096 bytes
     */
    public RegisterSpace(Registers registers) {
        this.registers = registers;
    }

    @Override
    public int lengthBytes() {
        return Math.toIntExact(registers.lengthBytes());
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
