package dev.outboard.netty;

import java.lang.foreign.MemorySegment;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;

/**
 * An address as numbers: of IPv4 the lower 32 bits of {@code lower}, of IPv6 all 128. What is
 * written into packets, and compared with what stands in them.
 */
record Address(boolean isIpv6, long upper, long lower) {
    /** All nodes of the link. */
    static final Address ALL_NODES = new Address(true, 0xff02_0000_0000_0000L, 1);

    private static final long SOLICITED_UPPER = 0xff02_0000_0000_0000L;
    private static final long SOLICITED_LOWER = 0x0000_0001_ff00_0000L;
    private static final long LINK_LOCAL_UPPER = 0xfe80_0000_0000_0000L;
    private static final long LOW_24 = 0xff_ffffL;
    private static final long LOW_23 = 0x7f_ffffL;
    private static final long IPV4_GROUP_MAC = 0x0100_5e00_0000L;
    private static final long IPV6_GROUP_MAC = 0x3333_0000_0000L;

    static Address of(InetAddress address) {
        var bytes = ByteBuffer.wrap(address.getAddress());
        return address instanceof Inet4Address
                ? ipv4(bytes.getInt())
                : new Address(true, bytes.getLong(), bytes.getLong());
    }

    static Address ipv4(int address) {
        return new Address(false, 0, address & 0xffff_ffffL);
    }

    static Address ipv6(MemorySegment memory, long at) {
        return new Address(true, Bytes.i64(memory, at), Bytes.i64(memory, at + Long.BYTES));
    }

    /** The address that an interface makes of its MAC address: RFC 4291, appendix A. */
    static Address linkLocal(long mac) {
        long upper = mac >>> 24 ^ 0x02_0000L;
        return new Address(true, LINK_LOCAL_UPPER, upper << 40 | 0xff_fe00_0000L | mac & LOW_24);
    }

    /** Whom to ask for the MAC address of this one: RFC 4291, section 2.7.1. */
    Address solicitedNode() {
        return new Address(true, SOLICITED_UPPER, SOLICITED_LOWER | lower & LOW_24);
    }

    boolean isLinkLocal() {
        return isIpv6 && upper >>> 54 == LINK_LOCAL_UPPER >>> 54;
    }

    boolean isGroup() {
        return isIpv6 ? upper >>> 56 == 0xff : lower >>> 28 == 0xe;
    }

    boolean isUnspecified() {
        return upper == 0 && lower == 0;
    }

    /** The MAC address of a group: RFC 1112, section 6.4; RFC 2464, section 7. */
    long groupMac() {
        return isIpv6 ? IPV6_GROUP_MAC | lower & 0xffff_ffffL : IPV4_GROUP_MAC | lower & LOW_23;
    }

    int ipv4() {
        return (int) lower;
    }

    void write(MemorySegment memory, long at) {
        if (isIpv6) {
            Bytes.putLong(memory, at, upper);
            Bytes.putLong(memory, at + Long.BYTES, lower);
        } else {
            Bytes.putInt(memory, at, (int) lower);
        }
    }

    InetAddress inet() {
        var bytes = ByteBuffer.allocate(isIpv6 ? 2 * Long.BYTES : Integer.BYTES);
        if (isIpv6) {
            bytes.putLong(upper).putLong(lower);
        } else {
            bytes.putInt((int) lower);
        }
        try {
            return InetAddress.getByAddress(bytes.array());
        } catch (UnknownHostException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @Override
    public String toString() {
        return inet().getHostAddress();
    }
}
