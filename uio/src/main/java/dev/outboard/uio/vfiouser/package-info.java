/**
 * vfio-user, protocol version 0.1 and its additions: PCI functions that other processes emulate, or
 * that this one offers.
 *
 * <pre>
 *   VfioUserClient (a PciFunction) ── requests ──► VfioUserServer ── VfioUserDevice
 *        │                         ◄── replies ──        │
 *        │                         ◄── DMA_READ, DMA_WRITE of a server without a mapping
 *        └── DMA_MAP with a file ════════════════► ClientMemory: mapped there, or by message
 * </pre>
 *
 * <p>Written to the specification in QEMU's {@code docs/interop/vfio-user.rst}, tolerant of what
 * either peer leaves out; libvfio-user and SPDK speak it. Whatever a peer sends is checked, and
 * ends its connection at worst.
 */
package dev.outboard.uio.vfiouser;
