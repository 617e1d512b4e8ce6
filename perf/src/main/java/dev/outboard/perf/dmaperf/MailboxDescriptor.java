package dev.outboard.perf.dmaperf;

/**
 * Layout of the mailbox, a page of coherent memory by which the driver orders and the device
 * reports.
 *
 * <p>Host byte order, every field 8 bytes; each side writes its own lines.
 *
 * <pre>
 *  offset   written by the driver
 *       0   sequence of the order, written last
 *       8   order
 *      16   buffers in the list
 *      24   pages of each buffer
 *    1024   list of IOVAs                          u64 × 256
 *
 *  offset   written by the device
 *     512   sequence of the last order done, written last
 *     520   pages refused
 *     528   picoseconds of a translation that hits the IOTLB
 *     536   picoseconds of one that misses
 *     544   picoseconds to leave a DMA section and enter the next
 * </pre>
 */
final class MailboxDescriptor {
    static final int LENGTH_BYTES = 4096;
    static final int MOST_BUFFERS = 256;

    static final int SEQUENCE_OFFSET = 0;
    static final int ORDER_OFFSET = SEQUENCE_OFFSET + Long.BYTES;
    static final int COUNT_OFFSET = ORDER_OFFSET + Long.BYTES;
    static final int PAGES_OFFSET = COUNT_OFFSET + Long.BYTES;
    static final int LIST_OFFSET = 1024;

    static final int DONE_OFFSET = 512;
    static final int REFUSED_OFFSET = DONE_OFFSET + Long.BYTES;
    static final int HIT_OFFSET = REFUSED_OFFSET + Long.BYTES;
    static final int MISS_OFFSET = HIT_OFFSET + Long.BYTES;
    static final int SECTION_OFFSET = MISS_OFFSET + Long.BYTES;

    private MailboxDescriptor() {}
}
