package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The IOMMU in front of one device: DMA sections, the IOTLB, the table walk, faults. Lives in the
 * device's process.
 *
 * <p>One thread. No method allocates. A device translates only between {@link #enter} and {@link
 * #exit}, and keeps nothing it translated beyond {@code exit} unless the next {@code enter} returns
 * the same generation.
 *
 * <p>What the owner writes in the control page and in the table is checked: whatever it is, the
 * worst is a fault or a cold IOTLB.
 */
public final class Translator {
    private static final int RING_MASK = ControlPageDescriptor.INVALIDATIONS - 1;

    private final PageTable table;
    private final boolean dropsSingleEntries;
    private final long pages;
    private final MemorySegment page;
    private final Iotlb iotlb;
    private final FaultRing faultRing;
    private final int dropAllBeyondPages;

    /** Of each lane, the generation whose invalidations were done. */
    private final long[] completed = new long[ControlPageDescriptor.MAX_LANES];

    private long catchUps;
    private long translations;
    private long sections;
    private long staleHeld;

    /**
     * A translator with an empty IOTLB, over memory that the owner provided and that must outlive
     * this.
     *
     * @param table the translations; only read
     * @param controlPage see {@link ControlPageDescriptor}
     * @param geometry shape of the IOTLB
     */
    public Translator(PageTable table, MemorySegment controlPage, IotlbGeometry geometry) {
        this.table = table;
        dropsSingleEntries = table.format().invalidatesSingleEntries();
        pages = table.pages();
        page = ControlPage.checked(controlPage);
        iotlb = new Iotlb(geometry);
        faultRing = new FaultRing(page);
        dropAllBeyondPages = geometry.entries();
    }

    /**
     * Begins a DMA section.
     *
     * @return a generation, which changes whenever invalidations were done: what was translated
     *     under another one is void
     */
    public long enter() {
        ControlPage.setOpaque(page, ControlPageDescriptor.INSIDE_OFFSET, 1);
        // Full fence: "inside" is visible before "requested" and "lanes" are read. Partner: the
        // fence between the owner's request and its look at "inside" (InvalidationLane.isSettled).
        // One of the two sees the other.
        VarHandle.fullFence();
        return look();
    }

    /**
     * Within a section, between two accesses: drops what the owner has asked for meanwhile, so that
     * it need not wait for the section's end.
     *
     * @return as {@link #enter}
     */
    public long checkpoint() {
        // No fence: "inside" stays set, so the owner waits for "completed", which is released
        // after every access before this. Partner: InvalidationLane.isSettled.
        return look();
    }

    private long look() {
        long requested = requestedAcquire(0);
        if (requested != completed[0]) {
            catchUp(0, requested);
        }
        if (ControlPage.getOpaque(page, ControlPageDescriptor.LANES_OFFSET) > 1) {
            lookAtOtherLanes();
        }
        return catchUps;
    }

    /** Looks at the lanes beyond the first. */
    private void lookAtOtherLanes() {
        // The owner's word, and so bounded; read again, it can only have grown.
        long told = ControlPage.getOpaque(page, ControlPageDescriptor.LANES_OFFSET);
        int lanes = Math.clamp(told, 1, ControlPageDescriptor.MAX_LANES);
        for (int lane = 1; lane < lanes; lane++) {
            long requested = requestedAcquire(lane);
            if (requested != completed[lane]) {
                catchUp(lane, requested);
            }
        }
    }

    private long requestedAcquire(int lane) {
        // Acquire: the ring's slot and the cleared entries are seen. Partner:
        // InvalidationLane.publish.
        return ControlPage.getAcquire(
                page, ControlPageDescriptor.REQUESTED_OFFSET + (long) lane * Long.BYTES);
    }

    /** Drops what a lane's thread asked for up to {@code requested}, and says so. */
    private void catchUp(int lane, long requested) {
        long behind = requested - completed[lane];
        if (behind == 1
                && slotAcquire(lane, requested) == ControlPageDescriptor.EVERYTHING_COUNTED) {
            countStale();
            iotlb.flush();
        } else if (behind <= 0
                || behind >= ControlPageDescriptor.INVALIDATIONS
                || !dropsSingleEntries
                || !dropNamed(lane, requested)) {
            iotlb.flush();
        }
        completed[lane] = requested;
        catchUps++;
        tell(DeviceCounter.FLUSHES, iotlb.flushes());
        tell(DeviceCounter.INVALIDATIONS, iotlb.invalidations());
        // Release: everything this device did with older translations is over. Partner:
        // InvalidationLane.isSettled.
        ControlPage.setRelease(
                page, ControlPageDescriptor.COMPLETED_OFFSET + (long) lane * Long.BYTES, requested);
    }

    /**
     * Drops the entries that the ring names; false if that cannot be trusted or is not worth it.
     */
    private boolean dropNamed(int lane, long requested) {
        long before = completed[lane];
        for (long generation = before + 1; generation <= requested; generation++) {
            long named = slotAcquire(lane, generation);
            long first = named >>> ControlPageDescriptor.INVALIDATION_PAGE_SHIFT;
            long pages = named & ControlPageDescriptor.MAX_INVALIDATION_PAGES;
            if (pages == 0 || pages > dropAllBeyondPages || first >= this.pages) {
                return false;
            }
            for (long dropped = first; dropped < first + pages; dropped++) {
                iotlb.invalidate(dropped);
            }
        }
        // The owner may have gone round the ring meanwhile. It writes the slot of the generation
        // after the visible one, so the oldest slot read was its own as long as the distance is
        // below the ring's size.
        long distance = requestedAcquire(lane) - before;
        return distance >= 0 && distance < ControlPageDescriptor.INVALIDATIONS;
    }

    /** What a generation invalidates, as the owner wrote it: not to be trusted. */
    private long slotAcquire(int lane, long generation) {
        // Acquire: the slot is read before "requested" is read again. Partner:
        // InvalidationLane.publish.
        return ControlPage.getAcquire(
                page,
                ControlPageDescriptor.INVALIDATIONS_OFFSET
                        + (long) lane * ControlPageDescriptor.RING_BYTES
                        + (generation & RING_MASK) * Long.BYTES);
    }

    /** Compares the IOTLB with the table; asked for once in a window, not on every flush. */
    private void countStale() {
        long stale = 0;
        for (int slot = 0; slot < dropAllBeyondPages; slot++) {
            long cached = iotlb.pageAt(slot);
            if (cached >= 0) {
                stale += table.walk(cached) == iotlb.translationAt(slot) ? 0 : 1;
            }
        }
        if (stale > staleHeld) {
            staleHeld = stale;
            tell(DeviceCounter.STALE_HELD, stale);
        }
    }

    /** Ends the DMA section. */
    public void exit() {
        sections++;
        tell(DeviceCounter.SECTIONS, sections);
        tell(DeviceCounter.TRANSLATIONS, translations);
        // Release: the section's memory accesses come before. Partner: InvalidationLane.isSettled.
        ControlPage.setRelease(page, ControlPageDescriptor.INSIDE_OFFSET, 0);
    }

    /**
     * The physical address behind an IOVA, good until the end of its page; only within a DMA
     * section.
     *
     * @param access what the device wants, bits of {@link Access}
     * @return the address, or if it is refused {@code ~}{@link FaultReason#code()}, a negative
     *     number; nothing is recorded yet
     */
    public long translate(long iova, int access) {
        long iovaPage = iova >>> IoPage.SHIFT;
        if (iovaPage >= pages) {
            return ~FaultReason.OUT_OF_RANGE.code();
        }
        translations++;
        long translation = iotlb.lookup(iovaPage);
        if (translation == Iotlb.MISS) {
            translation = walk(iovaPage);
        }
        if ((translation & access) != access) {
            return ~(translation == Iotlb.MISS ? FaultReason.NOT_MAPPED : FaultReason.ACCESS_DENIED)
                    .code();
        }
        return Translation.physicalAddress(translation, iova);
    }

    private long walk(long iovaPage) {
        long translation = table.walk(iovaPage);
        if (translation != Iotlb.MISS) {
            iotlb.insert(iovaPage, translation);
            tell(DeviceCounter.EVICTIONS, iotlb.evictions());
        }
        tell(DeviceCounter.MISSES, iotlb.misses());
        return translation;
    }

    /** The reason in a refusal of {@link #translate}. */
    public static FaultReason reason(long refusal) {
        return FaultReason.ofCode((int) ~refusal);
    }

    /**
     * Records a fault for the owner.
     *
     * @return whether it found room; then the owner wants to be woken
     */
    public boolean fault(long iova, int access, FaultReason reason) {
        return faultRing.put(iova, access & Access.READ_WRITE, reason);
    }

    /** The cache, to read its counters. */
    public Iotlb iotlb() {
        return iotlb;
    }

    /** Publishes a count, where and when it changes. Opaque: each number is one moment's. */
    private void tell(DeviceCounter counter, long count) {
        ControlPage.setOpaque(page, counter.offset, count);
    }
}
