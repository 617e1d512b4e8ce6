package dev.outboard.driver.net;

/** What a device found out about a frame that it received, as bits. */
public final class FrameFacts {
    /** Nothing is known. */
    public static final int NONE = 0;

    /** The checksums of the frame's TCP or UDP were looked at, and are right. */
    public static final int CHECKSUM_GOOD = 1;

    /** The device looked at a checksum of the frame, of IPv4, TCP or UDP, and it is wrong. */
    public static final int CHECKSUM_WRONG = 1 << 1;

    private FrameFacts() {}
}
