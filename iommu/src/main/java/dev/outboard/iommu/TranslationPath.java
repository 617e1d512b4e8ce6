package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;

/**
 * The way of a translation, for one device: its own cache (ATS) if it has one, the IOTLB, its
 * entries for superpages, the table; and the way of an invalidation, through all of them.
 *
 * <pre>
 *                      first miss?            second?                 no?
 *   Translator ──► ATS ──────────► IOTLB ──► prefetched ──► superpages ──► walk of the table
 *                   ▲                ▲            ▲                          │
 *                   └── found ───────┴── found ───┴──── the pages after ─────┘
 * </pre>
 *
 * <p>Tags and pages are in units of the format's smallest page; only superpages' tags are in pages
 * of 4 KiB. One thread. No method allocates.
 */
final class TranslationPath {
    /** The largest superpage that an entry names: its tag keeps the bits of the domain. */
    private static final int MAX_ORDER = TranslationCache.PAGE_BITS - 1;

    /** How often in one catch-up a run may cost a look at every entry, before all are dropped. */
    private static final int MAX_SWEEPS = 4;

    private final PageTable table;
    private final MemorySegment controlPage;
    private final Iotlb iotlb;
    private final int domain;
    private final TranslationCache cache;

    /** The device's own cache, or null. */
    private final TranslationCache ats;

    private final int granuleShift;
    private final int prefetch;
    private final long prefetchEnd;
    private long context;
    private long atsContext;

    /** The unit whose miss would be the next of a sequence. */
    private long expected = -1;

    /** Whether some entry is a part of a superpage that is not dropped as a whole with it. */
    private boolean fractured;

    private boolean atsFractured;
    private int sweeps;
    private long atsMisses;
    private long misses;
    private long superpageHits;
    private boolean untold;
    private long prefetches;
    private long prefetchesUsed;
    private long invalidations;
    private long flushes;
    private long domainFlushes;
    private long atsInvalidations;
    private long staleHeld;

    TranslationPath(
            PageTable table, MemorySegment controlPage, IotlbGeometry geometry, Iotlb iotlb) {
        this.table = table;
        this.controlPage = controlPage;
        this.iotlb = iotlb;
        domain = iotlb.open();
        cache = iotlb.cache();
        context = cache.context(domain);
        ats =
                geometry.ats() == 0
                        ? null
                        : new TranslationCache(geometry.atsGeometry(), Long.MAX_VALUE);
        atsContext = ats == null ? 0 : ats.context(0);
        granuleShift = table.format().granuleShift();
        prefetch = geometry.prefetch();
        prefetchEnd = table.pages() - table.format().reservedLastPages() >>> granuleShift;
    }

    /** The cache that is looked into first. */
    TranslationCache first() {
        return ats == null ? cache : ats;
    }

    /** What the tags of {@link #first} have besides their unit, until something is dropped. */
    long firstContext() {
        return ats == null ? context : atsContext;
    }

    /**
     * The translation of a unit's first page, wherever it is found, or {@link Translation#NONE}.
     */
    long find(long unit) {
        untold = true;
        if (ats == null) {
            return findBehind(unit);
        }
        long translation = ats.find(atsContext | unit);
        if (translation == TranslationCache.MISS) {
            atsMisses++;
            translation = findBehind(unit);
            if (translation != Translation.NONE) {
                atsFractured |= Translation.order(translation) > granuleShift;
                ats.insert(atsContext | unit, translation);
            }
        }
        return translation;
    }

    private long findBehind(long unit) {
        long tag = context | unit;
        long translation = cache.find(tag);
        if (translation == TranslationCache.MISS && prefetch > 0) {
            translation = findPrefetched(tag);
        }
        if (translation == TranslationCache.MISS && iotlb.supers() > 0) {
            translation = findSuper(unit);
        }
        return translation == TranslationCache.MISS ? walk(unit) : translation;
    }

    private long findPrefetched(long tag) {
        long translation = cache.findPrefetched(tag);
        if (translation != TranslationCache.MISS) {
            prefetchesUsed++;
        }
        return translation;
    }

    private long findSuper(long unit) {
        long translation = iotlb.findSuper(context | unit << granuleShift);
        if (translation != Translation.NONE) {
            superpageHits++;
        }
        return translation;
    }

    private long walk(long unit) {
        misses++;
        long translation = table.walk(unit << granuleShift);
        if (translation == Translation.NONE) {
            return Translation.NONE;
        }
        int order = Translation.order(translation);
        if (order > granuleShift && order <= MAX_ORDER && iotlb.cachesSuperpages()) {
            iotlb.insertSuper(context | unit << granuleShift, translation);
            return translation;
        }
        fractured |= order > granuleShift;
        cache.insert(context | unit, translation);
        if (prefetch > 0) {
            prefetchAfter(unit);
        }
        return translation;
    }

