package dev.outboard.models.nic;

import java.util.Arrays;

/**
 * Where the switch has seen Ethernet addresses, for a while.
 *
 * <p>A table of fixed size, two places to an address: a sender that makes addresses up can only
 * make the switch forget, and flood. One thread; nothing allocates.
 */
public final class MacTable {
    /** What {@link #find} says of an address that was not seen lately. */
    static final int UNKNOWN = -1;

    private static final int SETS = 2048;
    private static final int WAYS = 2;

    /** No address has all its bits set and is not a group's. */
    private static final long NONE = -1;

    private final long ageNanos;
    private final long[] addresses = new long[SETS * WAYS];
    private final int[] ports = new int[SETS * WAYS];
    private final long[] seenNanos = new long[SETS * WAYS];

    /** An empty table that forgets what it did not see for so long. */
    public MacTable(long ageNanos) {
        this.ageNanos = ageNanos;
        Arrays.fill(addresses, NONE);
    }

    private static int slot(long address) {
        // Fibonacci hashing: the high bits of the product depend on all bits of the address.
        return (int) (address * 0x9e3779b97f4a7c15L >>> 53) * WAYS;
    }

    /** The port behind an address, or {@link #UNKNOWN}. */
    int find(long address, long nowNanos) {
        int slot = slot(address);
        if (addresses[slot] != address && addresses[++slot] != address) {
            return UNKNOWN;
        }
        return nowNanos - seenNanos[slot] > ageNanos ? UNKNOWN : ports[slot];
    }

    /** A frame from this address came in at the port. */
    void learn(long address, int port, long nowNanos) {
        int slot = slot(address);
        if (addresses[slot] != address && addresses[slot + 1] == address) {
            slot++;
        } else if (addresses[slot] != address) {
            slot += older(slot, nowNanos);
            addresses[slot] = address;
        }
        ports[slot] = port;
        seenNanos[slot] = nowNanos;
    }

    /** Which of two places gives way. */
    private int older(int slot, long nowNanos) {
        if (addresses[slot] == NONE) {
            return 0;
        }
        boolean second =
                addresses[slot + 1] == NONE
                        || nowNanos - seenNanos[slot + 1] > nowNanos - seenNanos[slot];
        return second ? 1 : 0;
    }

    /** Nothing is behind this port any more. */
    void forget(int port) {
        for (int slot = 0; slot < addresses.length; slot++) {
            if (ports[slot] == port) {
                addresses[slot] = NONE;
            }
        }
    }
}
