package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The entry of the DMA address relocation table (DART) of the PowerPC 970's north bridge (CPC945):
 * four bytes, big-endian; bits numbered as IBM does, 0 the most significant. Rights are <em>taken
 * away</em> by a set bit.
 *
 * <pre>
 *   0   1    2    3      7 8                              31
 * ┌───┬────┬────┬────────┬─────────────────────────────────┐
 * │ V │ R  │ W  │reserved│   real page number (24 bits)    │     R = 0: read allowed
 * └───┴────┴────┴────────┴─────────────────────────────────┘     W = 0: write allowed
 * </pre>
 *
 * <p>A classic table is 2 MiB: 512 Ki entries. As in the U4 bridge, one cached entry can be
 * invalidated, and the last page is kept back against prefetch.
 */
public final class DartFormat extends TceFormat {
    static final int CODE = 2;

    /** The format; it has no state. */
    public static final DartFormat INSTANCE = new DartFormat();

    private static final int SMALLEST_TABLE = IoPage.BYTES / Integer.BYTES;
    private static final int LARGEST_TABLE = 512 * 1024;
    private static final int PAGE_FRAME_BITS = 24;
    private static final long VALID = 1L << 31;

    /** Two bits for each combination of rights, from none at the bottom to both. */
    private static final long DENIALS = 0b00_10_01_11;

    private static final int DENIALS_SHIFT = 29;
    private static final VarHandle ENTRY =
            ValueLayout.JAVA_INT
                    .withOrder(ByteOrder.BIG_ENDIAN)
                    .varHandle()
                    .withInvokeExactBehavior();

    private DartFormat() {
        super("dart", CODE, Integer.BYTES, PAGE_FRAME_BITS);
    }

    /** Whole pages of entries, as the hardware's size register counts pages. */
    @Override
    public boolean isTableSize(int entries) {
        return entries >= SMALLEST_TABLE
                && entries <= LARGEST_TABLE
                && entries % SMALLEST_TABLE == 0;
    }

    @Override
    public int maxEntries() {
        return LARGEST_TABLE;
    }

    @Override
    public int reservedLastPages() {
        return 1;
    }

    @Override
    protected long bits(long pageFrame, int access) {
        return VALID | denials(access) << DENIALS_SHIFT | pageFrame;
    }

    @Override
    public int access(long entry) {
        if ((entry & VALID) == 0) {
            return Access.NONE;
        }
        return (int) denials((int) (entry >>> DENIALS_SHIFT));
    }

    /**
     * From rights to denials and back: read and write change places (R is the more significant bit
     * of the entry, READ the less significant one of {@link Access}), and both are inverted.
     */
    private static long denials(int access) {
        return DENIALS >>> 2 * (access & Access.READ_WRITE) & 3;
    }

    @Override
    public long pageFrame(long entry) {
        return entry & (1L << PAGE_FRAME_BITS) - 1;
    }

    @Override
    public long loadAcquire(MemorySegment table, long index) {
        return Integer.toUnsignedLong((int) ENTRY.getAcquire(table, index * Integer.BYTES));
    }

    @Override
    public void storeRelease(MemorySegment table, long index, long entry) {
        ENTRY.setRelease(table, index * Integer.BYTES, (int) entry);
    }
}
