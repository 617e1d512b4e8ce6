package dev.outboard.driver;

/**
 * Which devices a driver can drive.
 *
 * @param family how devices of this kind name themselves: {@code pci}, {@code virtio} …
 * @param vendor the vendor within the family, or {@link DeviceId#ANY}
 * @param device the device, or type of device, within the vendor, or {@link DeviceId#ANY}
 */
public record Match(String family, int vendor, int device) {
    /** A PCI device by the identifiers of its configuration header. */
    public static Match pci(int vendor, int device) {
        return new Match("pci", vendor, device);
    }

    /** A device type of a family that has no vendors. */
    public static Match type(String family, int type) {
        return new Match(family, DeviceId.ANY, type);
    }

    /** Whether a device with this identity is one of them; an identity that is unknown could be. */
    public boolean accepts(DeviceId id) {
        return family.equals(id.family())
                && agrees(vendor, id.vendor())
                && agrees(device, id.device());
    }

    private static boolean agrees(int wanted, int found) {
        return wanted == DeviceId.ANY || found == DeviceId.ANY || wanted == found;
    }
}
