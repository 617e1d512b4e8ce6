package dev.outboard.host.bus;

import dev.outboard.dma.DomainSource;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceId;

/**
 * A way to reach devices. Stateless; found by {@link java.util.ServiceLoader}. Another way, PCI
 * over VFIO or vfio-user, is another implementation.
 */
public interface Bus {
    /** What stands before the colon of its addresses, as {@code vhost-user}. */
    String scheme();

    /** What its addresses look like, and what they mean: one line. */
    String help();

    /**
     * Checks what stands after the colon, without touching the device.
     *
     * @throws IllegalArgumentException when it cannot be an address; the message says why
     */
    void check(String location);

    /** The name that a device there is claimed by. */
    String deviceName(String location);

    /**
     * What a device there is, as far as can be told without opening it; null where that is not at
     * all, and its driver has to be named. May look at the machine.
     *
     * @throws DeviceAbsentException when it is not there
     */
    default DeviceId identify(String location) {
        return null;
    }

    /**
     * Who keeps translations for a device there, where somebody does without being asked: the
     * kernel's IOMMU, or a peer that is told of each window. In words; null where nobody does, and
     * an owner must be named. May look at the machine, and touches no device.
     *
     * @throws DeviceException when the device cannot be used, whoever keeps them
     */
    default String keeper(String location) {
        return null;
    }

    /**
     * I/O address spaces whose translations the device, or what stands before it, keeps.
     *
     * @return the source; the caller closes it, after the device
     * @throws DeviceException when there is nothing of the kind
     */
    default DomainSource domains(String location) {
        throw new DeviceException(
                ("device %s:%s keeps no translations: take --strategy off, or another owner"
                                + " (--iommu unix:PATH, --mediator unix:PATH)")
                        .formatted(scheme(), location));
    }

    /**
     * Memory for the driver of a device that reaches all of it: strategy off.
     *
     * @param noIommu whether the user has said that nothing need stand between device and memory
     * @return the memory; the caller closes it, after the device
     * @throws DeviceException when the device cannot be given memory so
     */
    default PhysicalMemory memory(
            String location, long lengthBytes, PageKind pages, boolean noIommu) {
        return PhysicalMemory.create(pages, lengthBytes);
    }

    /**
     * Opens the device: reset, idle, and not yet able to reach memory.
     *
     * @return the device; the caller closes it
     * @throws DeviceAbsentException when it is not there
     * @throws dev.outboard.driver.DeviceException when it cannot be used so
     */
    HostedDevice open(String location, DeviceSetup setup);
}
