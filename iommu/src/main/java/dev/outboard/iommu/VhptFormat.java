package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;

/**
 * The long-format virtual hash page table (VHPT) of IA-64: entries of 32 bytes, found by a hash of
 * page number and region; {@link VhptDescriptor} has the picture. A region has one preferred page
 * size there; here, page sizes are the regions.
 *
 * <p>A device is at privilege level 3. IA-64 knows no page that may be written and not read; an
 * entry that grants writing alone is one for both with bit 53 set, which the processor leaves to
 * software. Pages have the ten sizes of the architecture from 4 KiB to 256 MiB.
 *
 * <p>Stateless; any thread; allocates nothing.
 */
public final class VhptFormat implements TableFormat {
    static final int CODE = 6;

    /** The format; it has no state. */
    public static final VhptFormat INSTANCE = new VhptFormat();

    /** A bit for each order that a page can have: 4, 8, 16, 64, 256 KiB … 256 MiB. */
    static final int ORDERS =
            1 | 1 << 1 | 1 << 2 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 12 | 1 << 14 | 1 << 16;

    private static final String TITLE = "vhpt";
    private static final int SMALLEST_TABLE = 512;
    private static final int LARGEST_TABLE = 1 << 22;
    private static final long FRAME_MASK = (1L << VhptDescriptor.FRAME_BITS) - 1;
    private static final long LEAST_PRIVILEGE = 3L << VhptDescriptor.PRIVILEGE_SHIFT;
    private static final long READ_WRITE_PAGE = 2L << VhptDescriptor.RIGHTS_SHIFT;

    /** What the eight access rights give at privilege level 3, two bits each, the first lowest. */
    private static final int RIGHTS =
            Access.READ
                    | Access.READ << 2
                    | Access.READ_WRITE << 4
                    | Access.READ_WRITE << 6
                    | Access.READ << 8
                    | Access.READ << 10
                    | Access.READ_WRITE << 12;

    private VhptFormat() {}

    /** The first word of an entry, of arguments that were checked. */
    static long bits(long pageFrame, int access) {
        long entry =
                pageFrame << VhptDescriptor.FRAME_SHIFT
                        | LEAST_PRIVILEGE
                        | VhptDescriptor.ACCESSED
                        | VhptDescriptor.PRESENT;
        if ((access & Access.WRITE) != 0) {
            entry |= READ_WRITE_PAGE | VhptDescriptor.DIRTY;
        }
        return (access & Access.READ) != 0 ? entry : entry | VhptDescriptor.READ_DENIED;
    }

    /** The rights in the first word of an entry, as bits of {@link Access}. */
    static int access(long entry) {
        long usable = VhptDescriptor.PRESENT | VhptDescriptor.ACCESSED | LEAST_PRIVILEGE;
        if ((entry & usable) != usable) {
            return Access.NONE;
        }
        int kind = (int) (entry >>> VhptDescriptor.RIGHTS_SHIFT) & VhptDescriptor.RIGHTS_MASK;
        int rights = RIGHTS >>> 2 * kind & Access.READ_WRITE;
        if ((entry & VhptDescriptor.DIRTY) == 0) {
            rights &= ~Access.WRITE;
        }
        return (entry & VhptDescriptor.READ_DENIED) == 0 ? rights : rights & ~Access.READ;
    }

    /** The page frame in the first word of an entry; of a larger page the low bits say nothing. */
    static long pageFrame(long entry) {
        return entry >>> VhptDescriptor.FRAME_SHIFT & FRAME_MASK;
    }

    /** The largest order of pages that is at most {@code fit}, of those in {@link #ORDERS}. */
    static int orderWithin(int fit) {
        int orders = fit >= Integer.SIZE - 1 ? ORDERS : ORDERS & (1 << fit + 1) - 1;
        return Integer.SIZE - 1 - Integer.numberOfLeadingZeros(orders);
    }

    @Override
    public String title() {
        return TITLE;
    }

    @Override
    public int code() {
        return CODE;
    }

    @Override
    public int granuleShift() {
        return 0;
    }

    /** Powers of two: pages of IOVA, and as many entries in the sets. */
    @Override
    public boolean isTableSize(int entries) {
        return Integer.bitCount(entries) == 1
                && entries >= SMALLEST_TABLE
                && entries <= LARGEST_TABLE;
    }

    @Override
    public int maxEntries() {
        return LARGEST_TABLE;
    }

    @Override
    public long maxPageFrame() {
        return FRAME_MASK;
    }

    @Override
    public boolean invalidatesSingleEntries() {
        return true;
    }

    @Override
    public int reservedLastPages() {
        return 0;
    }

    /** As many entries in sets as pages, and as many again for when a set is full. */
    @Override
    public long tableBytes(int entries) {
        return VhptDescriptor.SETS_OFFSET + 2L * entries * VhptDescriptor.ENTRY_BYTES;
    }

    @Override
    public PageTable create(MemorySegment memory, int entries) {
        return new VhptTable(memory, entries);
    }

    @Override
    public PageTable open(MemorySegment memory, int entries) {
        return new VhptTable(memory, entries);
    }

    @Override
    public String toString() {
        return TITLE;
    }
}
