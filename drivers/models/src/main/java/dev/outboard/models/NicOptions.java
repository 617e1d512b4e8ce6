package dev.outboard.models;

import dev.outboard.uio.WaitPolicy;
import java.util.List;

/**
 * How an Ethernet switch is set up.
 *
 * @param ports its ports, two or more
 * @param waiting how long it looks for work before it sleeps
 * @param backPressureNanos how long a sender waits for the only receiver of its frames to have
 *     buffers, before frames are dropped; 0 to drop at once
 * @param sharesIotlb whether its ports have one IOTLB together, each a domain of it
 */
public record NicOptions(
        List<NicPortOptions> ports,
        WaitPolicy waiting,
        long backPressureNanos,
        boolean sharesIotlb) {
    /** Long enough for a receiver that a busy machine kept from running. */
    public static final long DEFAULT_BACK_PRESSURE_NANOS = 100_000_000;

    /** The most ports of a switch. */
    public static final int MAXIMUM_PORTS = 64;

    /** Checks the values. */
    public NicOptions {
        ports = List.copyOf(ports);
        if (ports.size() < 2 || ports.size() > MAXIMUM_PORTS) {
            throw new IllegalArgumentException(
                    "a switch has 2 to %d ports, not %d".formatted(MAXIMUM_PORTS, ports.size()));
        }
        if (backPressureNanos < 0) {
            throw new IllegalArgumentException("backPressureNanos=" + backPressureNanos);
        }
        requireDistinct(ports);
    }

    private static void requireDistinct(List<NicPortOptions> ports) {
        long sockets =
                ports.stream().map(port -> port.socket().toAbsolutePath()).distinct().count();
        if (sockets != ports.size()) {
            throw new IllegalArgumentException("two ports of the switch have the same socket");
        }
    }

    /** A switch with the default settings. */
    public static NicOptions of(NicPortOptions... ports) {
        return new NicOptions(
                List.of(ports), WaitPolicy.DEFAULT, DEFAULT_BACK_PRESSURE_NANOS, false);
    }

    /** The same, waiting otherwise. */
    public NicOptions withWaiting(WaitPolicy newWaiting) {
        return new NicOptions(ports, newWaiting, backPressureNanos, sharesIotlb);
    }

    /** The same, with another limit. */
    public NicOptions withBackPressureNanos(long nanos) {
        return new NicOptions(ports, waiting, nanos, sharesIotlb);
    }

    /** The same, with one IOTLB for all ports, or one for each. */
    public NicOptions withSharedIotlb(boolean shared) {
        return new NicOptions(ports, waiting, backPressureNanos, shared);
    }
}
