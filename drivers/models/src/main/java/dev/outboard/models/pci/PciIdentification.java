package dev.outboard.models.pci;

/**
 * Who a function says it is.
 *
 * @param vendor of the device
 * @param device number of the device
 * @param revision of the device
 * @param classCode base class, subclass and programming interface, 24 bits
 * @param msiVectors vectors by MSI, 0 or a power of two up to 32
 * @param msixVectors vectors by MSI-X, 0 to 2048
 * @param msixRegion the base address of the table of them, which the port serves; else -1
 */
public record PciIdentification(
        int vendor,
        int device,
        int revision,
        int classCode,
        int msiVectors,
        int msixVectors,
        int msixRegion) {}
