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

    private final boolean dropsSingleEntries;
    private final long pages;
    private final MemorySegment page;
    private final FaultRing faultRing;
    private final TranslationPath path;

    /** The cache to look into first, and how: see {@link TranslationCache}. */
    private final TranslationCache first;

    private final long[] words;
    private final int setMask;
    private final int setShift;

    /** From an IOVA to the format's smallest page. */
    private final int unitShift;

    private final long unitMask;
    private final long units;

    /** What the tags in {@link #words} have besides their unit; -1 if every hit is to be noted. */
    private long context;

    /** Of each lane, the generation whose invalidations were done. */
    private final long[] completed = new long[ControlPageDescriptor.MAX_LANES];

    private long catchUps;
    private long translations;
    private long sections;

    /**
     * A translator with an empty IOTLB of its own, over memory that the owner provided and that
     * must outlive this.
     *
     * @param table the translations; only read
     * @param controlPage see {@link ControlPageDescriptor}
     * @param geometry shape of the caches
     */
    public Translator(PageTable table, MemorySegment controlPage, IotlbGeometry geometry) {
        this(table, controlPage, geometry, new Iotlb(geometry));
    }

    /**
     * The same over an IOTLB that several devices of this thread share; each has its own domain in
     * it until {@link #close}.
     *
     * @param geometry of what is this device's own: its cache, its prefetch
     * @throws IllegalStateException if it has as many domains already as its tags can name
     */
    public Translator(
            PageTable table, MemorySegment controlPage, IotlbGeometry geometry, Iotlb iotlb) {
        dropsSingleEntries = table.format().invalidatesSingleEntries();
        pages = table.pages();
        page = ControlPage.checked(controlPage);
        faultRing = new FaultRing(page);
        int granuleShift = table.format().granuleShift();
        unitShift = IoPage.SHIFT + granuleShift;
        unitMask = (1L << unitShift) - 1;
        units = pages >>> granuleShift;
        path = new TranslationPath(table, page, geometry, iotlb);
        first = path.first();
        words = first.words;
        setMask = first.setMask;
        setShift = first.setShift;
        takeContext();
    }

    private void takeContext() {
        context = first.notesEveryHit() ? -1 : path.firstContext();
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
            path.countStale();
            path.dropAll();
        } else if (behind <= 0
                || behind >= ControlPageDescriptor.INVALIDATIONS
                || !dropsSingleEntries
                || !dropNamed(lane, requested)) {
            path.dropAll();
        }
        takeContext();
        completed[lane] = requested;
        catchUps++;
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
        path.beginDrops();
        for (long generation = before + 1; generation <= requested; generation++) {
            long named = slotAcquire(lane, generation);
            long first = named >>> ControlPageDescriptor.INVALIDATION_PAGE_SHIFT;
            long pages = named & ControlPageDescriptor.MAX_INVALIDATION_PAGES;
            boolean isRun = pages > 0 && first < this.pages && pages <= this.pages - first;
            if (!isRun || !path.drop(first, pages)) {
                return false;
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

    /** Ends the DMA section. */
    public void exit() {
        sections++;
        path.tell(DeviceCounter.SECTIONS, sections);
        path.tell(DeviceCounter.TRANSLATIONS, translations);
        path.tell();
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
        long unit = iova >>> unitShift;
        if (unit >= units) {
            return ~FaultReason.OUT_OF_RANGE.code();
        }
        translations++;
        int slot = ((int) unit & setMask) << setShift;
        // The way that was used last, with nothing to be noted, is all that most look-ups see.
        long translation = words[slot] == (context | unit) ? words[slot + 1] : path.find(unit);
        if ((translation & access) != access) {
            return refusal(translation);
        }
        return translation >>> Translation.FRAME_SHIFT << IoPage.SHIFT | iova & unitMask;
    }

    private static long refusal(long translation) {
        return ~(translation == Translation.NONE
                        ? FaultReason.NOT_MAPPED
                        : FaultReason.ACCESS_DENIED)
                .code();
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

    /** Leaves a shared IOTLB, with nothing left in it. Then nothing else is called. */
    public void close() {
        path.close();
    }
}
