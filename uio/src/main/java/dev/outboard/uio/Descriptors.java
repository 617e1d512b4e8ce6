package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;

/** Status flags of open files, as {@code fcntl} has them. */
final class Descriptors {
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int O_NONBLOCK = 0x800;

    private Descriptors() {}

    /** Zero, or the negated error. */
    static int setBlocking(int number) {
        int flags = ControlCalls.fcntl(number, F_GETFL, 0);
        return flags < 0 ? flags : ControlCalls.fcntl(number, F_SETFL, flags & ~O_NONBLOCK);
    }

    /** Zero, or the negated error. */
    static int setNonBlocking(int number) {
        int flags = ControlCalls.fcntl(number, F_GETFL, 0);
        return flags < 0 ? flags : ControlCalls.fcntl(number, F_SETFL, flags | O_NONBLOCK);
    }
}
