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
    private long completed;
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
     * @return the generation up to which invalidations were done: what was translated under another
     *     one is void
     */
    public long enter() {
        ControlPage.setOpaque(page, ControlPageDescriptor.INSIDE_OFFSET, 1);
        // Full fence: "inside" is visible before "requested" is read. Partner: the fence between
        // the owner's request and its look
        // at "inside" (OwnerControl.isSettled). One of the two sees the other.
        VarHandle.fullFence();
        long requested = ControlPage.getAcquire(page, ControlPageDescriptor.REQUESTED_OFFSET);
        if (requested != completed) {
            catchUp(requested);
        }
        return completed;
    }

    /**
     * Within a section, between two accesses: drops what the owner has asked for meanwhile, so that
     * it need not wait for the section's end.
     *
     * @return as {@link #enter}
     */
    public long checkpoint() {
        // Acquire: the table is walked after. No fence: "inside" stays set, so the owner waits for
        // "completed", which is released after every access before this. Partner:
        // OwnerControl.isSettled.
        long requested = ControlPage.getAcquire(page, ControlPageDescriptor.REQUESTED_OFFSET);
        if (requested != completed) {
            catchUp(requested);
        }
        return completed;
    }

    /** Drops what the owner asked for up to {@code requested}, and says so. */
    private void catchUp(long requested) {
        long behind = requested - completed;
        if (behind == 1 && slotAcquire(requested) == ControlPageDescriptor.EVERYTHING_COUNTED) {
            countStale();
            iotlb.flush();
        } else if (behind <= 0
                || behind >= ControlPageDescriptor.INVALIDATIONS
                || !dropsSingleEntries
                || !dropNamed(requested)) {
            iotlb.flush();
        }
        completed = requested;
        // Release: everything this device did with older translations is over. Partner:
        // OwnerControl.isSettled.
        ControlPage.setRelease(page, ControlPageDescriptor.COMPLETED_OFFSET, completed);
    }

    /**
     * Drops the entries that the ring names; false if that cannot be trusted or is not worth it.
     */
    private boolean dropNamed(long requested) {
        for (long generation = completed + 1; generation <= requested; generation++) {
            long named = slotAcquire(generation);
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
        // after the visible one, so
        // the oldest slot read was its own as long as the distance is below the ring's size.
        long now = ControlPage.getAcquire(page, ControlPageDescriptor.REQUESTED_OFFSET);
        return now - completed >= 0 && now - completed < ControlPageDescriptor.INVALIDATIONS;
    }

    /** What a generation invalidates, as the owner wrote it: not to be trusted. */
    private long slotAcquire(long generation) {
        // Acquire: the slot is read before "requested" is read again. Partner:
        // OwnerControl.publish.
        return ControlPage.getAcquire(
                page,
                ControlPageDescriptor.INVALIDATIONS_OFFSET + (generation & RING_MASK) * Long.BYTES);
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
            ControlPage.setOpaque(page, ControlPageDescriptor.STALE_HELD_OFFSET, stale);
        }
    }

    /** Ends the DMA section. */
    public void exit() {
        sections++;
        publishCounters();
        // Release: the section's memory accesses come before. Partner: OwnerControl.isSettled.
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
        }
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

    /** Generation up to which invalidations were done. */
    public long completed() {
        return completed;
    }

    /** The cache, to read its counters. */
    public Iotlb iotlb() {
        return iotlb;
    }

    private void publishCounters() {
        ControlPage.setOpaque(page, ControlPageDescriptor.TRANSLATIONS_OFFSET, translations);
        ControlPage.setOpaque(page, ControlPageDescriptor.HITS_OFFSET, iotlb.hits());
        ControlPage.setOpaque(page, ControlPageDescriptor.MISSES_OFFSET, iotlb.misses());
        ControlPage.setOpaque(page, ControlPageDescriptor.EVICTIONS_OFFSET, iotlb.evictions());
        ControlPage.setOpaque(page, ControlPageDescriptor.DROPPED_OFFSET, iotlb.invalidations());
        ControlPage.setOpaque(page, ControlPageDescriptor.FLUSHES_OFFSET, iotlb.flushes());
        ControlPage.setOpaque(page, ControlPageDescriptor.SECTIONS_OFFSET, sections);
    }
}
