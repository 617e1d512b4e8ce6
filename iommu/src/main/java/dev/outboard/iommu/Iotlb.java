package dev.outboard.iommu;

/**
 * The IOTLB: a cache of translations for pages of the smallest size, and a few entries for
 * superpages. One device has it alone, or several of one device process share it, each a
 * <em>domain</em> with a tag of its own: what one may reach, another never finds.
 *
 * <p>It holds {@linkplain Translation translations}, which are the same for every table format and
 * never 0. Invalid entries are not cached: a mapping that is made after a miss works at once, as in
 * the hardware.
 *
 * <p>One thread for all its domains. Memory is taken at construction; no method allocates but
 * {@link Translator}'s construction, which opens a domain.
 */
public final class Iotlb {
    /** The most devices that share one. */
    public static final int MAX_DOMAINS = 1 << TranslationCache.DOMAIN_BITS;

    private static final long FIXED_SEED = 0x9e3779b97f4a7c15L;

    private final IotlbGeometry geometry;
    private final TranslationCache cache;
    private final long[] superTags;

    /** Each for the first page of its superpage. */
    private final long[] superTranslations;

    private int supers;
    private long openDomains;
    private int domains;

    /** An empty cache with a fixed seed for random replacement. */
    public Iotlb(IotlbGeometry geometry) {
        this(geometry, FIXED_SEED);
    }

    /** An empty cache; {@code seed} (not 0) drives random replacement. */
    public Iotlb(IotlbGeometry geometry, long seed) {
        this.geometry = geometry;
        cache = new TranslationCache(geometry, seed);
        superTags = new long[geometry.superpages()];
        superTranslations = new long[geometry.superpages()];
    }

    /** Its shape. */
    public IotlbGeometry geometry() {
        return geometry;
    }

    /** Pages of the smallest size. */
    TranslationCache cache() {
        return cache;
    }

    /** Takes the number of a domain, for the tags. */
    int open() {
        int domain = Long.numberOfTrailingZeros(~openDomains);
        if (domain >= MAX_DOMAINS) {
            throw new IllegalStateException(
                    "an IOTLB is shared by %d devices, and no more".formatted(MAX_DOMAINS));
        }
        openDomains |= 1L << domain;
        domains++;
        return domain;
    }

    /** Gives it back, with nothing of it left. */
    void close(int domain) {
        drop(domain);
        openDomains &= ~(1L << domain);
        domains--;
    }

    /** Whether no device has translations here. */
    public boolean isEmpty() {
        return domains == 0;
    }

    /** Whether more than one device has translations here. */
    boolean isShared() {
        return domains > 1;
    }

    /**
     * Forgets all of a domain: everything at once if nobody else is here, else by looking at every
     * entry.
     *
     * @return the domain's context from now on
     */
    long drop(int domain) {
        if (isShared()) {
            long context = cache.context(domain);
            cache.dropRange(context, context + TranslationCache.PAGE_MASK + 1);
            for (int index = supers - 1; index >= 0; index--) {
                if ((superTags[index] & ~TranslationCache.PAGE_MASK) == context) {
                    dropSuper(index);
                }
            }
        } else {
            cache.empty();
            supers = 0;
        }
        return cache.context(domain);
    }

    /** Whether superpages have entries of their own. */
    boolean cachesSuperpages() {
        return superTags.length > 0;
    }

    /** The translation of a page by a superpage's entry, or {@link Translation#NONE}. */
    long findSuper(long tag) {
        for (int index = 0; index < supers; index++) {
            int order = Translation.order(superTranslations[index]);
            if ((tag ^ superTags[index]) >>> order == 0) {
                long first = superTranslations[index];
                if (index > 0) {
                    putFirst(index, superTags[index], first);
                }
                return first | (tag & (1L << order) - 1) << Translation.FRAME_SHIFT;
            }
        }
        return Translation.NONE;
    }

    /**
     * Remembers the superpage around a page. Its order counts in the pages of the tag.
     *
     * @param tag of any of its pages
     * @param translation of that page, with the order below {@link TranslationCache#PAGE_BITS}
     */
    void insertSuper(long tag, long translation) {
        long inside = (1L << Translation.order(translation)) - 1;
        if (supers < superTags.length) {
            supers++;
        }
        putFirst(supers - 1, tag & ~inside, translation & ~(inside << Translation.FRAME_SHIFT));
    }

    private void putFirst(int index, long tag, long translation) {
        System.arraycopy(superTags, 0, superTags, 1, index);
        System.arraycopy(superTranslations, 0, superTranslations, 1, index);
        superTags[0] = tag;
        superTranslations[0] = translation;
    }

    /** Forgets the superpages that have any page from {@code first} to before {@code end}. */
    void dropSupers(long first, long end) {
        for (int index = supers - 1; index >= 0; index--) {
            long start = superTags[index];
            if (start < end
                    && first < start + (1L << Translation.order(superTranslations[index]))) {
                dropSuper(index);
            }
        }
    }

    private void dropSuper(int index) {
        supers--;
        System.arraycopy(superTags, index + 1, superTags, index, supers - index);
        System.arraycopy(superTranslations, index + 1, superTranslations, index, supers - index);
    }

    /** Superpages held, of all domains. */
    int supers() {
        return supers;
    }

    /** The first page of a superpage of a context, or -1 if it is another's. */
    long superPageAt(int index, long context) {
        long tag = superTags[index];
        return (tag & ~TranslationCache.PAGE_MASK) == context
                ? tag & TranslationCache.PAGE_MASK
                : -1;
    }

    /** The translation of that page. */
    long superTranslationAt(int index) {
        return superTranslations[index];
    }
}
