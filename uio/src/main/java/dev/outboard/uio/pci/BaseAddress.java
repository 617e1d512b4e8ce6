package dev.outboard.uio.pci;

import java.util.ArrayList;
import java.util.List;

/**
 * A region of a PCI function as its base address register describes it.
 *
 * @param index 0 to 5; of a 64-bit one the lower register's
 * @param lengthBytes a power of two
 * @param isMemory else it is ports
 * @param isWide whether it takes two registers
 * @param isPrefetchable whether reading has no side effect
 */
public record BaseAddress(
        int index, long lengthBytes, boolean isMemory, boolean isWide, boolean isPrefetchable) {
    private static final long PORT_FLAGS = 0x3;
    private static final long MEMORY_FLAGS = 0xf;
    private static final int TYPE_MASK = 0x6;
    private static final int TYPE_WIDE = 0x4;
    private static final int PREFETCHABLE = 0x8;
    private static final long WORD = 0xffff_ffffL;

    /** Where its register is. */
    public int offset() {
        return ConfigurationDescriptor.BASE_ADDRESSES + index * Integer.BYTES;
    }

    /**
     * Asks for all of them, by writing ones and reading back; the function does not decode
     * meanwhile, and has its old addresses afterwards.
     *
     * @throws IllegalArgumentException if a length is no power of two
     */
    public static List<BaseAddress> of(ConfigurationSpace space) {
        long command = space.read(ConfigurationDescriptor.COMMAND, Short.BYTES);
        long quiet =
                command
                        & ~(ConfigurationDescriptor.COMMAND_IO
                                | ConfigurationDescriptor.COMMAND_MEMORY);
        space.write(ConfigurationDescriptor.COMMAND, Short.BYTES, quiet);
        try {
            List<BaseAddress> found = new ArrayList<>();
            int index = 0;
            while (index < ConfigurationDescriptor.BASE_ADDRESS_COUNT) {
                BaseAddress address = probe(space, index);
                if (address.lengthBytes != 0) {
                    found.add(address);
                }
                index += address.isWide ? 2 : 1;
            }
            return found;
        } finally {
            space.write(ConfigurationDescriptor.COMMAND, Short.BYTES, command);
        }
    }

    private static BaseAddress probe(ConfigurationSpace space, int index) {
        int offset = ConfigurationDescriptor.BASE_ADDRESSES + index * Integer.BYTES;
        long flags = space.read(offset, Integer.BYTES);
        boolean isMemory = (flags & 1) == 0;
        boolean isWide =
                isMemory
                        && (flags & TYPE_MASK) == TYPE_WIDE
                        && index < ConfigurationDescriptor.BASE_ADDRESS_COUNT - 1;
        long bits = ones(space, offset) & ~(isMemory ? MEMORY_FLAGS : PORT_FLAGS);
        if (isWide) {
            bits |= ones(space, offset + Integer.BYTES) << Integer.SIZE;
        } else if (bits != 0) {
            bits |= ~WORD;
        }
        // The address bits that stick are all those above the length.
        long length = bits & -bits;
        if (bits != -length) {
            throw new IllegalArgumentException(
                    "base address %d keeps the bits 0x%x: its length is no power of two"
                            .formatted(index, bits));
        }
        return new BaseAddress(
                index, length, isMemory, isWide, isMemory && (flags & PREFETCHABLE) != 0);
    }

    private static long ones(ConfigurationSpace space, int offset) {
        long old = space.read(offset, Integer.BYTES);
        space.write(offset, Integer.BYTES, WORD);
        long bits = space.read(offset, Integer.BYTES);
        space.write(offset, Integer.BYTES, old);
        return bits;
    }
}
