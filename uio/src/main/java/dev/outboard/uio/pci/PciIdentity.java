package dev.outboard.uio.pci;

/**
 * What a PCI function says that it is.
 *
 * @param vendor 16 bits
 * @param device 16 bits
 * @param classCode base class, sub-class and interface, 24 bits
 * @param revision 8 bits
 * @param subsystemVendor 16 bits
 * @param subsystem 16 bits
 */
public record PciIdentity(
        int vendor, int device, int classCode, int revision, int subsystemVendor, int subsystem) {
    /** What the header says. */
    public static PciIdentity of(ConfigurationSpace space) {
        long classAndRevision = space.read(ConfigurationDescriptor.REVISION, Integer.BYTES);
        return new PciIdentity(
                (int) space.read(ConfigurationDescriptor.VENDOR, Short.BYTES),
                (int) space.read(ConfigurationDescriptor.DEVICE, Short.BYTES),
                (int) (classAndRevision >>> Byte.SIZE),
                (int) classAndRevision & 0xff,
                (int) space.read(ConfigurationDescriptor.SUBSYSTEM_VENDOR, Short.BYTES),
                (int) space.read(ConfigurationDescriptor.SUBSYSTEM, Short.BYTES));
    }

    /** Whether there is a function at all. */
    public boolean isPresent() {
        return vendor != ConfigurationDescriptor.NO_VENDOR;
    }

    /** As people write it: {@code 1af4:1041}. */
    @Override
    public String toString() {
        return "%04x:%04x".formatted(vendor, device);
    }
}
