package dev.outboard.driver;

/**
 * Which devices a driver can drive.
 *
 * @param family how devices of this kind name themselves: {@code pci}, {@code virtio} …
 * @param vendor the vendor within the family, or {@link DeviceId#ANY}
 * @param device the device, or type of device, within the vendor, or {@link DeviceId#ANY}
 * @param classCode the kind of device, whoever made it, or {@link DeviceId#ANY}
 */
public record Match(String family, int vendor, int device, int classCode) {
    /** Devices by vendor and type. */
    public Match(String family, int vendor, int device) {
        this(family, vendor, device, DeviceId.ANY);
    }

    /** A PCI device by the identifiers of its configuration header. */
    public static Match pci(int vendor, int device) {
        return new Match("pci", vendor, device);
    }

    /**
     * PCI devices of any vendor that have a standard's programming interface.
     *
     * @param classCode base class, sub-class and interface, as {@code 0x010802} for NVMe
     */
    public static Match pciClass(int classCode) {
        return new Match("pci", DeviceId.ANY, DeviceId.ANY, classCode);
    }

    /** A device type of a family that has no vendors. */
    public static Match type(String family, int type) {
        return new Match(family, DeviceId.ANY, type);
    }

    /** Whether a device with this identity is one of them; an identity that is unknown could be. */
    public boolean accepts(DeviceId id) {
        return family.equals(id.family())
                && agrees(vendor, id.vendor())
                && agrees(device, id.device())
                && agrees(classCode, id.classCode());
    }

    private static boolean agrees(int wanted, int found) {
        return wanted == DeviceId.ANY || found == DeviceId.ANY || wanted == found;
    }

    /** As errors name it: {@code pci class 010802}. */
    @Override
    public String toString() {
        return new DeviceId(family, vendor, device, classCode).toString();
    }
}
