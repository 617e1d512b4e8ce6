package dev.outboard.dma.mediator;

import static dev.outboard.dma.mediator.RequestRingDescriptor.ACCESS_MASK;
import static dev.outboard.dma.mediator.RequestRingDescriptor.CODE_MASK;
import static dev.outboard.dma.mediator.RequestRingDescriptor.FRAME_SHIFT;
import static dev.outboard.dma.mediator.RequestRingDescriptor.PAGES_MASK;
import static dev.outboard.dma.mediator.RequestRingDescriptor.PAGES_SHIFT;
import static dev.outboard.dma.mediator.RequestRingDescriptor.PAGE_SHIFT;

/**
 * What a slot of the request ring says: two words, packed and unpacked here. Stateless; allocates
 * nothing.
 *
 * <p>Requests are obeyed in their order. A batch of maps ends with {@link #COMMIT}: then all of
 * them are mapped, or none, and that is answered. {@link #SETTLE} is answered when nothing that was
 * cleared and invalidated before it can be used.
 */
final class Request {
    /** Map a run of frames, from COMMIT on. */
    static final int MAP = 1;

    /** Map what was asked for since the last COMMIT, all or none, and answer. */
    static final int COMMIT = 6;

    /** Clear a run; with INVALIDATE the devices are asked to forget it, too. */
    static final int CLEAR = 2;

    /** The devices are asked to forget a run. */
    static final int FORGET = 3;

    /** The devices are asked to forget everything. */
    static final int FORGET_ALL = 4;

    /** Answer when the devices have forgotten what they were asked to. */
    static final int SETTLE = 5;

    /** Of CLEAR: the devices shall forget it. */
    static final int INVALIDATE = 1 << 3;

    /** Of MAP: may use the quota up to its limit, not only to its barrier. */
    static final int ESSENTIAL = 1 << 4;

    private static final int FLAGS_MASK = (1 << FRAME_SHIFT) - 1 & ~ACCESS_MASK;

    /** The most pages of one request: what the mediator does at a stretch. */
    static final int MAX_PAGES = 4096;

    /** The most maps of one batch. */
    static final int MAX_BATCH = 256;

    private Request() {}

    static long first(int code, long page, int pages) {
        return page << PAGE_SHIFT | (long) pages << PAGES_SHIFT | code;
    }

    static long second(long pageFrame, int access, int flags) {
        return pageFrame << FRAME_SHIFT | flags | access;
    }

    static int code(long first) {
        return (int) first & CODE_MASK;
    }

    static int pages(long first) {
        return (int) (first >>> PAGES_SHIFT) & PAGES_MASK;
    }

    static long page(long first) {
        return first >>> PAGE_SHIFT;
    }

    static long pageFrame(long second) {
        return second >>> FRAME_SHIFT;
    }

    static int access(long second) {
        return (int) second & ACCESS_MASK;
    }

    static int flags(long second) {
        return (int) second & FLAGS_MASK;
    }

    /** For people. */
    static String describe(long first, long second) {
        String name =
                switch (code(first)) {
                    case MAP -> "map";
                    case COMMIT -> "commit";
                    case CLEAR -> "clear";
                    case FORGET -> "forget";
                    case FORGET_ALL -> "forget-all";
                    case SETTLE -> "settle";
                    default -> "code=" + code(first);
                };
        return "%s page=0x%x pages=%d pageFrame=0x%x access=%d flags=0x%x"
                .formatted(
                        name,
                        page(first),
                        pages(first),
                        pageFrame(second),
                        access(second),
                        flags(second));
    }
}
