/**
 * Translations that the device keeps itself: an IOTLB behind vhost-user, fed by the driver's
 * process (VIRTIO_F_ACCESS_PLATFORM).
 *
 * <pre>
 *  driver process                                              device process
 *
 *  Dma ── map ───► PageTable (ordinary memory) ── UPDATE ────► IOTLB ── translates ──► memory table
 *   │                  ▲ walk       └── UPDATE ──────────────►  │
 *   │                  └─────────── MISS, ACCESS_FAIL ◄─────────┘
 *   └── unmap, flush: clear ──────── INVALIDATE ─────────────► drops, then answers
 * </pre>
 *
 * <p>The device has all of the driver's memory mapped and is trusted to obey: what stands between
 * it and memory is its own program. A device that does not answer an INVALIDATE is stuck.
 *
 * <p>Source: vhost-user.rst, "IOMMU support".
 */
package dev.outboard.dma.device;
