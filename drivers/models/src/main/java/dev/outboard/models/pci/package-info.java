/**
 * PCI functions that are offered over vfio-user: what a model of one stands on.
 *
 * <pre>
 *   driver process                     device process, one thread
 *   vfio-user socket ──► PciPort ──► PciConfiguration
 *                          │  └────► PciModel: registers, reset, bursts of work
 *   memory ◄── BusMaster ◄─┤◄─────── DMA: the client's windows, or an IOMMU's owner
 *   events ◄───────────────┴◄─────── interrupts
 * </pre>
 *
 * <p>Messages are served between bursts, never within a DMA section; what a client does wrong ends
 * its session, and the next one finds the function reset.
 */
package dev.outboard.models.pci;
