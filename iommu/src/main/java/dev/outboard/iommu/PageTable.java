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
     * @throws IllegalArgumentException if the format cannot express it
     * @throws IndexOutOfBoundsException if the table has no such pages
     */
    void map(long page, long pageFrame, long pages, int access);

    /**
     * Lets nothing through any more, except from an IOTLB that still remembers. The run must be one
     * that was mapped, or several whole ones.
     *
     * @throws IndexOutOfBoundsException if the table has no such pages
     */
    void clear(long page, long pages);

    /**
     * What is mapped at a page: a {@link Translation}, or {@link Translation#NONE}; also where the
     * table has no such page.
     */
    long walk(long page);
}
