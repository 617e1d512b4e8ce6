package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;

/** Sockets that are no connection, for what the kernel is asked through them. Any thread. */
public final class Sockets {
    private static final int AF_INET = 2;
    private static final int SOCK_DGRAM = 2;
    private static final int SOCK_CLOEXEC = 0x80000;

    private Sockets() {}

    /**
     * A socket of datagrams, bound to nothing: interfaces are asked through one.
     *
     * @return the socket; the caller closes it
     * @throws NativeException EMFILE when the process has no more descriptors to give
     */
    public static Descriptor datagrams() {
        int number = ControlCalls.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC);
        return Descriptor.adopt(Failures.check(number, "socket", "AF_INET, SOCK_DGRAM"));
    }
}
