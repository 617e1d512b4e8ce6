package dev.outboard.dma;

import dev.outboard.dma.GrantedRegions.Origin;
import dev.outboard.dma.GrantedRegions.Region;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.IovaAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * A client's memory is mapped when it is granted, and mapping inside a grant is arithmetic (The
 * Price of Safety, section 4.4). What the service allocates is granted for its life, in both
 * directions, so that drivers need no other code than under any strategy.
 *
 * <p><b>The window</b> of a buffer is its grant's life: a device reaches the pages of what is
 * granted, with the grant's rights, from {@link #grant} until {@link Grant#close}, or until the
 * allocation is closed, whatever is mapped in it. Mapping checks the direction against the grant.
 * All granted pages count as the window's entries, the life of a grant as its time. A grant that
 * ends is flushed before it returns, and pages go back to nobody before that.
 *
 * <p>A segment that a client lends is such a grant, from when it is plugged until it is unplugged.
 * What another process grants to this one is mapped when it comes. When that grant ends, its holder
 * takes the mapping away, whatever is mapped in it: nothing more is mapped there, and the IOVA is
 * used again when the service's own thread sees that nothing of it is mapped any more.
 *
 * <p>Mapping belongs to one thread and takes no lock; granting and what ends grants come from any
 * and are under this object's lock, as is all that touches the translations.
 */
final class GrantedDma extends MappingService {
    private static final System.Logger LOG = System.getLogger(Dma.class.getName());

    private final LiveMappings live;
    private final List<Region> standing = new ArrayList<>();

    /** Ended, but the flush failed: a device may still reach them. */
    private final List<Region> unsettled = new ArrayList<>();

    /** Given back while a device may reach them. */
    private final List<ReturnedFrames> returned = new ArrayList<>();

    /** Received, and ended by their owner: their IOVA is still ours. */
    private final List<Region> orphans = new ArrayList<>();

    /** Whether the service's thread should look at {@link #orphans}. */
    private volatile boolean hasOrphans;

    private volatile GrantedRegions regions = GrantedRegions.NONE;
    private int lastFound;
    private boolean disposed;
    private long grantedPages;
    private long mostPages;
    private long longestNanos;

    GrantedDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
        live = new LiveMappings(Math.toIntExact(translations.pages()));
    }

    @Override
    void commit() {
        // A grant is committed when it is made.
    }

    @Override
    long begin(long physicalAddress, int lengthBytes, int access) {
        GrantedRegions now = regions;
        int index = lastFound;
        if (lengthBytes <= 0 || !now.fits(index, physicalAddress, lengthBytes, access)) {
            index = find(now, physicalAddress, lengthBytes, access);
        }
        long iova = physicalAddress + now.shift(index);
        return live.add((int) (iova >>> IoPage.SHIFT), lengthBytes) ? iova : NO_IOVA;
    }

    private int find(GrantedRegions now, long physicalAddress, int lengthBytes, int access) {
        if (hasOrphans) {
            reclaimOrphans();
        }
        int index = lengthBytes <= 0 ? -1 : now.find(physicalAddress, lengthBytes, access);
        if (index < 0) {
            Buffers.require(memory, physicalAddress, lengthBytes);
            throw notGranted(physicalAddress, lengthBytes, access);
        }
        lastFound = index;
        return index;
    }

    private static IllegalArgumentException notGranted(
            long physicalAddress, int lengthBytes, int access) {
        return new IllegalArgumentException(
                ("physicalAddress=0x%x lengthBytes=%d is not granted for the device to %s:"
                                + " map inside what was granted, or what allocate returned")
                        .formatted(physicalAddress, lengthBytes, Access.name(access)));
    }

    @Override
    void cancel(long iova, int lengthBytes) {
        end(iova, lengthBytes);
    }

    @Override
    boolean end(long iova, int lengthBytes) {
        return live.remove(iova >>> IoPage.SHIFT, lengthBytes);
    }

    @Override
    void restore(long iova, int lengthBytes) {
        live.add((int) (iova >>> IoPage.SHIFT), lengthBytes);
    }

    @Override
    void release(long iova, int lengthBytes) {
        // The grant stands, unless another process has ended it.
        if (hasOrphans) {
            reclaimOrphans();
        }
    }

    @Override
    void releaseAll(long[] iovas, int[] lengths, int count) {
        if (hasOrphans) {
            reclaimOrphans();
        }
    }

    @Override
    public DmaMemory allocate(long lengthBytes) {
        return established(memory.allocate(lengthBytes));
    }

    @Override
    public DmaMemory allocate(long lengthBytes, PhysicalSegment segment) {
        return established(memory.allocate(lengthBytes, segment));
    }

    private DmaMemory established(DmaMemory allocated) {
        try {
            establish(
                    allocated.physicalAddress(),
                    allocated.lengthBytes(),
                    DmaDirection.BIDIRECTIONAL,
                    Origin.ALLOCATION);
        } catch (RuntimeException failure) {
            allocated.close();
            throw failure;
        }
        return allocated;
    }

    @Override
    public Grant grant(long physicalAddress, long lengthBytes, DmaDirection direction) {
        Objects.requireNonNull(direction, "direction");
        Buffers.grantNothing(memory, physicalAddress, lengthBytes, direction);
        Region region = establish(physicalAddress, lengthBytes, direction, Origin.GRANT);
        return new Grant(physicalAddress, lengthBytes, direction, () -> revoke(region));
    }

    /**
     * A client lends its memory: mapped as a whole for as long as that lasts, in both directions.
     */
    @Override
    public void coming(PhysicalSegment segment) {
        if (segment.isLent()) {
            establish(
                    segment.physicalAddress(),
                    segment.lengthBytes(),
                    DmaDirection.BIDIRECTIONAL,
                    Origin.LENT);
        }
    }

    @Override
    public void granted(long physicalAddress, long lengthBytes, int access) {
        try {
            receive(physicalAddress, lengthBytes, DmaDirection.of(access));
        } catch (RuntimeException refused) {
            // It may be for another domain of this memory; or there is no room, or it has ended.
            LOG.log(
                    System.Logger.Level.DEBUG,
                    "memory at 0x%x that was granted is not mapped: %s"
                            .formatted(physicalAddress, refused.getMessage()));
        }
    }

    private synchronized void receive(
            long physicalAddress, long lengthBytes, DmaDirection direction) {
        if (received(physicalAddress, lengthBytes) == null) {
            establish(physicalAddress, lengthBytes, direction, Origin.RECEIVED);
        }
    }

    private Region received(long physicalAddress, long lengthBytes) {
        for (Region region : standing) {
            if (region.origin() == Origin.RECEIVED
                    && region.start() == physicalAddress
                    && region.lengthBytes() == lengthBytes) {
                return region;
            }
        }
        return null;
    }

    @Override
    public synchronized void ended(long physicalAddress, long lengthBytes) {
        Region region = received(physicalAddress, lengthBytes);
        if (region != null) {
            standing.remove(region);
            regions = new GrantedRegions(standing);
            orphans.add(region);
            hasOrphans = true;
        }
    }

    /**
     * Service's thread, which alone knows that it is not about to map in one of them: takes back
     * the IOVA of what ended.
     */
    private synchronized void reclaimOrphans() {
        for (int index = orphans.size() - 1; index >= 0; index--) {
            Region region = orphans.get(index);
            if (!live.any((int) region.page(), region.pages())) {
                orphans.remove(index);
                unsettled.add(region);
                reclaim(region.page(), region.pages());
                settled(region);
            }
        }
        hasOrphans = !orphans.isEmpty();
    }

    private synchronized Region establish(
            long physicalAddress, long lengthBytes, DmaDirection direction, Origin origin) {
        requireOpen();
        dropReturned();
        int pages = pages(physicalAddress, lengthBytes);
        require(physicalAddress, lengthBytes, pages);
        long page = place(firstPage(physicalAddress), pages, direction.access());
        if (page == IovaAllocator.NONE) {
            throw new OutOfDmaMemoryException(
                    ("no run of IOVA is free to grant lengthBytes=%d (freePages=%d):"
                                    + " end a grant, or take a larger table (--table-entries)")
                            .formatted(lengthBytes, freePages()));
        }
        try {
            translations.commit();
        } catch (RuntimeException refused) {
            free(page, pages);
            throw refused;
        }
        long shift = iova(page, physicalAddress) - physicalAddress;
        Region region =
                new Region(
                        physicalAddress,
                        lengthBytes,
                        direction,
                        page,
                        pages,
                        shift,
                        origin,
                        System.nanoTime());
        standing.add(region);
        grantedPages += pages;
        mostPages = Math.max(mostPages, grantedPages);
        regions = new GrantedRegions(standing);
        return region;
    }

    private synchronized void revoke(Region region) {
        if (isMapped(region)) {
            throw new IllegalStateException(
                    ("physicalAddress=0x%x lengthBytes=%d is mapped: unmap it before its grant"
                                    + " ends")
                            .formatted(region.start(), region.lengthBytes()));
        }
        if (standing.contains(region)) {
            end(region);
        } else if (unsettled.contains(region)) {
            flushAll();
        }
        dropReturned();
    }

    private boolean isMapped(Region region) {
        return standing.contains(region) && live.any((int) region.page(), region.pages());
    }

    /** Takes a region away. If a device is stuck, it is known as unsettled until a flush. */
    private void end(Region region) {
        standing.remove(region);
        regions = new GrantedRegions(standing);
        unsettled.add(region);
        reclaim(region.page(), region.pages());
        settled(region);
    }

    private void settled(Region region) {
        unsettled.remove(region);
        grantedPages -= region.pages();
        longestNanos = Math.max(longestNanos, System.nanoTime() - region.sinceNanos());
    }

    @Override
    public synchronized void offer(ReturnedFrames frames) {
        if (!disposed) {
            frames.hold();
            returned.add(frames);
            try {
                dropReturned();
            } catch (DeviceStuckException stuck) {
                // The pages stay held; the next grant, or flush, tries again.
            }
        }
    }

    /** Ends the grants of allocations that were given back, and lets go of what none reaches. */
    private void dropReturned() {
        for (int index = returned.size() - 1; index >= 0; index--) {
            ReturnedFrames frames = returned.get(index);
            for (Region region : List.copyOf(standing)) {
                if (region.origin() == Origin.ALLOCATION
                        && overlaps(region, frames)
                        && !isMapped(region)) {
                    end(region);
                }
            }
            if (standing.stream().noneMatch(region -> overlaps(region, frames))
                    && unsettled.stream().noneMatch(region -> overlaps(region, frames))) {
                returned.remove(index);
                frames.release();
            }
        }
    }

    /** Whether a device can reach any of the frames by the region; counted in granules. */
    private boolean overlaps(Region region, ReturnedFrames frames) {
        long first = firstPage(region.start());
        return first < frames.firstFrame() + frames.pages()
                && frames.firstFrame() < first + region.pages();
    }

    @Override
    synchronized void flushAll() {
        if (!disposed && hasOrphans) {
            reclaimOrphans();
        }
        super.flushAll();
        for (Region region : List.copyOf(unsettled)) {
            settled(region);
        }
        if (!disposed) {
            dropReturned();
        }
    }

    @Override
    synchronized void visit(FrameRange range, MappingVisitor visitor) {
        for (Region region : standing) {
            live.visit(
                    (int) region.page(), region.pages(), firstPage(region.start()), range, visitor);
        }
    }

    @Override
    synchronized void visitReachable(FrameRange range, MappingVisitor visitor) {
        for (Region region : standing) {
            visitor.mapping(
                    region.page(), region.pages(), firstPage(region.start()), region.pages());
        }
    }

    /** A grant is in use though nothing be mapped in it. */
    @Override
    synchronized void nameMore(FrameRange range, MemoryUse use) {
        for (Region region : standing) {
            if (region.origin() == Origin.GRANT && isOf(region, range)) {
                use.grant(title(), region.start(), region.lengthBytes());
            }
        }
    }

    private boolean isOf(Region region, FrameRange range) {
        return region.origin() != Origin.RECEIVED
                && range.overlaps(firstPage(region.start()), region.pages());
    }

    @Override
    void drainIn(FrameRange range, boolean whole) {
        dropReturned();
    }

    /** They end as what another process had granted: their IOVA is ours until they are unmapped. */
    @Override
    synchronized void clearIn(FrameRange range) {
        for (Region region : List.copyOf(standing)) {
            if (isOf(region, range)) {
                translations.clear(region.page(), region.pages());
                standing.remove(region);
                orphans.add(region);
                hasOrphans = true;
            }
        }
        regions = new GrantedRegions(standing);
    }

    @Override
    void clearedIn(FrameRange range) {
        dropReturned();
    }

    @Override
    void clearAll() {
        // From now on they end as all others do.
        standing.addAll(orphans);
        orphans.clear();
        hasOrphans = false;
        for (Region region : standing) {
            translations.clear(region.page(), region.pages());
            live.clear((int) region.page(), region.pages());
        }
        regions = GrantedRegions.NONE;
    }

    @Override
    void freeAll() {
        for (Region region : List.copyOf(standing)) {
            free(region.page(), region.pages());
            standing.remove(region);
            settled(region);
        }
        disposed = true;
        dropReturned();
    }

    @Override
    public Strategy strategy() {
        return Strategy.GRANTED;
    }

    @Override
    synchronized long staleEntries() {
        return grantedPages;
    }

    @Override
    synchronized long windowEntries() {
        return mostPages;
    }

    @Override
    synchronized long windowNanos() {
        long longest = longestNanos;
        long now = System.nanoTime();
        for (Region region : standing) {
            longest = Math.max(longest, now - region.sinceNanos());
        }
        return longest;
    }
}
