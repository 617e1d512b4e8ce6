package dev.outboard.iommu;

/**
 * Layout of the control page: how the owner of the IOMMU and one device talk about flushes and
 * faults.
 *
 * <p>Host byte order; whole pages of memory for each of the two writers; what is written often has
 * a pair of cache lines of its own. A <em>lane</em> belongs to one thread that flushes: it alone
 * raises that lane's generation and writes that lane's ring, so that several threads of one domain
 * need no lock. Lanes are only ever added; a device looks at as many as there are.
 *
 * <pre>
 *  offset   written by the owner
 *       0   lanes: how many are in use; 0 is taken for 1                            u64
 *       8   requested: generation that the device shall reach, of each lane         u64 × 15
 *     128   faults taken: how far the owner has read the fault ring                 u64
 *    2048   rings of invalidations, one for each lane, each:                        u64 × 256 × 15
 *           slot (generation mod 256) says what it drops
 *           │ 63              24 │ 23          0 │
 *           │  first IOVA page   │  pages, not 0 │
 *           │  1: count the stale│       0       │      everything
 *
 *  offset   written by the device
 *   32768   inside: 1 within a DMA section, else 0                                  u64
 *   32776   completed: generation whose invalidations were done, of each lane       u64 × 15
 *   32896   counters, see {@link DeviceCounter}                                     u64 × 32
 *   33152   faults put: how far the device has written the fault ring               u64
 *   33280   fault ring                                                              slot × 64
 *           +0 IOVA u64   +8 access u32   +12 reason u32
 * </pre>
 */
public final class ControlPageDescriptor {
    /** The most threads that flush the devices of one domain, each by a lane of its own. */
    public static final int MAX_LANES = 15;

    /** Slots of a ring of invalidations, a power of two. */
    public static final int INVALIDATIONS = 256;

    /** Slots of the fault ring, a power of two. */
    public static final int FAULTS = 64;

    static final int LANES_OFFSET = 0;
    static final int REQUESTED_OFFSET = Long.BYTES;
    static final int FAULTS_TAKEN_OFFSET = 128;
    static final int INVALIDATIONS_OFFSET = 2048;
    static final int RING_BYTES = INVALIDATIONS * Long.BYTES;

    static final int INSIDE_OFFSET = INVALIDATIONS_OFFSET + MAX_LANES * RING_BYTES;
    static final int COMPLETED_OFFSET = INSIDE_OFFSET + Long.BYTES;
    static final int COUNTERS_OFFSET = INSIDE_OFFSET + 128;
    static final int MAX_COUNTERS = 32;
    static final int FAULTS_PUT_OFFSET = COUNTERS_OFFSET + MAX_COUNTERS * Long.BYTES;
    static final int FAULT_RING_OFFSET = FAULTS_PUT_OFFSET + 128;

    static final int FAULT_SLOT_BYTES = 16;
    static final int FAULT_IOVA_OFFSET = 0;
    static final int FAULT_ACCESS_OFFSET = 8;
    static final int FAULT_REASON_OFFSET = 12;

    /** Bytes of the whole: eight pages of the owner's, one of the device's. */
    public static final int LENGTH_BYTES = INSIDE_OFFSET + IoPage.BYTES;

    /** The invalidation that drops everything. */
    static final long EVERYTHING = 0;

    static final int INVALIDATION_PAGE_SHIFT = 24;

    /** The invalidation that drops everything, and counts what was stale among it. */
    static final long EVERYTHING_COUNTED = 1L << INVALIDATION_PAGE_SHIFT;

    static final int MAX_INVALIDATION_PAGES = (1 << INVALIDATION_PAGE_SHIFT) - 1;

    private ControlPageDescriptor() {}
}
