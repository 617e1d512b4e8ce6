package dev.outboard.perf.attack;

/**
 * Layout of the board, coherent memory by which the driver tells what it mapped and the device what
 * it was let do.
 *
 * <p>Host byte order, every field 8 bytes, a page for each writer. The words at which the attacker
 * leaves its signature, at the start and in the middle of a page, stay unused: under some
 * strategies it reaches the board by other IOVAs as well.
 *
 * <pre>
 *  offset   written by the driver
 *      64   sequence of the last mapping posted, written after its slot
 *      72   sequence of the order, written last
 *      80   order
 *     128   ring of mappings: slot (sequence mod 64)            slot × 64
 *           +0 IOVA u64   +8 length | direction << 32 u64
 *
 *  offset   written by the device
 *    4160   sequence of the last mapping that it has tried
 *    4168   what it read through that mapping; 0 if it was refused
 *    4176   sequence of the last order done
 *    4184   accesses tried
 *    4192   accesses refused
 *    4200   reads of what is open
 *    4208   reads of what is stale
 *    4216   reads of secrets: leaks
 *    4224   writes let through
 *    4232   accesses by what was resolved in an earlier section
 *    4352   leaks: the value read and the IOVA                   slot × 16
 *
 *  offset   written by the device in a sweep
 *    8256   a bit for each IOVA page that it may read            1 KiB
 *   10304   a bit for each IOVA page that it may write           1 KiB
 * </pre>
 */
final class BoardDescriptor {
    static final int LENGTH_BYTES = 3 * 4096;
    static final int POSTS = 64;
    static final int LEAKS = 16;

    /** The largest IOVA space that a sweep can tell of. */
    static final int MOST_PAGES = 8192;

    static final int POSTED_OFFSET = 64;
    static final int SEQUENCE_OFFSET = POSTED_OFFSET + Long.BYTES;
    static final int ORDER_OFFSET = SEQUENCE_OFFSET + Long.BYTES;
    static final int POSTS_OFFSET = 128;
    static final int POST_BYTES = 16;
    static final int POST_DIRECTION_SHIFT = 32;

    static final int TRIED_MAPPING_OFFSET = 4160;
    static final int READ_VALUE_OFFSET = TRIED_MAPPING_OFFSET + Long.BYTES;
    static final int DONE_OFFSET = READ_VALUE_OFFSET + Long.BYTES;
    static final int TRIED_OFFSET = DONE_OFFSET + Long.BYTES;
    static final int REFUSED_OFFSET = TRIED_OFFSET + Long.BYTES;
    static final int READ_OPEN_OFFSET = REFUSED_OFFSET + Long.BYTES;
    static final int READ_STALE_OFFSET = READ_OPEN_OFFSET + Long.BYTES;
    static final int LEAKED_OFFSET = READ_STALE_OFFSET + Long.BYTES;
    static final int WRITTEN_OFFSET = LEAKED_OFFSET + Long.BYTES;
    static final int HELD_OFFSET = WRITTEN_OFFSET + Long.BYTES;
    static final int LEAKS_OFFSET = 4352;
    static final int LEAK_BYTES = 16;

    static final int READABLE_OFFSET = 8256;
    static final int WRITABLE_OFFSET = 10_304;

    private BoardDescriptor() {}
}
