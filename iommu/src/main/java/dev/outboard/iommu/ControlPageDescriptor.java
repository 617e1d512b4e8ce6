package dev.outboard.iommu;

/**
 * Layout of the control page: how the owner of the IOMMU and one device talk about flushes and
 * faults.
 *
 * <p>Host byte order; two pages of memory, one for each writer; what is written often has a pair of
 * cache lines of its own.
 *
 * <pre>
 *  offset   written by the owner
 *       0   requested: generation that the device shall reach                       u64
 *     128   faults taken: how far the owner has read the fault ring                 u64
 *     256   ring of invalidations: slot (generation mod 256) says what it drops     u64 × 256
 *           │ 63              24 │ 23          0 │
 *           │  first IOVA page   │  pages, not 0 │
 *           │  1: count the stale│       0       │      everything
 *
 *  offset   written by the device
 *    4096   inside: 1 within a DMA section, else 0                                  u64
 *    4104   completed: generation whose invalidations have been done                u64
 *    4224   counters: translations, hits, misses, evictions, invalidations,
 *           flushes, sections, faults, faults lost because the ring was full,
 *           most stale translations held when told to count them                    u64 × 10
 *    4352   faults put: how far the device has written the fault ring               u64
 *    4480   fault ring                                                              slot × 64
 *           +0 IOVA u64   +8 access u32   +12 reason u32
 * </pre>
 */
public final class ControlPageDescriptor {
    /** Bytes of the whole, two pages. */
    public static final int LENGTH_BYTES = 2 * IoPage.BYTES;

    /** Slots of the ring of invalidations, a power of two. */
    public static final int INVALIDATIONS = 256;

    /** Slots of the fault ring, a power of two. */
    public static final int FAULTS = 64;

    static final int REQUESTED_OFFSET = 0;
    static final int FAULTS_TAKEN_OFFSET = 128;
    static final int INVALIDATIONS_OFFSET = 256;

    static final int INSIDE_OFFSET = IoPage.BYTES;
    static final int COMPLETED_OFFSET = INSIDE_OFFSET + Long.BYTES;
    static final int COUNTERS_OFFSET = INSIDE_OFFSET + 128;
    static final int FAULTS_PUT_OFFSET = COUNTERS_OFFSET + 128;
    static final int FAULT_RING_OFFSET = FAULTS_PUT_OFFSET + 128;

    static final int TRANSLATIONS_OFFSET = COUNTERS_OFFSET;
    static final int HITS_OFFSET = TRANSLATIONS_OFFSET + Long.BYTES;
    static final int MISSES_OFFSET = HITS_OFFSET + Long.BYTES;
    static final int EVICTIONS_OFFSET = MISSES_OFFSET + Long.BYTES;
    static final int DROPPED_OFFSET = EVICTIONS_OFFSET + Long.BYTES;
    static final int FLUSHES_OFFSET = DROPPED_OFFSET + Long.BYTES;
    static final int SECTIONS_OFFSET = FLUSHES_OFFSET + Long.BYTES;
    static final int FAULTS_OFFSET = SECTIONS_OFFSET + Long.BYTES;
    static final int FAULTS_LOST_OFFSET = FAULTS_OFFSET + Long.BYTES;
    static final int STALE_HELD_OFFSET = FAULTS_LOST_OFFSET + Long.BYTES;

    static final int FAULT_SLOT_BYTES = 16;
    static final int FAULT_IOVA_OFFSET = 0;
    static final int FAULT_ACCESS_OFFSET = 8;
    static final int FAULT_REASON_OFFSET = 12;

    /** The invalidation that drops everything. */
    static final long EVERYTHING = 0;

    static final int INVALIDATION_PAGE_SHIFT = 24;

    /** The invalidation that drops everything, and counts what was stale among it. */
    static final long EVERYTHING_COUNTED = 1L << INVALIDATION_PAGE_SHIFT;

    static final int MAX_INVALIDATION_PAGES = (1 << INVALIDATION_PAGE_SHIFT) - 1;

    private ControlPageDescriptor() {}
}
