/**
 * Emulated devices, each in a process of its own: an Ethernet switch and a disk that drivers reach
 * over vhost-user, with every DMA through the emulated IOMMU where there is one.
 *
 * <pre>
 *   vhost-user socket, doorbells ──► dev.outboard.backend ──► NicSwitch, DiskEngine
 *   rings, buffers ◄───────────────► DeviceQueue, DmaCursor ◄──┘
 * </pre>
 */
package dev.outboard.models;
