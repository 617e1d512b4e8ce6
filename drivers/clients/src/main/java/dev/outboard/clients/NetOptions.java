package dev.outboard.clients;

import dev.outboard.driver.ClientContext;
import dev.outboard.internet.Ipv4;

/**
 * The options that both programs take.
 *
 * @param own this host's address
 * @param peer who is talked to
 * @param neighbour who packets for the peer are handed to
 * @param mayOffload whether the device may sum
 */
record NetOptions(int own, int peer, int neighbour, boolean mayOffload) {
    /** In words. */
    static final String HELP = "ip=10.0.2.15 prefix=24 gateway=ADDRESS offload=1";

    private static final int MOST_PREFIX = 30;

    static NetOptions of(ClientContext context, String peerOption, String peerAbsent) {
        int own = address(context, "ip", "10.0.2.15");
        int peer = address(context, peerOption, peerAbsent);
        int prefix = (int) number(context, "prefix", 24, 1, MOST_PREFIX);
        boolean isNear = (own ^ peer) >>> Integer.SIZE - prefix == 0;
        if (!isNear && !context.options().containsKey("gateway")) {
            throw new IllegalArgumentException(
                    "%s is not in the network of %s/%d: give gateway=ADDRESS"
                            .formatted(Ipv4.text(peer), Ipv4.text(own), prefix));
        }
        int neighbour = isNear ? peer : address(context, "gateway", "");
        return new NetOptions(own, peer, neighbour, number(context, "offload", 1, 0, 1) == 1);
    }

    private static int address(ClientContext context, String option, String absent) {
        return Ipv4.parse(option, context.options().getOrDefault(option, absent));
    }

    static long number(ClientContext context, String option, long absent, long least, long most) {
        long value = context.option(option, absent);
        if (value < least || value > most) {
            throw new IllegalArgumentException(
                    "option %s=%d is not %d to %d".formatted(option, value, least, most));
        }
        return value;
    }
}
