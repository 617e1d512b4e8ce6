package dev.outboard.netty;

/**
 * Where datagrams for one host go, found once.
 *
 * @param source the address they come from
 * @param manyMac where they go if many hear them; -1 for one host
 * @param neighbour who they are handed to; null where many hear them, or this interface itself
 */
record Destination(
        Address address, Address source, long manyMac, boolean isOwn, Neighbour neighbour) {
    boolean isIpv6() {
        return address.isIpv6();
    }

    boolean isMany() {
        return manyMac >= 0;
    }
}