    /**
     * Looks up the pages that follow, if this miss itself followed one: a device that goes through
     * a buffer is worth it, one that jumps about is not. Stops at what is not mapped, which is
     * never cached, and before what the format keeps back against just this.
     */
    private void prefetchAfter(long unit) {
        boolean follows = unit == expected;
        long next = unit + 1;
        long end = follows ? Math.min(next + prefetch, prefetchEnd) : next;
        for (; next < end; next++) {
            long translation = table.walk(next << granuleShift);
            if (translation == Translation.NONE || Translation.order(translation) > granuleShift) {
                break;
            }
            if (!cache.holds(context | next)) {
                cache.insert(context | next | TranslationCache.PREFETCHED, translation);
                prefetches++;
            }
        }
        expected = next;
    }

    /** Forgets all of this device's translations. */
    void dropAll() {
        context = iotlb.drop(domain);
        fractured = false;
        expected = -1;
        tell(DeviceCounter.FLUSHES, ++flushes);
        if (iotlb.isShared()) {
            tell(DeviceCounter.DOMAIN_FLUSHES, ++domainFlushes);
        }
        if (ats != null) {
            dropAts();
            tell(DeviceCounter.ATS_INVALIDATIONS, ++atsInvalidations);
        }
    }

    private void dropAts() {
        ats.empty();
        atsContext = ats.context(0);
        atsFractured = false;
    }

    /** Several runs are about to be dropped. */
    void beginDrops() {
        sweeps = 0;
    }

    /**
     * Forgets a run of pages of 4 KiB, and every superpage that has one of them.
     *
     * @return false if that is not worth it, or not possible: then everything is to be dropped
     */
    boolean drop(long firstPage, long pages) {
        long first = firstPage >>> granuleShift;
        long end = (firstPage + pages - 1 >>> granuleShift) + 1;
        boolean sweep = end - first > cache.slots();
        if (fractured || sweep && ++sweeps > MAX_SWEEPS) {
            return false;
        }
        drop(cache, context, first, end);
        iotlb.dropSupers(context | firstPage, context | firstPage + pages);
        invalidations += end - first;
        if (ats != null) {
            if (atsFractured) {
                dropAts();
            } else {
                drop(ats, atsContext, first, end);
            }
            tell(DeviceCounter.ATS_INVALIDATIONS, ++atsInvalidations);
        }
        tell(DeviceCounter.INVALIDATIONS, invalidations);
        return true;
    }

    private static void drop(TranslationCache from, long context, long first, long end) {
        if (end - first > from.slots()) {
            from.dropRange(context | first, context + end);
            return;
        }
        for (long unit = first; unit < end; unit++) {
            from.drop(context | unit);
        }
    }

    /** Compares what is cached with the table; asked for once in a window, not on every flush. */
    void countStale() {
        long stale = countStale(cache, context);
        for (int index = 0; index < iotlb.supers(); index++) {
            long page = iotlb.superPageAt(index, context);
            if (page >= 0 && isStale(page, iotlb.superTranslationAt(index))) {
                stale++;
            }
        }
        if (ats != null) {
            // An entry that both hold counts twice: both would have to be dropped.
            stale += countStale(ats, atsContext);
        }
        if (stale > staleHeld) {
            staleHeld = stale;
            tell(DeviceCounter.STALE_HELD, stale);
        }
    }

    private long countStale(TranslationCache held, long heldContext) {
        long stale = 0;
        for (int slot = 0; slot < held.slots(); slot++) {
            long unit = held.pageAt(slot, heldContext);
            if (unit >= 0 && isStale(unit << granuleShift, held.translationAt(slot))) {
                stale++;
            }
        }
        return stale;
    }

    /**
     * Whether the table has another frame there, or other rights; how far it reaches is all one.
     */
    private boolean isStale(long page, long translation) {
        long now = table.walk(page);
        return Translation.pageFrame(now) != Translation.pageFrame(translation)
                || Translation.access(now) != Translation.access(translation);
    }

    /** Leaves the IOTLB, with nothing left in it. */
    void close() {
        iotlb.close(domain);
    }

    /** Publishes what {@link #find} has counted since; at the end of a section. */
    void tell() {
        if (untold) {
            untold = false;
            tell(DeviceCounter.MISSES, misses);
            tell(DeviceCounter.EVICTIONS, cache.evictions());
            tell(DeviceCounter.ATS_MISSES, atsMisses);
            tell(DeviceCounter.SUPERPAGE_HITS, superpageHits);
            tell(DeviceCounter.PREFETCHES, prefetches);
            tell(DeviceCounter.PREFETCHES_USED, prefetchesUsed);
        }
    }

    /** Publishes a count. Opaque: each number is one moment's, the set is not. */
    void tell(DeviceCounter counter, long count) {
        ControlPage.setOpaque(controlPage, counter.offset, count);
    }
}
