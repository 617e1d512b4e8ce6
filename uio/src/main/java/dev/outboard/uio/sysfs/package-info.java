/**
 * What the kernel tells of PCI functions in its files, and how it is asked to bind them.
 *
 * <pre>
 *   Sysfs ──► SysfsFunction ──► identity, driver, IommuGroup, PciResource, nodes of UIO and VFIO
 *                  ▲
 *   DriverBinding ─┘  driver_override, unbind, drivers_probe
 * </pre>
 *
 * <p>The root of the file system is a parameter, so that a test can show another machine. Layouts
 * are those of the kernel's Documentation/ABI/testing/sysfs-bus-pci and sysfs-kernel-iommu_groups.
 */
package dev.outboard.uio.sysfs;
