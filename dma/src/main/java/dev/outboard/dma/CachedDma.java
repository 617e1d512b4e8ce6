package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.IovaAllocator;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * A mapping outlives its unmap and is found again when the same frames are mapped next, with the
 * same rights (The Price of Safety, section 4.3.2); or is never undone at all (4.3.4).
 *
 * <p><b>The window.</b> Once unmapped, the whole pages of a buffer stay reachable by the IOVA that
 * it had, with the rights that it had, until the mapping is evicted; so does a buffer that is
 * mapped again meanwhile with other rights, for that is another mapping with another IOVA. Buffers
 * in the same pages with the same rights share an IOVA page. At most {@code keepPages} unmapped
 * pages are reachable when an unmap returns: those go that were not used for long, an eighth with
 * one flush. Never free keeps all, and has no IOVA left when the window is full.
 *
 * <p>Memory that is given back is different: nobody else is given its pages while a mapping of them
 * stands. The service drops such mappings, never free too, with its next unmap or flush.
 *
 * <p>The window's time is never told too short, and too long by the time of {@link #CLOCK_CALLS}
 * unmaps at most: reading the clock costs more than mapping.
 */
final class CachedDma extends MappingService {
    /** Single unmaps from one look at the clock to the next. */
    static final int CLOCK_CALLS = 16;

    private static final int MOST_VICTIMS = 512;
    private static final VarHandle NOTICE;

