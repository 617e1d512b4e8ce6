/**
 * The virtio network driver (VIRTIO 1.2, section 5.1): frames go to and come from DMA memory
 * without a copy, in batches, each batch one request to the mapping service and at most one
 * doorbell.
 *
 * <pre>
 *   client ── claim, commit, flush ──► FrameTransmitter ──► VirtioTransmitRing ──► device
 *   client ◄─ poll(handler) ────────── FrameReceiver ◄───── VirtioReceiveRing ◄── device
 * </pre>
 */
package dev.outboard.virtio.net;
