/**
 * Split virtqueues and the layouts of the devices on them.
 *
 * <pre>
 *   driver                                   shared memory                            device
 *   DriverQueue.add ───► descriptor table, available ring ───► doorbell ───►  takes chains
 *   DriverQueue.take ◄── used ring ◄─────────────────────────── interrupt ◄──  returns them
 * </pre>
 *
 * <p>Source: Virtual I/O Device (VIRTIO) Version 1.2, sections 2.7 (split virtqueues), 5.1 (network
 * device) and 5.2 (block device).
 */
package dev.outboard.virtio;
