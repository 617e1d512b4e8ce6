/**
 * Devices that are PCI functions, whatever way leads to them.
 *
 * <pre>
 *   Bus ──► PciFunction ──► PciDevice ── registers, vectors ──► a driver of registers (NVMe)
 *                                     └─ VirtioPciQueues ─────► a driver of queues (virtio)
 * </pre>
 *
 * <p>A virtio function presents itself as what it is, a set of queues: the drivers that know it
 * over vhost-user drive it here, unchanged.
 */
package dev.outboard.host.pci;
