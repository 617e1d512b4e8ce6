package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Sockets that are no connection, for what the kernel is asked through them, and what it shares.
 * Any thread.
 */
public final class Sockets {
    private static final int AF_INET = 2;
    private static final int AF_PACKET = 17;
    private static final int AF_XDP = 44;
    private static final int SOCK_DGRAM = 2;
    private static final int SOCK_RAW = 3;
    private static final int SOCK_CLOEXEC = 0x80000;

    private static final int SOL_PACKET = 263;
    private static final int PACKET_ADD_MEMBERSHIP = 1;
    private static final short PACKET_MR_PROMISC = 1;

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

    /**
     * A socket of AF_XDP, which shares rings with the kernel once it is told of memory.
     *
     * @return the socket; the caller closes it
     * @throws NativeException EAFNOSUPPORT where the kernel has none, EPERM for who may not
     */
    public static Descriptor xdp() {
        int number = ControlCalls.socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC);
        return Descriptor.adopt(
                Failures.check(
                        number,
                        "socket",
                        "AF_XDP, SOCK_RAW: it takes CAP_NET_RAW, and a kernel with"
                                + " CONFIG_XDP_SOCKETS"));
    }

    /**
     * A socket for whose life an interface receives what is for others than itself, too.
     *
     * @param index the interface
     * @return the socket; the caller closes it
     * @throws NativeException EPERM for who may not
     */
    public static Descriptor receiveAll(int index) {
        // Of no protocol: it receives nothing itself.
        int number = ControlCalls.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC);
        Descriptor socket =
                Descriptor.adopt(
                        Failures.check(number, "socket", "AF_PACKET: it takes CAP_NET_RAW"));
        ByteBuffer membership = ByteBuffer.allocate(16).order(ByteOrder.nativeOrder());
        membership.putInt(index).putShort(PACKET_MR_PROMISC);
        int answer =
                ControlCalls.setSocketOption(
                        number, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership.array());
        if (answer < 0) {
            socket.close();
            throw Failures.failure("setsockopt", answer, "PACKET_MR_PROMISC, index=" + index);
        }
        return socket;
    }
}
