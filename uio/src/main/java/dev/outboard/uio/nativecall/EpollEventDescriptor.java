package dev.outboard.uio.nativecall;

/**
 * {@code struct epoll_event} of {@code sys/epoll.h}. Packed on x86-64 and nowhere else.
 *
 * <pre>
 *   x86-64:    | events (4) | data (8)            |          12 bytes
 *   elsewhere: | events (4) | padding (4) | data (8) |       16 bytes
 * </pre>
 */
public final class EpollEventDescriptor {
    private static final boolean PACKED = System.getProperty("os.arch").equals("amd64");

    public static final int EVENTS_OFFSET = 0;
    public static final int DATA_OFFSET = PACKED ? 4 : 8;
    public static final int SIZE_BYTES = DATA_OFFSET + 8;

    /** {@code EPOLL_CTL_ADD}. */
    public static final int ADD = 1;

    /** {@code EPOLL_CTL_DEL}. */
    public static final int DELETE = 2;

    /** {@code EPOLL_CTL_MOD}. */
    public static final int MODIFY = 3;

    private EpollEventDescriptor() {}
}
