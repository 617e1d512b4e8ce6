package dev.outboard.netty;

import java.io.IOException;

/** A datagram is longer than one packet: it would have to be cut into fragments, and is not. */
public final class FragmentationRefusedException extends IOException {
    private static final long serialVersionUID = 1;

    private final int mostBytes;

    FragmentationRefusedException(int payloadBytes, int mostBytes, int mtuBytes) {
        super(
                "fragmentation refused: %d bytes do not fit a packet, mtu=%d: send at most %d bytes"
                        .formatted(payloadBytes, mtuBytes, mostBytes));
        this.mostBytes = mostBytes;
    }

    /** The longest datagram that fits. */
    public int mostBytes() {
        return mostBytes;
    }
}
