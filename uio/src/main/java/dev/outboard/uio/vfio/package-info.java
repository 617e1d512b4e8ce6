/**
 * VFIO: PCI functions that the kernel gives to a process, behind an IOMMU that it keeps.
 *
 * <pre>
 *                  /dev/vfio/vfio ── VfioContainer ─┐
 *   VfioAccess ──► /dev/vfio/N ───── VfioGroup      ├─► AddressSpace: map, unmap, ranges
 *        │         /dev/iommu ────── IommufdSpace ──┘
 *        │         /dev/vfio/devices/vfioN ─┐
 *        └───────► descriptor of a function ┴─► VfioFunction: regions, interrupts, reset
 * </pre>
 *
 * <p>There are two ways in: groups and containers, which every kernel since 3.6 has, and a node for
 * each device with iommufd, since 6.6. {@link dev.outboard.uio.vfio.VfioAccess} takes the newer one
 * where it is there. Layouts are those of the kernel's {@code linux/vfio.h} and {@code
 * linux/iommufd.h}.
 *
 * <p>The kernel resets a function when it is opened, and when its last descriptor is closed, as it
 * is when the process dies; then it also ends its DMA and takes its mappings back.
 */
package dev.outboard.uio.vfio;
