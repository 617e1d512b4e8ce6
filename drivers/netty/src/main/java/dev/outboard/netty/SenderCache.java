package dev.outboard.netty;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The senders of late, as objects: a datagram of a peer that sent before makes none. One thread. A
 * peer that is displaced by another costs its objects again.
 */
final class SenderCache {
    private static final int ENTRIES = 1024;
    private static final long SPREAD = 0x9e37_79b9_7f4a_7c15L;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final long[] upper = new long[ENTRIES];
    private final long[] lower = new long[ENTRIES];
    private final InetSocketAddress[] senders = new InetSocketAddress[ENTRIES];

    InetSocketAddress ipv4(MemorySegment memory, long at, int port) {
        return find(Integer.BYTES, 0, memory.get(INT, at), port);
    }

    InetSocketAddress ipv6(MemorySegment memory, long at, int port) {
        return find(2 * Long.BYTES, memory.get(LONG, at), memory.get(LONG, at + Long.BYTES), port);
    }

    private InetSocketAddress find(int bytes, long high, long low, int port) {
        int place = (int) ((high ^ low ^ port) * SPREAD >>> Long.SIZE - 10);
        var known = senders[place];
        if (known != null
                && upper[place] == high
                && lower[place] == low
                && known.getPort() == port
                && isIpv6(known) == bytes > Integer.BYTES) {
            return known;
        }
        // Of what was read once: the other side may change it meanwhile.
        var address = ByteBuffer.allocate(bytes).order(ByteOrder.nativeOrder());
        if (bytes > Integer.BYTES) {
            address.putLong(high).putLong(low);
        } else {
            address.putInt((int) low);
        }
        try {
            known =
                    new InetSocketAddress(
                            bytes > Integer.BYTES
                                    ? Inet6Address.getByAddress(null, address.array(), -1)
                                    : InetAddress.getByAddress(address.array()),
                            port);
        } catch (UnknownHostException impossible) {
            throw new IllegalStateException("an address of " + bytes + " bytes", impossible);
        }
        upper[place] = high;
        lower[place] = low;
        senders[place] = known;
        return known;
    }

    private static boolean isIpv6(InetSocketAddress sender) {
        return sender.getAddress() instanceof Inet6Address;
    }
}
