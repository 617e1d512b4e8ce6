package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The entry of POWER servers (PAPR, and the hardware tables behind it): eight bytes, big-endian;
 * bits numbered as IBM does, 0 the most significant.
 *
 * <pre>
 *  0    3 4                                                51 52      61 62  63
 * ┌──────┬───────────────────────────────────────────────────┬──────────┬───┬───┐
 * │ res. │             real page number (48 bits)            │ reserved │ W │ R │
 * └──────┴───────────────────────────────────────────────────┴──────────┴───┴───┘
 * </pre>
 *
 * <p>Real addresses of the architecture have 60 bits. R = W = 0 is an invalid entry. All pages of a
 * table have one size: 4 KiB, 64 KiB, 2 MiB or 16 MiB; the low bits of a larger page's number are
 * ignored. A table has 1 to 5 levels of equal index width; an entry above the last is the real
 * address of a table with R and W set, which takes whole pages of 4 KiB.
 *
 * <p>Titles are {@code papr}, {@code papr-64k}, {@code papr-2m} and {@code papr-16m} with one
 * level, a flat table; {@code papr:3} has three.
 *
 * <p>Source: LoPAPR (Linux on Power Architecture Platform Reference), TCE definition; POWER I/O
 * design architecture, version 2, for levels.
 */
public final class PaprFormat extends RadixFormat {
    static final int CODE = 3;

    private static final int MAX_LEVELS = 5;
    private static final int PAGE_FRAME_BITS = 48;
    private static final int PAGE_FRAME_SHIFT = 12;
    private static final int LEVELS_SHIFT = 8;
    private static final int PAGE_SHIFT_SHIFT = 16;
    private static final int[] PAGE_SHIFTS = {12, 16, 21, 24};
    private static final String[] TITLES = {"papr", "papr-64k", "papr-2m", "papr-16m"};
    private static final List<PaprFormat> ALL = everyFormat();

    /** The flat ones, one for each page size. */
    static final List<PaprFormat> ONE_LEVEL =
            ALL.stream().filter(format -> format.levels() == 1).toList();

    private PaprFormat(int size, int levels) {
        super(
                levels == 1 ? TITLES[size] : TITLES[size] + ":" + levels,
                CODE | levels << LEVELS_SHIFT | PAGE_SHIFTS[size] << PAGE_SHIFT_SHIFT,
                PAGE_FRAME_BITS,
                PAGE_SHIFTS[size] - IoPage.SHIFT,
                levels);
    }

    private static List<PaprFormat> everyFormat() {
        List<PaprFormat> formats = new ArrayList<>();
        for (int size = 0; size < PAGE_SHIFTS.length; size++) {
            for (int levels = 1; levels <= MAX_LEVELS; levels++) {
                formats.add(new PaprFormat(size, levels));
            }
        }
        return formats;
    }

    /**
     * The format of a page size and a number of levels.
     *
     * @param pageShift log2 of the page size in bytes: 12, 16, 21 or 24
     * @param levels 1 to 5
     * @throws IllegalArgumentException if there is none
     */
    public static PaprFormat of(int pageShift, int levels) {
        for (PaprFormat format : ALL) {
            if (format.granuleShift() == pageShift - IoPage.SHIFT && format.levels() == levels) {
                return format;
            }
        }
        throw new IllegalArgumentException(
                ("pageShift=%d levels=%d: PAPR pages have a pageShift of 12, 16, 21 or 24, and"
                                + " tables 1 to %d levels")
                        .formatted(pageShift, levels, MAX_LEVELS));
    }

    @Override
    public TableFormat withLevels(int levels) {
        return of(granuleShift() + IoPage.SHIFT, levels);
    }

    @Override
    public TableFormat ofFamily(int code) {
        for (PaprFormat format : ALL) {
            if (format.code() == code && format.granuleShift() == granuleShift()) {
                return format;
            }
        }
        return null;
    }

    @Override
    int stride(int entries) {
        int indexBits = Integer.SIZE - 1 - Integer.numberOfLeadingZeros(entries);
        return Math.max(PAGE_STRIDE, (indexBits + levels() - 1) / levels());
    }

    @Override
    int mostIndexBits() {
        return Integer.SIZE - 2;
    }

    /** Powers of two, as a window's size is one; a table takes whole pages. */
    @Override
    public boolean isTableSize(int entries) {
        return Integer.bitCount(entries) == 1 && super.isTableSize(entries);
    }

    @Override
    public long tableBytes(int entries) {
        return levels() == 1 ? (long) entries * entryBytes() : super.tableBytes(entries);
    }

    @Override
    public PageTable create(MemorySegment memory, int entries) {
        return levels() == 1 ? new TceTable(this, memory, entries) : super.create(memory, entries);
    }

    @Override
    public PageTable open(MemorySegment memory, int entries) {
        return levels() == 1 ? new TceTable(this, memory, entries) : super.open(memory, entries);
    }

    @Override
    protected long bits(long pageFrame, int access) {
        // The bits of Access are those of the entry: R is the last bit, W the one before.
        return pageFrame << PAGE_FRAME_SHIFT | access;
    }

    @Override
    long bits(long pageFrame, int order, int access) {
        return bits(pageFrame, access);
    }

    @Override
    long pointer(long tableOffset, int nextLevel) {
        return tableOffset | Access.READ_WRITE;
    }

    @Override
    long tableOffset(long entry) {
        return entry & ~IoPage.OFFSET_MASK;
    }

    @Override
    int order(long entry, int level) {
        return level == 1 ? granuleShift() : TABLE;
    }

    @Override
    int orderWithin(int fit) {
        return granuleShift();
    }

    @Override
    public int access(long entry) {
        return (int) entry & Access.READ_WRITE;
    }

    @Override
    public long pageFrame(long entry) {
        return entry >>> PAGE_FRAME_SHIFT & (1L << PAGE_FRAME_BITS) - 1;
    }

    @Override
    public long loadAcquire(MemorySegment table, long index) {
        return (long) EntryWord.BIG_ENDIAN.getAcquire(table, index * Long.BYTES);
    }

    @Override
    public void storeRelease(MemorySegment table, long index, long entry) {
        EntryWord.BIG_ENDIAN.setRelease(table, index * Long.BYTES, entry);
    }
}
