package dev.outboard.iommu;

/**
 * Translations in memory: one I/O address space for the devices that share it, whatever its
 * structure. Superpages are part of it: a run is written with the largest entries that its
 * alignment and the format allow.
 *
 * <p>One process writes (with release), others walk (with acquire); the memory decides who may, not
 * this interface. Several threads may write at once, as long as no two write the same run. A walk
 * may meet any change half-way: it finds the old, the new, or nothing. A walk of memory that a
 * hostile owner writes never leaves the table's memory and always ends. No method allocates.
 *
 * <p>Pages are of 4 KiB ({@link IoPage}) everywhere; where the format's smallest entry covers more,
 * every run must be aligned to that ({@link TableFormat#granuleShift()}).
 */
public interface PageTable {
    /** The layout of the entries. */
    TableFormat format();

    /** Pages of IOVA, from page 0. */
    long pages();

    /**
     * Lets {@code access} through from a run of IOVA pages to a run of page frames, from now on.
     * The run must be clear.
     *
     * @param access bits of {@link Access}, at least one
     * @throws IllegalArgumentException if the format cannot express it; nothing is changed
     * @throws IndexOutOfBoundsException if the table has no such pages, or the run has none;
     *     nothing is changed
     */
    void map(long page, long pageFrame, long pages, int access);

    /**
     * {@link #map} of one smallest entry, which is what most mappings are.
     *
     * @throws IllegalArgumentException as {@link #map}
     * @throws IndexOutOfBoundsException as {@link #map}
     */
    default void mapEntry(long page, long pageFrame, int access) {
        map(page, pageFrame, 1L << format().granuleShift(), access);
    }

    /**
     * Lets nothing through any more, except from an IOTLB that still remembers. The run must be one
     * that was mapped, or several whole ones; pages that are clear already do no harm.
     *
     * @throws IllegalArgumentException if the run would cut an entry that covers more; nothing is
     *     changed
     * @throws IndexOutOfBoundsException if the table has no such pages
     */
    void clear(long page, long pages);

    /**
     * {@link #clear} of one smallest entry.
     *
     * @throws IllegalArgumentException as {@link #clear}
     * @throws IndexOutOfBoundsException as {@link #clear}
     */
    default void clearEntry(long page) {
        clear(page, 1L << format().granuleShift());
    }

    /**
     * What is mapped at a page: a {@link Translation}, or {@link Translation#NONE}; also where the
     * table has no such page.
     */
    long walk(long page);

    /**
     * The same table as one hub sees it: several buses can share a table where entries carry a hub
     * id. What is mapped through the view only the devices of that hub can use; a walk through it
     * finds only what was mapped for that hub. Hub 0 is the table itself.
     *
     * @param hubId 0 to before {@link TableFormat#hubs()}
     * @throws IllegalArgumentException if the format has no such hub
     */
    default PageTable forHub(int hubId) {
        if (hubId == 0) {
            return this;
        }
        throw new IllegalArgumentException(
                "hubId=%d, but entries of %s tables carry %s"
                        .formatted(
                                hubId,
                                format().title(),
                                format().hubs() == 1
                                        ? "no hub id: take 0, or the format calgary"
                                        : "0 to " + (format().hubs() - 1)));
    }
}
