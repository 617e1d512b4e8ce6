package dev.outboard.uio.vhost;

/** Feature bits of the protocol. Source: vhost-user.rst, "Protocol features". */
public final class VhostFeatures {
    /** Device feature: the protocol feature messages may be used, and rings start disabled. */
    public static final long PROTOCOL_FEATURES = 1L << 30;

    /** Device feature VIRTIO_F_ACCESS_PLATFORM: addresses are IOVAs, those of rings too. */
    public static final long ACCESS_PLATFORM = 1L << 33;

    /** Protocol feature: several queues. */
    public static final long PROTOCOL_MQ = 1L;

    /** Protocol feature: dirty log in shared memory. */
    public static final long PROTOCOL_LOG_SHMFD = 1L << 1;

    /** Protocol feature: send gratuitous ARP. */
    public static final long PROTOCOL_RARP = 1L << 2;

    /** Protocol feature: any request may ask for an answer. */
    public static final long PROTOCOL_REPLY_ACK = 1L << 3;

    /** Protocol feature: SET_MTU. */
    public static final long PROTOCOL_MTU = 1L << 4;

    /** Protocol feature: a channel on which the back-end asks. */
    public static final long PROTOCOL_BACKEND_REQ = 1L << 5;

    /** Protocol feature: cross-endian. */
    public static final long PROTOCOL_CROSS_ENDIAN = 1L << 6;

    /** Protocol feature: crypto sessions. */
    public static final long PROTOCOL_CRYPTO_SESSION = 1L << 7;

    /** Protocol feature: post-copy migration. */
    public static final long PROTOCOL_PAGEFAULT = 1L << 8;

    /** Protocol feature: configuration space. */
    public static final long PROTOCOL_CONFIG = 1L << 9;

    /** Protocol feature: the back-end channel may carry descriptors. */
    public static final long PROTOCOL_BACKEND_SEND_FD = 1L << 10;

    /** Protocol feature: doorbells by memory that the back-end gives. */
    public static final long PROTOCOL_HOST_NOTIFIER = 1L << 11;

    /** Protocol feature: requests in flight survive a reconnection. */
    public static final long PROTOCOL_INFLIGHT_SHMFD = 1L << 12;

    /** Protocol feature: RESET_DEVICE. */
    public static final long PROTOCOL_RESET_DEVICE = 1L << 13;

    /** Protocol feature: kicks and calls as messages. */
    public static final long PROTOCOL_INBAND_NOTIFICATIONS = 1L << 14;

    /** Protocol feature: memory regions added and removed one by one. */
    public static final long PROTOCOL_CONFIGURE_MEM_SLOTS = 1L << 15;

    /** Protocol feature: SET_STATUS and GET_STATUS. */
    public static final long PROTOCOL_STATUS = 1L << 16;

    private VhostFeatures() {}
}
