package dev.outboard.perf.attack;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * The words that driver and device look for in each other's memory, with their order. A page of the
 * driver has, at its start and again in its middle:
 *
 * <pre>
 *   +0  target: the driver's canary, or the device's signature
 *   +8  secret: a tag that says what may be read just now, a version, the page
 * </pre>
 */
final class Marks {
    /** Both words. */
    static final int LENGTH_BYTES = 2 * Long.BYTES;

    static final int SECRET_OFFSET = Long.BYTES;

    /** Where the second pair of a page is: beside a buffer that is shorter. */
    static final int MIDDLE_OFFSET = 2048;

    /** May be read: mapped so. */
    static final int OPEN = 0x0a;

    /** May be read: stale, within the stated window. */
    static final int STALE = 0x0b;

    /** May not be read by anybody. */
    static final int CLOSED = 0x0c;

    private static final int CANARY = 0x0d;
    private static final int SIGNATURE = 0x0e;
    private static final int TAG_SHIFT = 56;
    private static final int VERSION_SHIFT = 24;
    private static final long VERSION_MASK = 0xffff_ffffL;
    private static final long PAGE_MASK = 0xff_ffff;
    private static final VarHandle WORD =
            ValueLayout.JAVA_LONG.varHandle().withInvokeExactBehavior();

    private Marks() {}

    static long secret(int tag, long version, int page) {
        return word(tag, version, page);
    }

    static long canary(long version, int page) {
        return word(CANARY, version, page);
    }

    /** What the device writes by an IOVA. */
    static long signature(long iova) {
        return (long) SIGNATURE << TAG_SHIFT | iova;
    }

    private static long word(int tag, long version, int page) {
        return (long) tag << TAG_SHIFT
                | (version & VERSION_MASK) << VERSION_SHIFT
                | page & PAGE_MASK;
    }

    static int tag(long word) {
        return (int) (word >>> TAG_SHIFT);
    }

    static long get(MemorySegment memory, long offset) {
        return (long) WORD.getOpaque(memory, offset);
    }

    static void set(MemorySegment memory, long offset, long value) {
        WORD.setOpaque(memory, offset, value);
    }

    static long getAcquire(MemorySegment memory, long offset) {
        return (long) WORD.getAcquire(memory, offset);
    }

    static void setRelease(MemorySegment memory, long offset, long value) {
        WORD.setRelease(memory, offset, value);
    }
}
