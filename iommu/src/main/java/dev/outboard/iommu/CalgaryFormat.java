package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The entry of IBM's Calgary: eight bytes, big-endian; bits numbered as IBM does, 0 the most
 * significant.
 *
 * <pre>
 *  0            15 16                                    51 52  55 56     61 62  63
 * ┌───────────────┬────────────────────────────────────────┬──────┬─────────┬───┬───┐
 * │    unused     │        real page number (36 bits)      │ res. │ hub id  │ W │ R │
 * └───────────────┴────────────────────────────────────────┴──────┴─────────┴───┴───┘
 * </pre>
 *
 * <p>R = W = 0 is an invalid entry. A table has {@code 8192 << size} entries, size 0 to 7. The
 * hardware cannot invalidate one cached entry (The Price of Safety, section 4.1).
 */
public final class CalgaryFormat implements TceFormat {
    /** The format; it has no state. */
    public static final CalgaryFormat INSTANCE = new CalgaryFormat();

    static final int CODE = 1;
    static final String TITLE = "calgary";

    private static final int SMALLEST_TABLE = 8192;
    private static final int LARGEST_TABLE = SMALLEST_TABLE << 7;
    private static final long MAX_PAGE_FRAME = (1L << 36) - 1;
    private static final int PAGE_FRAME_SHIFT = 12;
    private static final int HUB_SHIFT = 2;
    private static final int MAX_HUB = 0x3f;
    private static final long READ_ALLOWED = 1;
    private static final long WRITE_ALLOWED = 2;
    private static final VarHandle ENTRY =
            ValueLayout.JAVA_LONG
                    .withOrder(ByteOrder.BIG_ENDIAN)
                    .varHandle()
                    .withInvokeExactBehavior();

    private CalgaryFormat() {}

    @Override
    public String title() {
        return TITLE;
    }

    @Override
    public int code() {
        return CODE;
    }

    @Override
    public int entryBytes() {
        return Long.BYTES;
    }

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
        return MAX_PAGE_FRAME;
    }

    @Override
    public boolean invalidatesSingleEntries() {
        return false;
    }

    @Override
    public int reservedLastPages() {
        return 0;
    }

    @Override
    public long encode(long pageFrame, int access) {
        if (pageFrame < 0 || pageFrame > MAX_PAGE_FRAME) {
            throw Unencodable.pageFrame(this, pageFrame);
        }
        if (access <= Access.NONE || access > Access.READ_WRITE) {
            throw Unencodable.access(access);
        }
        // The bits of Access are those of the entry: R is the last bit, W the one before.
        return pageFrame << PAGE_FRAME_SHIFT | access;
    }

    /**
     * An entry for one of several buses that share a table.
     *
     * @param hubId 0 to 63
     * @throws IllegalArgumentException if the format cannot express it
     */
    public long encode(long pageFrame, int access, int hubId) {
        if (hubId < 0 || hubId > MAX_HUB) {
            throw new IllegalArgumentException("hubId=" + hubId + " is not 0 to " + MAX_HUB);
        }
        return encode(pageFrame, access) | (long) hubId << HUB_SHIFT;
    }

    /** The hub id in an entry. */
    public int hubId(long entry) {
        return (int) (entry >>> HUB_SHIFT) & MAX_HUB;
    }

    @Override
    public long invalidEntry() {
        return 0;
    }

    @Override
    public int access(long entry) {
        return (int) (entry & (READ_ALLOWED | WRITE_ALLOWED));
    }

    @Override
    public long pageFrame(long entry) {
        return entry >>> PAGE_FRAME_SHIFT & MAX_PAGE_FRAME;
    }

    @Override
    public long loadAcquire(MemorySegment table, long index) {
        return (long) ENTRY.getAcquire(table, index * Long.BYTES);
    }

    @Override
    public void storeRelease(MemorySegment table, long index, long entry) {
        ENTRY.setRelease(table, index * Long.BYTES, entry);
    }

    @Override
    public String toString() {
        return TITLE;
    }
}
