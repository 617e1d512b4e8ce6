/**
 * A back-end of vhost-user: connections, their rings, and the memory that a front-end lets the
 * device reach.
 *
 * <pre>
 *   socket ────► VhostPort ──► PortSession ──► Vring ──► DeviceQueue ──┐
 *   doorbell ──► DeviceLoop ──► DeviceWork ──► DeviceEngine ◄──────────┘
 *   rings, buffers ◄────► BusMaster ◄── RingWindow, DmaCursor ◄── the engine
 *   interrupt ◄────────── Vring.signal, after each DMA section
 * </pre>
 *
 * <p>A device without an owner of an IOMMU asks its front-end for translations, if that has one:
 * {@code SessionMemory} holds the channel, and whoever meets an address that is not known yet is
 * left by an {@code AwaitedException}, up to the engine, with the request still in its ring.
 *
 * <p>A DMA section is a bounded burst between {@code PortSession.enter} and {@code leave}; sockets
 * are looked at between sections only. What a driver does wrong ends its session, nobody else's.
 */
package dev.outboard.backend;
