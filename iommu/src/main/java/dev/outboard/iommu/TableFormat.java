package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A format of translation tables: its name, its sizes, and the structure that reads and writes it.
 * Stateless; any thread.
 */
public interface TableFormat {
    /** The name that users type and read. */
    String title();

    /** The number that names this format between processes; see {@link #ofCode(int)}. */
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

    /** Entries at the end of the table that are never handed out, against a device's prefetch. */
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

    /** The table in memory that another process writes; only to be walked. */
    PageTable open(MemorySegment memory, int entries);

    /** All formats, in the order in which they are told to users. */
    static List<TableFormat> all() {
        return List.of(CalgaryFormat.INSTANCE, DartFormat.INSTANCE);
    }

    /**
     * The format that another process names by number.
     *
     * @throws IllegalArgumentException if there is none
     */
    static TableFormat ofCode(int code) {
        for (TableFormat format : all()) {
            if (format.code() == code) {
                return format;
            }
        }
        throw new IllegalArgumentException("no table format has code=" + code);
    }

    /**
     * The format that a user names.
     *
     * @throws IllegalArgumentException if there is none; the message lists what there is
     */
    static TableFormat ofTitle(String title) {
        for (TableFormat format : all()) {
            if (format.title().equals(title)) {
                return format;
            }
        }
        throw new IllegalArgumentException(
                "no table format is called '"
                        + title
                        + "': take one of "
                        + String.join(", ", all().stream().map(TableFormat::title).toList()));
    }
}
