/**
 * Disk work whose every byte is known: patterns written and read back, whole disks hashed, random
 * reads timed.
 *
 * <pre>
 *   Work ── which block, what is in it ──► RequestLoop ── read, write ──► BlockQueue
 *     ▲                                        │ ▲                            │
 *     └────── compare the block read ──────────┘ └──── completion by tag ◄────┘
 * </pre>
 */
package dev.outboard.perf.disk;
