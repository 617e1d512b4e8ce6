/**
 * UIO: PCI functions that the kernel's {@code uio_pci_generic} gives to a process, with no IOMMU
 * before them.
 *
 * <pre>
 *   /dev/uioN ──────────────── interrupts of the line: read; unmask: write, or the command register
 *   sysfs: config, resourceN ─ configuration space, regions
 *   /proc/self/pagemap ─────── where memory really is, as the device has to be told
 * </pre>
 *
 * <p>Nothing keeps such a device from any memory of the machine: it is for machines without an
 * IOMMU, and for who says so.
 */
package dev.outboard.uio.generic;
