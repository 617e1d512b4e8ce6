package dev.outboard.uio.pci;

/**
 * A capability of MSI, of which one vector is used, for who writes it himself.
 *
 * <pre>
 *   +2 control u16: 0 enabled, 7 address of 64 bits   +4 address   +8 or +12 data u16
 * </pre>
 *
 * <p>Source: PCI Local Bus Specification 3.0, section 6.8.1. One thread.
 */
public final class MsiCapability {
    private static final int CONTROL = 2;
    private static final int ADDRESS = 4;
    private static final int ENABLE = 1;
    private static final int MULTIPLE_MASK = 7 << 4;
    private static final int IS_WIDE = 1 << 7;

    private final ConfigurationSpace space;
    private final int offset;

    /**
     * What a capability says.
     *
     * @param capability of {@link Capability#MSI}
     */
    public MsiCapability(ConfigurationSpace space, Capability capability) {
        this.space = space;
        offset = capability.offset();
    }

    /**
     * Has the function write {@code data} to an address, one vector.
     *
     * @throws IllegalArgumentException if it cannot write there
     */
    public void enable(long address, int data) {
        long control = space.read(offset + CONTROL, Short.BYTES);
        boolean isWide = (control & IS_WIDE) != 0;
        if (!isWide && address >>> Integer.SIZE != 0) {
            throw new IllegalArgumentException(
                    "address=0x%x has more than the 32 bits of this function's MSI"
                            .formatted(address));
        }
        space.write(offset + ADDRESS, Integer.BYTES, address);
        int dataOffset = ADDRESS + Integer.BYTES;
        if (isWide) {
            space.write(offset + dataOffset, Integer.BYTES, address >>> Integer.SIZE);
            dataOffset += Integer.BYTES;
        }
        space.write(offset + dataOffset, Short.BYTES, data);
        space.write(offset + CONTROL, Short.BYTES, control & ~MULTIPLE_MASK | ENABLE);
    }

    /** Off again. */
    public void disable() {
        long control = space.read(offset + CONTROL, Short.BYTES);
        space.write(offset + CONTROL, Short.BYTES, control & ~ENABLE);
    }
}
