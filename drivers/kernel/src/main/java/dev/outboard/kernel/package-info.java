/**
 * Joins a network driver to the kernel: its stack, by a TAP interface.
 *
 * <pre>
 *                    the pair's thread
 *   kernel's ──► TAP queue ──► TapReader ──► TransmitQueue ──► device
 *   stack                readv   into the driver's buffers
 *            ◄── TAP queue ◄── TapWriter ◄── ReceiveQueue  ◄──
 *                       writev   out of them
 * </pre>
 *
 * <p>Pair N of the driver and queue N of the interface are one thread's. A frame is copied once
 * each way, by the kernel's read or write. What the device can do for the kernel, as checksums and
 * segments, the kernel leaves to it, and the other way round: such frames pass as they are.
 */
package dev.outboard.kernel;
