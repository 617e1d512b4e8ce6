package dev.outboard.models;

import java.util.List;

/**
 * What a switch has counted; the numbers may be of neighbouring moments.
 *
 * @param ports its ports, in the order of the options
 */
public record NicStatistics(List<NicPortStatistics> ports) {
    /** Keeps a copy of the list. */
    public NicStatistics {
        ports = List.copyOf(ports);
    }

    /** All frames that were given to drivers. */
    public long forwardedFrames() {
        return ports.stream().mapToLong(NicPortStatistics::receivedFrames).sum();
    }
}
