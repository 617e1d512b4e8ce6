/**
 * The seam between a driver and whatever carries its device.
 *
 * <pre>
 *   Client ── Service ──► Driver ── Registers / QueueTransport ──► Device
 *                            │ ◄─────────── Interrupt ───────────────┘
 *                            └────────────── Dma ──► IOVAs, never physical addresses
 * </pre>
 *
 * <p>Nothing here knows a protocol or a socket: a driver runs unchanged on an emulated device, on
 * another program's back-end, and on hardware.
 */
package dev.outboard.driver;
