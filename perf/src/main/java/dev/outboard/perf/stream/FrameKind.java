package dev.outboard.perf.stream;

/** What a frame of a stream is. */
final class FrameKind {
    static final byte DATA = 0;

    /** Values: seed, message size, window, maximum Ethernet payload. */
    static final byte START = 1;

    static final byte START_ACK = 2;

    /** Values: the position, that is how many frames have come or are given up. */
    static final byte CREDIT = 3;

    /** Values: frames, messages, bytes. */
    static final byte END = 4;

    /** Values: frames, messages, bytes, missing, duplicates, corrupt. */
    static final byte END_ACK = 5;

    static final byte CLOSE = 6;

    static final byte CLOSE_ACK = 7;

    private FrameKind() {}
}
