/**
 * vhost-user, both ends: how a driver and a device in another process agree on rings.
 *
 * <pre>
 *   driver process                         device process
 *   VhostFrontEnd ── requests, with fds ──► VhostSession ──► VhostBackEnd (the device)
 *        ▲                                      │
 *        └────────── answers ───────────────────┘
 *   memory table: which files are memory, and at what guest address
 *   rings: sizes, addresses, and an eventfd each for kick, call and error
 * </pre>
 *
 * <p>Numbers on the wire are in the machine's own byte order. Whatever a peer sends is hostile
 * until it has been checked: sizes, indexes, how many descriptors came and what they are of.
 *
 * <p>Source: QEMU, {@code docs/interop/vhost-user.rst}.
 */
package dev.outboard.uio.vhost;
