package dev.outboard.netty;

import dev.outboard.driver.net.NetworkService;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NoRouteToHostException;

/**
 * The interface's own addresses, and the way to others. Unchanged from its making on; any thread.
 */
final class Route {
    private static final long EVERYONE_MAC = 0xffff_ffff_ffffL;
    private static final long EVERYONE_IPV4 = 0xffff_ffffL;

    private final IpSettings settings;
    private final long mac;
    private final int mtuBytes;
    private final Address own4;
    private final Address own6;
    private final Address linkLocal;
    private final Address gateway4;
    private final Address gateway6;
    private final long broadcast4;
    private final Address[] solicited;

    Route(NetworkService network, IpSettings settings) {
        this.settings = settings;
        mac = Bytes.mac(network.macAddress());
        mtuBytes = network.mtuBytes();
        own4 = settings.ipv4() == null ? null : Address.of(settings.ipv4());
        own6 = settings.ipv6() == null ? null : Address.of(settings.ipv6());
        linkLocal = Address.linkLocal(mac);
        gateway4 = settings.gateway4() == null ? null : Address.of(settings.gateway4());
        gateway6 = settings.gateway6() == null ? null : Address.of(settings.gateway6());
        broadcast4 =
                own4 == null ? EVERYONE_IPV4 : own4.lower() | EVERYONE_IPV4 >>> settings.prefix4();
        solicited =
                own6 == null
                        ? new Address[] {linkLocal.solicitedNode()}
                        : new Address[] {linkLocal.solicitedNode(), own6.solicitedNode()};
    }

    long mac() {
        return mac;
    }

    int mtuBytes() {
        return mtuBytes;
    }

    /** Null for none. */
    Address own4() {
        return own4;
    }

    /** The address that a packet for that one comes from; null for none. */
    Address ownFor(Address other) {
        if (!other.isIpv6()) {
            return own4;
        }
        boolean isNear =
                other.isLinkLocal() || other.isGroup() && (other.upper() >>> 48 & 0xf) <= 2;
        return own6 == null || isNear ? linkLocal : own6;
    }

    /** What stands for the interface where a channel is bound to any address. */
    InetAddress any() {
        return own4 != null ? own4.inet() : ownForIpv6().inet();
    }

    private Address ownForIpv6() {
        return own6 != null ? own6 : linkLocal;
    }

    boolean isOwn4(int address) {
        return own4 != null && own4.ipv4() == address;
    }

    boolean isOwn6(long upper, long lower) {
        return linkLocal.lower() == lower && linkLocal.upper() == upper
                || own6 != null && own6.lower() == lower && own6.upper() == upper;
    }

    boolean isOwn(Address address) {
        return address.isIpv6() ? isOwn6(address.upper(), address.lower()) : isOwn4(address.ipv4());
    }

    /** Where neighbours ask for this interface's MAC address. */
    boolean isSolicited(long upper, long lower) {
        for (var one : solicited) {
            if (one.lower() == lower && one.upper() == upper) {
                return true;
            }
        }
        return false;
    }

    boolean isBroadcast(Address address) {
        return !address.isIpv6()
                && (address.lower() == EVERYONE_IPV4 || address.lower() == broadcast4);
    }

    /** The MAC address of who is many; -1 for one host. */
    long manyMac(Address address) {
        if (address.isGroup()) {
            return address.groupMac();
        }
        return isBroadcast(address) ? EVERYONE_MAC : -1;
    }

    /**
     * The neighbour that packets for this host are handed to: it, or the gateway.
     *
     * @throws NoRouteToHostException where there is no way
     */
    Address hop(Address to, InetAddress host) throws NoRouteToHostException {
        if (to.isIpv6()) {
            if (to.isLinkLocal()
                    || own6 != null && IpSettings.isIn(host, settings.ipv6(), settings.prefix6())) {
                return to;
            }
            if (gateway6 != null) {
                return gateway6;
            }
        } else if (own4 != null) {
            if (host instanceof Inet4Address
                    && IpSettings.isIn(host, settings.ipv4(), settings.prefix4())) {
                return to;
            }
            if (gateway4 != null) {
                return gateway4;
            }
        }
        throw new NoRouteToHostException(
                "no way to %s from this interface: give it an address in that network, or a gateway"
                        .formatted(host.getHostAddress()));
    }
}
