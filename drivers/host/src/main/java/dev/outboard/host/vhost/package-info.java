/**
 * Devices behind a vhost-user socket: Outboard's own models, and the back-ends of other programs.
 *
 * <pre>
 *   VhostUserDevice ── VhostFrontEnd ── socket ──► back-end
 *     │  ├─ VhostQueues    rings by message, kick and call descriptors
 *     │  ├─ VhostMemory    what the device knows of memory, which comes and goes
 *     │  └─ DeviceWatcher  a thread that sees the socket hang up
 *     └──── Dma            without an IOMMU the memory table, with one nothing but IOVAs
 * </pre>
 */
package dev.outboard.host.vhost;
