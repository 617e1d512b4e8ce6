package dev.outboard.serve;

/** What is counted of a client: places in {@link dev.outboard.backend.loop.Counters}. */
final class ServeCounters {
    static final int SENT_FRAMES = 0;
    static final int SENT_BYTES = 1;
    static final int RECEIVED_FRAMES = 2;
    static final int RECEIVED_BYTES = 3;

    /** Sent out of the client's own memory. */
    static final int LENT_FRAMES = 4;

    /** Sent, and copied before. */
    static final int COPIED_FRAMES = 5;

    /** Of the client: no frame, or a header that makes no sense. */
    static final int MALFORMED = 6;

    /** Of the client: its memory could not be reached. */
    static final int FAULTS = 7;

    /** For the client: longer than its buffers, or with work left in it that it does not take. */
    static final int UNFIT = 8;

    /** For the client: none was there, or it gave no buffer in time. */
    static final int NO_BUFFER = 9;

    static final int COUNT = 10;

    private ServeCounters() {}
}
