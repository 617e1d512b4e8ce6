package dev.outboard.perf.stream;

/**
 * How a message is cut into frames: as few as the MTU allows, of the same size but for a byte, so
 * that no frame is a small rest. Immutable.
 */
final class Fragmentation {
    /** A message has at least Ethernet's smallest payload. */
    static final int MINIMUM_BYTES = 46;

    static final int MAXIMUM_BYTES = 1 << 20;

    private final int messageBytes;
    private final int[] offsets;

    Fragmentation(int messageBytes, int mtuBytes) {
        if (messageBytes < MINIMUM_BYTES || messageBytes > MAXIMUM_BYTES) {
            throw new IllegalArgumentException(
                    "message size %d is not %d to %d bytes"
                            .formatted(messageBytes, MINIMUM_BYTES, MAXIMUM_BYTES));
        }
        // Two frames of half an MTU must each hold the header and something behind it.
        if (mtuBytes < 2 * MINIMUM_BYTES) {
            throw new IllegalArgumentException(
                    "mtuBytes=" + mtuBytes + " is less than " + 2 * MINIMUM_BYTES);
        }
        this.messageBytes = messageBytes;
        int frames = (messageBytes + mtuBytes - 1) / mtuBytes;
        offsets = new int[frames + 1];
        for (int i = 0; i <= frames; i++) {
            offsets[i] = (int) ((long) messageBytes * i / frames);
        }
    }

    int messageBytes() {
        return messageBytes;
    }

    /** How many frames a message is. */
    int frames() {
        return offsets.length - 1;
    }

    /** Where in the message a fragment starts. */
    int offset(int fragment) {
        return offsets[fragment];
    }

    /** The fragment's Ethernet payload: header and pattern. */
    int payloadBytes(int fragment) {
        return offsets[fragment + 1] - offsets[fragment];
    }

    int patternBytes(int fragment) {
        return payloadBytes(fragment) - StreamDescriptor.HEADER_BYTES;
    }

    /** The largest pattern of any fragment. */
    int maximumPatternBytes() {
        int maximum = 0;
        for (int i = 0; i < frames(); i++) {
            maximum = Math.max(maximum, patternBytes(i));
        }
        return maximum;
    }
}
