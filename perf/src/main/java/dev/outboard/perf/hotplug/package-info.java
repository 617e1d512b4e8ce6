/**
 * {@code outboard hotplug}: plugs memory into drivers that stream and into one that writes and
 * reads a disk, has them use it, and unplugs it again, over and over; every byte is checked.
 *
 * <pre>
 *   stream-send ──► nic0 ─┐ switch ┌─ nic1 ──► stream-receive        disk0 ◄──► disk-check
 *        ▲                                          ▲                               ▲
 *        └──────────── plug, see it used, be refused, unplug ───────────────────────┘
 *                        HotplugRun, by their control sockets
 * </pre>
 */
package dev.outboard.perf.hotplug;
