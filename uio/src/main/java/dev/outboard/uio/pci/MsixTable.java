package dev.outboard.uio.pci;

import dev.outboard.uio.Registers;

/**
 * The table of MSI-X vectors, for who writes it himself: over VFIO and vfio-user the other side
 * does.
 *
 * <pre>
 *   capability   +2 control u16: 0-10 vectors - 1, 14 all masked, 15 enabled
 *                +4 table u32: 0-2 region, 3-31 offset
 *   an entry     +0 address u64   +8 data u32   +12 control u32: bit 0 masked
 * </pre>
 *
 * <p>Source: PCI Local Bus Specification 3.0, section 6.8.2. One thread.
 */
public final class MsixTable {
    private static final int CONTROL = 2;
    private static final int TABLE = 4;
    private static final int VECTORS_MASK = 0x7ff;
    private static final int MASK_ALL = 1 << 14;
    private static final int ENABLE = 1 << 15;
    private static final int REGION_MASK = 7;
    private static final int ENTRY_BYTES = 16;
    private static final int DATA = 8;
    private static final int VECTOR_CONTROL = 12;

    private final ConfigurationSpace space;
    private final int offset;
    private final int vectors;
    private final int region;
    private final long tableOffset;

    /**
     * What a capability says.
     *
     * @param capability of {@link Capability#MSIX}
     */
    public MsixTable(ConfigurationSpace space, Capability capability) {
        this.space = space;
        offset = capability.offset();
        vectors = (int) (space.read(offset + CONTROL, Short.BYTES) & VECTORS_MASK) + 1;
        long place = space.read(offset + TABLE, Integer.BYTES);
        region = (int) place & REGION_MASK;
        tableOffset = place & ~REGION_MASK;
    }

    /** How many vectors there are, 1 to 2048. */
    public int vectors() {
        return vectors;
    }

    /** The region that the table is in. */
    public int region() {
        return region;
    }

    /** Sets a vector, unmasked: it then writes {@code data} to an address. */
    public void set(Registers table, int vector, long address, int data) {
        long at = tableOffset + (long) vector * ENTRY_BYTES;
        table.putInt(at, (int) address);
        table.putInt(at + Integer.BYTES, (int) (address >>> Integer.SIZE));
        table.putInt(at + DATA, data);
        table.putInt(at + VECTOR_CONTROL, 0);
    }

    /** Masks one vector. */
    public void mask(Registers table, int vector) {
        table.putInt(tableOffset + (long) vector * ENTRY_BYTES + VECTOR_CONTROL, 1);
    }

    /** Turns all of it on or off. */
    public void enable(boolean isOn) {
        long control = space.read(offset + CONTROL, Short.BYTES) & ~(ENABLE | MASK_ALL);
        space.write(offset + CONTROL, Short.BYTES, isOn ? control | ENABLE : control);
    }
}
