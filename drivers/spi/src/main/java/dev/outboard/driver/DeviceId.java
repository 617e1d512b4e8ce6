package dev.outboard.driver;

/**
 * What a bus can tell of a device before anyone drives it.
 *
 * @param family how devices of this kind name themselves: {@code pci}, {@code virtio} …
 * @param vendor the vendor within the family, or {@link #ANY} where the bus cannot tell
 * @param device the device, or type of device, or {@link #ANY} where the bus cannot tell
 * @param classCode what kind of device it is, as PCI's 24 bits of base class, sub-class and
 *     interface, or {@link #ANY} where the bus cannot tell
 */
public record DeviceId(String family, int vendor, int device, int classCode) {
    /**
     * The bus cannot tell (vhost-user says nothing of the type of its device), or anything will do.
     */
    public static final int ANY = -1;

    /** A device of a bus that knows no classes. */
    public DeviceId(String family, int vendor, int device) {
        this(family, vendor, device, ANY);
    }

    /** A device of a family whose bus does not say which. */
    public static DeviceId unknown(String family) {
        return new DeviceId(family, ANY, ANY);
    }

    /** As errors name it: {@code pci vendor 8086 device 10d3 class 020000}. */
    @Override
    public String toString() {
        return family
                + (vendor == ANY ? "" : " vendor %04x".formatted(vendor))
                + (device == ANY ? "" : " device %04x".formatted(device))
                + (classCode == ANY ? "" : " class %06x".formatted(classCode));
    }
}
