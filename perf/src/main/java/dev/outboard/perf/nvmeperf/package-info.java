/**
 * What NVMe costs over vfio-user, driver and controller each on a processor of its own, without
 * protection and with.
 *
 * <pre>
 *   outboard nvmeperf ── for each owner and strategy ──► outboard device nvme   (processor 0)
 *                                                   └──► outboard run nvme --client disk-read (1)
 *                     ◄── rows of the client ───────────┘
 * </pre>
 */
package dev.outboard.perf.nvmeperf;
