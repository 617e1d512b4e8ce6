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
 * <p>A DMA section is a bounded burst between {@code PortSession.enter} and {@code leave}; sockets
 * are looked at between sections only. What a driver does wrong ends its session, nobody else's.
 */
package dev.outboard.models;
