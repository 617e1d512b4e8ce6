/**
 * The half of a network driver that is the same for every device: buffers of frames, mapped in
 * batches before the device has them and unmapped in batches before anybody reads them.
 *
 * <pre>
 *   client ── claim, commit, flush ──► FrameTransmitter ──► TransmitRing ──► device
 *   client ◄─ poll(handler) ────────── FrameReceiver ◄───── ReceiveRing ◄─── device
 * </pre>
 *
 * <p>A driver brings its rings: how a buffer is described to its device, and how it comes back.
 */
package dev.outboard.frames;
