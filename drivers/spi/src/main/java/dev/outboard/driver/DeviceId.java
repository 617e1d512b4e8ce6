package dev.outboard.driver;

/**
 * What a bus can tell of a device before anyone drives it.
 *
 * @param family how devices of this kind name themselves: {@code pci}, {@code virtio} …
 * @param vendor the vendor within the family, or {@link #ANY} where the bus cannot tell
 * @param device the device, or type of device, or {@link #ANY} where the bus cannot tell
 */
public record DeviceId(String family, int vendor, int device) {
    /**
     * The bus cannot tell (vhost-user says nothing of the type of its device), or anything will do.
     */
    public static final int ANY = -1;

    /** A device of a family whose bus does not say which. */
    public static DeviceId unknown(String family) {
        return new DeviceId(family, ANY, ANY);
    }
}
