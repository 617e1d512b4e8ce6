/**
 * The virtio block driver (VIRTIO 1.2, section 5.2): the device reads and writes the caller's DMA
 * memory; header and status of a request are in coherent memory, one slot each.
 *
 * <pre>
 *   client ── read, write, flush ──► RequestQueue ── header, data …, status ──► DriverQueue
 *   client ◄─ poll(handler) ──────── RequestQueue ◄──────────────────────────── DriverQueue
 * </pre>
 */
package dev.outboard.virtio.blk;
