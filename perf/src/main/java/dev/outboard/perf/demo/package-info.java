/**
 * {@code outboard demo}: real data through every process of the picture, with and without an IOMMU,
 * every byte checked.
 *
 * <pre>
 *   DemoCommand ── DemoPlan: settings, sizes, times
 *       │
 *       ├── NetworkTrial ── device nic ◄─ run virtio-net stream-send, stream-receive
 *       ├── DiskTrial ───── device disk ◄ run virtio-blk disk-check
 *       │         └── Row, Row …  one a size
 *       └── Table to people, Report to machines
 * </pre>
 *
 * <p>The demo only starts processes and adds up what they say: the work is in the clients.
 */
package dev.outboard.perf.demo;
