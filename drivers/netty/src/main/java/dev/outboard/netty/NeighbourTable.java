package dev.outboard.netty;

import java.util.Collection;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The hosts on the wire. Any thread. Bounded: a stranger cannot fill it, since only who is talked
 * to gets an entry, or who asks for this interface while there is room.
 */
final class NeighbourTable {
    private static final int MOST_ASKERS = 1024;
    private static final int MOST = 4096;

    private final ConcurrentHashMap<Address, Neighbour> neighbours = new ConcurrentHashMap<>();

    /** The neighbour that is talked to. Forgets the others where there are too many. */
    Neighbour at(Address address) {
        var known = neighbours.get(address);
        if (known != null) {
            return known;
        }
        if (neighbours.size() >= MOST) {
            neighbours.values().removeIf(neighbour -> !neighbour.isWaitedFor());
        }
        return neighbours.computeIfAbsent(address, Neighbour::new);
    }

    /** The neighbour, or null where nobody talks to it. */
    Neighbour known(Address address) {
        return neighbours.get(address);
    }

    /** The neighbour asks for this interface, and will be answered soon. */
    Neighbour asker(Address address) {
        var known = neighbours.get(address);
        return known != null || neighbours.size() >= MOST_ASKERS ? known : at(address);
    }

    Collection<Neighbour> all() {
        return neighbours.values();
    }
}
