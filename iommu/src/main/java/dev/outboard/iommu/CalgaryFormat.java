package dev.outboard.iommu;

import java.lang.foreign.MemorySegment;

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
 * <p>R = W = 0 is an invalid entry. A table has {@code 8192 << size} entries, size 0 to 7. Several
 * buses may share it: an entry is for the hub that it names. The hardware cannot invalidate one
 * cached entry (The Price of Safety, section 4.1).
 */
public final class CalgaryFormat extends TceFormat {
    static final int CODE = 1;

    /** The format; it has no state. */
    public static final CalgaryFormat INSTANCE = new CalgaryFormat();

    private static final int SMALLEST_TABLE = 8192;
    private static final int LARGEST_TABLE = SMALLEST_TABLE << 7;
    private static final int PAGE_FRAME_SHIFT = 12;
    private static final int PAGE_FRAME_BITS = 36;
    private static final int HUB_SHIFT = 2;
    private static final int MAX_HUB = 0x3f;

    private CalgaryFormat() {
        super("calgary", CODE, Long.BYTES, PAGE_FRAME_BITS);
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
    public boolean invalidatesSingleEntries() {
        return false;
    }

    @Override
    public int hubs() {
        return MAX_HUB + 1;
    }

    @Override
    long hubMask() {
        return (long) MAX_HUB << HUB_SHIFT;
    }

    @Override
    long hubBits(int hubId) {
        return (long) hubId << HUB_SHIFT;
    }

    @Override
    protected long bits(long pageFrame, int access) {
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
        return encode(pageFrame, access) | hubBits(hubId);
    }

    /** The hub id in an entry. */
    public int hubId(long entry) {
        return (int) (entry >>> HUB_SHIFT) & MAX_HUB;
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
