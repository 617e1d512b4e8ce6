package dev.outboard.perf.stream;

/**
 * The layout of a message between who gives turns and who takes them, over a SEQPACKET socket, host
 * byte order.
 *
 * <pre>
 *   0 kind u32        1 run, 2 end; 3 done, as the answer to a run
 *   4 size u32        run: the size of a message in bytes
 *   8 duration u64    run: how long, in nanoseconds
 * </pre>
 */
final class TurnDescriptor {
    static final int KIND = 0;
    static final int SIZE_BYTES = 4;
    static final int DURATION_NANOS = 8;
    static final int LENGTH_BYTES = 16;

    static final int RUN = 1;
    static final int END = 2;
    static final int DONE = 3;

    private TurnDescriptor() {}
}
