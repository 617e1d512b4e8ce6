package dev.outboard.uio.nativecall;

/**
 * {@code struct msghdr}, {@code struct iovec} and {@code struct cmsghdr} of {@code sys/socket.h} on
 * 64-bit Linux, one after another as {@link CallScratch} keeps them.
 *
 * <pre>
 *   msghdr    0 name *      8 namelen (4)   16 iov *    24 iovlen
 *            32 control *  40 controllen    48 flags (4)
 *   iovec     0 base *      8 length
 *   cmsghdr   0 length (8)  8 level (4)     12 type (4)  16 descriptors, 4 bytes each
 * </pre>
 */
public final class MessageDescriptor {
    /** The kernel takes 253 in one message; no protocol here passes more than 32. */
    public static final int MAX_DESCRIPTORS = 32;

    static final int IOV_OFFSET = 16;
    static final int IOV_COUNT_OFFSET = 24;
    static final int CONTROL_OFFSET = 32;
    static final int CONTROL_LENGTH_OFFSET = 40;
    static final int FLAGS_OFFSET = 48;
    static final int HEADER_BYTES = 56;

    static final int IOVEC_BYTES = 16;
    static final int IOVEC_LENGTH_OFFSET = 8;

    static final int CONTROL_LEVEL_OFFSET = 8;
    static final int CONTROL_TYPE_OFFSET = 12;
    static final int CONTROL_DATA_OFFSET = 16;
    static final int CONTROL_BYTES = CONTROL_DATA_OFFSET + MAX_DESCRIPTORS * Integer.BYTES;

    /** {@code SOL_SOCKET} as control messages spell it. */
    static final int SOL_SOCKET = 1;

    /** {@code SCM_RIGHTS}: the data is descriptors. */
    static final int SCM_RIGHTS = 1;

    /** {@code MSG_CTRUNC}: the control buffer was too short, or descriptors ran out. */
    public static final int MSG_CTRUNC = 0x8;

    /** {@code MSG_TRUNC}: a datagram was longer than the buffer. */
    public static final int MSG_TRUNC = 0x20;

    /** {@code MSG_DONTWAIT}. */
    public static final int MSG_DONTWAIT = 0x40;

    /** {@code MSG_NOSIGNAL}: an error, not SIGPIPE, when the peer is gone. */
    public static final int MSG_NOSIGNAL = 0x4000;

    /** {@code MSG_CMSG_CLOEXEC}: descriptors arrive close-on-exec. */
    public static final int MSG_CMSG_CLOEXEC = 0x4000_0000;

    private MessageDescriptor() {}
}
