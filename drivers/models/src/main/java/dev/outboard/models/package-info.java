/**
 * Emulated devices, each in a process of its own: an Ethernet switch and a disk that drivers reach
 * over vhost-user, with every DMA through the emulated IOMMU where there is one.
 *
 * <pre>
 *   driver process                        device process, one thread
 *   vhost-user socket ──► VhostPort ──► PortSession ──► Vring ──► DeviceQueue ──┐
 *   doorbell ───────────► DeviceLoop ──► DeviceWork ──► NicSwitch, DiskEngine ◄─┘
 *   rings, buffers ◄────► BusMaster ◄── RingWindow, DmaCursor ◄── NicSwitch, DiskRequest
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
package dev.outboard.models;
