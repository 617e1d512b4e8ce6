/**
 * Virtqueues, split and packed, and the layouts of the devices on them.
 *
 * <pre>
 *   driver                                   shared memory                            device
 *   DriverQueue.add ───► descriptor table, available ring ───► doorbell ───►  takes chains
 *   DriverQueue.take ◄── used ring ◄─────────────────────────── interrupt ◄──  returns them
 *
 *   the same of a packed ring:      one ring of descriptors, which both sides write
 * </pre>
 *
 * <p>A {@link dev.outboard.virtio.RingFormat} says which of them two sides agreed on. In a process
 * there is one, so that the calls of a data path have one target.
 *
 * <p>Source: Virtual I/O Device (VIRTIO) Version 1.2, sections 2.7 (split virtqueues), 2.8 (packed
 * ones), 5.1 (network device) and 5.2 (block device).
 */
package dev.outboard.virtio;
