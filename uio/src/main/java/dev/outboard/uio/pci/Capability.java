package dev.outboard.uio.pci;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An entry of a function's list of capabilities.
 *
 * @param id what it is: one of the constants here, or another
 * @param offset where it begins in the configuration space
 */
public record Capability(int id, int offset) {
    public static final int POWER_MANAGEMENT = 0x01;
    public static final int MSI = 0x05;
    public static final int VENDOR_SPECIFIC = 0x09;
    public static final int PCI_EXPRESS = 0x10;
    public static final int MSIX = 0x11;

    /** Behind the header, each at a multiple of four: more cannot be. */
    private static final int MOST = (ConfigurationDescriptor.LENGTH_BYTES - 0x40) / Integer.BYTES;

    private static final int FIRST = 0x40;
    private static final int POINTER_MASK = 0xfc;

    /**
     * The list, in its order.
     *
     * @throws IllegalArgumentException if it leads into the header, or goes round in a circle
     */
    public static List<Capability> of(ConfigurationSpace space) {
        List<Capability> found = new ArrayList<>();
        long status = space.read(ConfigurationDescriptor.STATUS, Short.BYTES);
        if ((status & ConfigurationDescriptor.STATUS_CAPABILITIES) == 0) {
            return found;
        }
        int next = (int) space.read(ConfigurationDescriptor.CAPABILITIES, 1) & POINTER_MASK;
        while (next != 0) {
            if (next < FIRST || found.size() == MOST) {
                throw new IllegalArgumentException(
                        "the list of capabilities is broken: entry %d at offset=0x%x"
                                .formatted(found.size() + 1, next));
            }
            found.add(new Capability((int) space.read(next, 1), next));
            next = (int) space.read(next + 1, 1) & POINTER_MASK;
        }
        return found;
    }

    /** The first capability of a kind. */
    public static Optional<Capability> find(ConfigurationSpace space, int id) {
        return of(space).stream().filter(capability -> capability.id() == id).findFirst();
    }
}
