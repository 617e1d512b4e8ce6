/**
 * The device's side of virtio-net in a driver's process: a client in another process, as a virtual
 * machine, uses the driver's interface as if it had the device (the domU of The Price of Safety).
 *
 * <pre>
 *   client process                       driver process, one thread
 *   vhost-user socket ──► VhostPort ──► PortSession ──► rings ──► ServeEngine ──┐
 *   transmit ring ──────► Outbound ──► TransmitQueue.post, or a copy ──► NIC    │
 *   receive ring ◄─────── Inbound ◄─── ReceiveQueue.pollFrames ◄──────── NIC ◄──┘
 *   memory, lent ───────► LentRegions ──► LentMemory: the NIC reads frames where they are
 * </pre>
 *
 * <p>A frame that the client sends stays in its memory until the NIC has read it; only then does
 * the ring give it back. Memory that cannot be lent, as its file could shrink under the NIC, is
 * copied, and the output says so. Before a client gets memory back, the loan ends: whatever the NIC
 * has of it is revoked.
 */
package dev.outboard.serve;