    static {
        try {
            NOTICE = MethodHandles.lookup().findVarHandle(CachedDma.class, "notice", long.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private final Strategy strategy;
    private final MappingCache cache;
    private final ReachableFrames reachable;
    private final long keepPages;
    private final boolean evicts;

    /** Mappings being evicted: their flush is not complete. */
    private final int[] victims = new int[MOST_VICTIMS];

    private final int[] victimPages = new int[MOST_VICTIMS];
    private final long[] victimFrames = new long[MOST_VICTIMS];
    private int victimCount;

    /** Idle pages above which an unmap has more to do; -1 when frames were given back. */
    private long notice;

    /** Given back and still reachable; guarded by itself. */
    private final List<ReturnedFrames> returned = new ArrayList<>();

    /** First frames and lengths in pages of grants that have ended; guarded by itself. */
    private final List<long[]> ended = new ArrayList<>(0);

    /** Whether there are any. */
    private volatile boolean hasEnded;

    /** Evicted by flushes that failed: reachable, and counted so, until one succeeds. */
    private long unsettledPages;

    private boolean closing;
    private boolean disposed;

    private int callsToClock = CLOCK_CALLS;
    private long clockNanos = System.nanoTime();

    /** Since when the longest idle of those was that ended to be since the last look; 0: none. */
    private long oldestEndedNanos;

    private long mostIdlePages;
    private long longestIdleNanos;

    /** Cached, with at most so many unmapped pages reachable. */
    static CachedDma cached(PhysicalMemory memory, Translations translations, int keepPages) {
        return new CachedDma(memory, translations, Strategy.CACHED, keepPages);
    }

    static CachedDma neverFree(PhysicalMemory memory, Translations translations) {
        return new CachedDma(memory, translations, Strategy.NEVER_FREE, Long.MAX_VALUE);
    }

    private CachedDma(
            PhysicalMemory memory, Translations translations, Strategy strategy, long keepPages) {
        super(memory, translations);
        this.strategy = strategy;
        this.keepPages = keepPages;
        evicts = strategy == Strategy.CACHED;
        cache = new MappingCache(Math.toIntExact(translations.pages()));
        reachable = new ReachableFrames();
        memory.segments().forEach(segment -> reachable.come(FrameRange.of(segment)));
    }

    @Override
    void commit() {
        // A mapping is committed when it is made.
    }

    @Override
    long begin(long physicalAddress, int lengthBytes, int access) {
        int pages = pages(physicalAddress, lengthBytes);
        require(physicalAddress, lengthBytes, pages);
        long key = MappingCache.key(firstPage(physicalAddress), pages, access);
        if (hasEnded) {
            hideEnded();
        }
        int page = cache.find(key);
        if (page == MappingCache.NONE || cache.isFull(page, lengthBytes)) {
            page = make(key);
            if (page == MappingCache.NONE) {
                return NO_IOVA;
            }
        }
        long since = cache.use(page, lengthBytes);
        if (since != 0) {
            ended(since);
        }
        return iova(page, physicalAddress);
    }

    /** A mapping that was idle since then is no more. */
    private void ended(long sinceNanos) {
        if (oldestEndedNanos == 0 || sinceNanos - oldestEndedNanos < 0) {
            oldestEndedNanos = sinceNanos;
        }
    }

    /** A new mapping, committed; evicts as long as there is no room and something to evict. */
    private int make(long key) {
        long frame = MappingCache.keyFrame(key);
        int pages = MappingCache.keyPages(key);
        int page = tryMake(frame, pages, MappingCache.keyAccess(key));
        while (page == MappingCache.NONE && evicts && cache.idlePages() > 0) {
            evict(cache.idlePages() - Math.max(pages, cache.idlePages() / 8 + 1));
            page = tryMake(frame, pages, MappingCache.keyAccess(key));
        }
        if (page != MappingCache.NONE) {
            cache.insert(page, key);
            reachable.add(frame, pages, 1);
        }
        return page;
    }

    private int tryMake(long frame, int pages, int access) {
        long page = place(frame, pages, access);
        if (page == IovaAllocator.NONE) {
            return MappingCache.NONE;
        }
        try {
            translations.commit();
        } catch (RuntimeException refused) {
            free(page, pages);
            if (refused instanceof QuotaExceededException && evicts && cache.idlePages() > 0) {
                return MappingCache.NONE;
            }
            throw refused;
        }
        return (int) page;
    }

    /** What was new is committed already: it stays, as after any unmap. */
    @Override
    void cancel(long iova, int lengthBytes) {
        end(iova, lengthBytes);
        release(iova, lengthBytes);
    }

    @Override
    boolean end(long iova, int lengthBytes) {
        return cache.unuse(firstPage(iova), pages(iova, lengthBytes), lengthBytes);
    }

    @Override
    void restore(long iova, int lengthBytes) {
        cache.reuse((int) firstPage(iova), lengthBytes);
    }

    @Override
    void release(long iova, int lengthBytes) {
        cache.rest((int) firstPage(iova), clockNanos);
        released();
    }

    @Override
    void releaseAll(long[] iovas, int[] lengths, int count) {
        for (int index = 0; index < count; index++) {
            cache.rest((int) firstPage(iovas[index]), clockNanos);
        }
        released();
    }

    private void released() {
        if (--callsToClock <= 0) {
            readClock();
        }
        // Opaque: whoever gives frames back asks for attention, which may come with the next call.
        if (cache.idlePages() > (long) NOTICE.getOpaque(this)) {
            attend();
        }
    }

    private void readClock() {
        callsToClock = CLOCK_CALLS;
        clockNanos = System.nanoTime();
        if (oldestEndedNanos != 0) {
            longestIdleNanos = Math.max(longestIdleNanos, clockNanos - oldestEndedNanos);
            oldestEndedNanos = 0;
        }
    }

    @Override
    public void ended(long physicalAddress, long lengthBytes) {
        synchronized (ended) {
            ended.add(
                    new long[] {
                        physicalAddress >>> IoPage.SHIFT, lengthBytes >>> IoPage.SHIFT,
                    });
            hasEnded = true;
        }
        synchronized (returned) {
            NOTICE.setOpaque(this, -1L);
        }
    }

    /** Mappings of what was granted lead nowhere once that has ended: they are found no more. */
    private void hideEnded() {
        synchronized (ended) {
            for (int page = cache.nextMapping(1);
                    page != MappingCache.NONE;
                    page = cache.nextMapping(page + 1)) {
                long frame = cache.frame(page);
                for (long[] run : ended) {
                    if (frame < run[0] + run[1] && run[0] < frame + cache.pages(page)) {
                        cache.hide(page);
                    }
                }
            }
            ended.clear();
            hasEnded = false;
        }
        if (victimCount == 0) {
            dropHidden();
        }
    }

    /** Drops the hidden mappings that no buffer uses; the others go when they are idle for long. */
    private void dropHidden() {
        for (int page = cache.nextInRing(MappingCache.NONE); page != MappingCache.NONE; ) {
            int next = cache.nextInRing(page);
            if (cache.since(page) != 0 && cache.isHidden(page)) {
                addVictim(page);
                if (victimCount == MOST_VICTIMS) {
                    flushVictims();
                }
            }
            page = next;
        }
        if (victimCount > 0) {
            flushVictims();
        }
    }

    private void attend() {
        try {
            if (hasEnded) {
                hideEnded();
            }
            if (cache.idlePages() > keepPages) {
                evict(keepPages - Math.max(1, keepPages / 8));
            }
            dropReturned();
        } finally {
            mostIdlePages = Math.max(mostIdlePages, cache.idlePages());
            synchronized (returned) {
                NOTICE.setOpaque(this, Math.min(mostIdlePages, keepPages));
            }
        }
    }

    /** Evicts what has not been used for long, until no more than so many pages are idle. */
    private void evict(long pagesToKeep) {
        while (cache.idlePages() > Math.max(0, pagesToKeep)) {
            while (victimCount < MOST_VICTIMS && cache.idlePages() > Math.max(0, pagesToKeep)) {
                addVictim(cache.victim());
            }
            flushVictims();
        }
    }

    private void addVictim(int page) {
        if (victimCount == 0) {
            readClock();
        }
        int pages = cache.pages(page);
        victims[victimCount] = page;
        victimPages[victimCount] = pages;
        victimFrames[victimCount] = cache.frame(page);
        victimCount++;
        ended(cache.since(page));
        if (!closing) {
            // Else it has been cleared with all others, and is cleared once.
            translations.clear(page, pages);
            translations.invalidate(page, pages);
        }
        cache.remove(page);
    }

    private void flushVictims() {
        boolean settled = false;
        try {
            translations.settle();
            settled = true;
        } finally {
            for (int index = 0; index < victimCount; index++) {
                giveBack(victims[index], victimPages[index], settled);
                if (settled) {
                    reachable.add(victimFrames[index], victimPages[index], -1);
                } else {
                    unsettledPages += victimPages[index];
                }
            }
            victimCount = 0;
            readClock();
        }
    }

    /** Drops the idle mappings of frames that were given back, and lets go of them. */
    private void dropReturned() {
        ReturnedFrames[] dropped;
        synchronized (returned) {
            dropped = returned.toArray(ReturnedFrames[]::new);
        }
        if (dropped.length == 0) {
            return;
        }
        for (int page = cache.nextInRing(MappingCache.NONE); page != MappingCache.NONE; ) {
            int next = cache.nextInRing(page);
            if (cache.since(page) != 0 && isAnyOf(dropped, cache.frame(page), cache.pages(page))) {
                addVictim(page);
                if (victimCount == MOST_VICTIMS) {
                    flushVictims();
                }
            }
            page = next;
        }
        if (victimCount > 0) {
            flushVictims();
        }
        letGo();
    }

    private static boolean isAnyOf(ReturnedFrames[] dropped, long frame, int pages) {
        for (ReturnedFrames frames : dropped) {
            if (frame < frames.firstFrame() + frames.pages()
                    && frames.firstFrame() < frame + pages) {
                return true;
            }
        }
        return false;
    }

    /** What is still mapped, which is a mistake of its owner, waits for the next time. */
    private void letGo() {
        synchronized (returned) {
            for (int index = returned.size() - 1; index >= 0; index--) {
                ReturnedFrames frames = returned.get(index);
                if (!reachable.any(frames.firstFrame(), frames.pages())) {
                    returned.remove(index);
                    frames.release();
                }
            }
        }
    }

    @Override
    public void offer(ReturnedFrames frames) {
        synchronized (returned) {
            if (!disposed && reachable.any(frames.firstFrame(), frames.pages())) {
                frames.hold();
                returned.add(frames);
                NOTICE.setOpaque(this, -1L);
            }
        }
    }

    /** Drops every mapping that no buffer uses, never free too. */
    @Override
    void flushAll() {
        if (!closing) {
            if (hasEnded) {
                hideEnded();
            }
            evict(0);
        }
        super.flushAll();
        if (unsettledPages > 0) {
            recount();
            unsettledPages = 0;
        }
        dropReturned();
    }

    @Override
    public void coming(PhysicalSegment segment) {
        alone(() -> reachable.come(FrameRange.of(segment)));
    }

    @Override
    void visit(FrameRange range, MappingVisitor visitor) {
        visit(range, visitor, true);
    }

    @Override
    void visitReachable(FrameRange range, MappingVisitor visitor) {
        visit(range, visitor, false);
    }

    private void visit(FrameRange range, MappingVisitor visitor, boolean usedAlone) {
        for (int page = cache.nextMapping(1);
                page != MappingCache.NONE;
                page = cache.nextMapping(page + 1)) {
            long frame = cache.frame(page);
            int pages = cache.pages(page);
            boolean counts = !cache.isHidden(page) && !(usedAlone && cache.since(page) != 0);
            if (counts && range.overlaps(frame, pages)) {
                visitor.mapping(page, pages, frame, pages);
            }
        }
    }

    @Override
    void drainIn(FrameRange range, boolean whole) {
        dropIdle(range);
        dropReturned();
    }

    /** Evicts the idle mappings of these frames. */
    private void dropIdle(FrameRange range) {
        for (int page = cache.nextInRing(MappingCache.NONE); page != MappingCache.NONE; ) {
            int next = cache.nextInRing(page);
            if (cache.since(page) != 0 && range.overlaps(cache.frame(page), cache.pages(page))) {
                addVictim(page);
                if (victimCount == MOST_VICTIMS) {
                    flushVictims();
                }
            }
            page = next;
        }
        if (victimCount > 0) {
            flushVictims();
        }
    }

    /** What is in use is found no more, and goes when it is idle. */
    @Override
    void clearIn(FrameRange range) {
        dropIdle(range);
        visit(
                range,
                (page, pages, frame, frames) -> {
                    cache.hide((int) page);
                    translations.clear(page, pages);
                });
    }

    @Override
    void clearedIn(FrameRange range) {
        dropReturned();
        reachable.go(range);
    }

    @Override
    public void stays(FrameRange stays) {
        alone(() -> reachable.stay(stays));
    }

    private void recount() {
        reachable.clear();
        for (int page = cache.nextMapping(1);
                page != MappingCache.NONE;
                page = cache.nextMapping(page + 1)) {
            reachable.add(cache.frame(page), cache.pages(page), 1);
        }
    }

    @Override
    void clearAll() {
        closing = true;
        mostIdlePages = windowEntries();
        longestIdleNanos = windowNanos();
        for (int page = cache.nextMapping(1);
                page != MappingCache.NONE;
                page = cache.nextMapping(page + 1)) {
            translations.clear(page, cache.pages(page));
        }
    }

    @Override
    void freeAll() {
        for (int page = cache.nextMapping(1);
                page != MappingCache.NONE;
                page = cache.nextMapping(page + 1)) {
            free(page, cache.pages(page));
        }
        cache.clear();
        synchronized (returned) {
            disposed = true;
            reachable.clear();
            letGo();
        }
    }

    @Override
    public Strategy strategy() {
        return strategy;
    }

    @Override
    long staleEntries() {
        return cache.idlePages() + unsettledPages;
    }

    @Override
    long windowEntries() {
        return Math.max(mostIdlePages, staleEntries());
    }

    @Override
    long windowNanos() {
        long oldest = oldestEndedNanos;
        long since = cache.oldestIdleNanos();
        if (since != 0 && (oldest == 0 || since - oldest < 0)) {
            oldest = since;
        }
        return oldest == 0
                ? longestIdleNanos
                : Math.max(longestIdleNanos, System.nanoTime() - oldest);
    }
}
