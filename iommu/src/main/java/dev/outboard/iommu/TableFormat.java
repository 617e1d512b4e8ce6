package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A format of translation tables: its name, its sizes, and the structure that reads and writes it.
 * Stateless; any thread.
 *
 * <pre>
 *   structure    formats                                        class
 *   ─────────    ───────                                        ─────
 *   flat         calgary, dart, papr, papr-64k …                TceTable
 *   radix        papr:2 … papr:5, papr-64k:2 …, vtd, amdv1      RadixTable
 *   hashed       vhpt                                           VhptTable
 * </pre>
 *
 * <p>A format of one's own is a class that extends {@link TceFormat}, if one word holds an entry of
 * a flat table, or that implements this and {@link PageTable}; its module {@code provides
 * dev.outboard.iommu.TableFormat with} it. The process of the driver and that of the device both
 * need the module.
 */
public interface TableFormat {
    /** The least code for formats that are not of this module. */
    int FIRST_FOREIGN_CODE = 1 << 28;

    /** What {@link #entriesFor} gives at least where an entry covers more than one page. */
    int LEAST_LARGE_ENTRIES = 8192;

    /**
     * The name that users type and read: letters, digits and dashes; where there is a choice of
     * levels, a colon and their number, unless it is the usual one.
     */
    String title();

    /**
     * The number that names this format between processes, page size and levels included; see
     * {@link #ofCode(int)}. Of a format of one's own at least {@link #FIRST_FOREIGN_CODE}.
     */
    int code();

    /** Log2 of the 4 KiB pages that the smallest entry covers; 0 where it is one page. */
    int granuleShift();

    /** Whether there are tables of this many entries of the smallest size. */
    boolean isTableSize(int entries);

    /** The largest table, in entries of the smallest size. */
    int maxEntries();

    /** The largest page frame number (of 4 KiB) an entry can hold. */
    long maxPageFrame();

    /** Whether one cached entry can be invalidated; otherwise only everything. */
    boolean invalidatesSingleEntries();

    /** Pages of 4 KiB at the end of the table, never handed out, against a device's prefetch. */
    int reservedLastPages();

    /** Bytes of memory for a table. */
    long tableBytes(int entries);

    /**
     * The table in memory that holds it exactly and is zero: writes what an empty table needs.
     *
     * @throws IllegalArgumentException if there is no table of this size, or the memory has another
     *     length
     */
    PageTable create(MemorySegment memory, int entries);

    /**
     * The table in memory that another process writes; only to be walked.
     *
     * @throws IllegalArgumentException as {@link #create}
     */
    PageTable open(MemorySegment memory, int entries);

    /** Hub ids that entries can carry, 0 to before this; see {@link PageTable#forHub}. */
    default int hubs() {
        return 1;
    }

    /** Levels of a table. */
    default int levels() {
        return 1;
    }

    /**
     * This format with another number of levels.
     *
     * @throws IllegalArgumentException if it has no such tables
     */
    default TableFormat withLevels(int levels) {
        if (levels == levels()) {
            return this;
        }
        throw new IllegalArgumentException(
                "levels=%d: a table of %s has %d".formatted(levels, title(), levels()));
    }

    /** This format, or what differs from it only in levels, if the code names that; or null. */
    default TableFormat ofFamily(int code) {
        return code == code() ? this : null;
    }

    /**
     * Entries of a table for so many pages of IOVA, or of the largest if there is no such table.
     * Where an entry covers more than one page, at least {@link #LEAST_LARGE_ENTRIES}: a driver
     * maps as many buffers, however large the pages are.
     */
    default int entriesFor(long pages) {
        long wanted = pages >>> granuleShift();
        if (granuleShift() > 0) {
            wanted = Math.max(wanted, LEAST_LARGE_ENTRIES);
        }
        return wanted <= maxEntries() && isTableSize((int) wanted) ? (int) wanted : maxEntries();
    }

    /** All formats with their usual levels, in the order in which they are told to users. */
    static List<TableFormat> all() {
        return TableFormats.ALL;
    }

    /**
     * The format that another process names by number.
     *
     * @throws IllegalArgumentException if there is none
     */
    static TableFormat ofCode(int code) {
        return TableFormats.ofCode(code);
    }

    /**
     * The format that a user names: a title, or a title, a colon and a number of levels, as {@code
     * papr-64k:2}.
     *
     * @throws IllegalArgumentException if there is none; the message lists what there is
     */
    static TableFormat ofTitle(String title) {
        return TableFormats.ofTitle(title);
    }
}
