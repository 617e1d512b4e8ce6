package dev.outboard.frames;

import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.net.FrameOffload;

/** What a transmit queue refuses of its client, by an exception that says why. Any thread. */
final class FrameChecks {
    /** Two addresses and a type: no frame is shorter. */
    static final int HEADER_BYTES = 14;

    /** A frame that is cut into segments: 64 KiB of IP, with its headers. */
    private static final int MOST_BYTES = 65_535 + 40 + 18;

    private final int offloads;
    private final int frameBytes;
    private final int maximumParts;

    /**
     * @param offloads what the device can do to frames: capabilities of {@link FrameOffload}
     * @param frameBytes the longest frame that is not cut
     * @param maximumParts the most parts, with one for what stands before a frame
     */
    FrameChecks(int offloads, int frameBytes, int maximumParts) {
        this.offloads = offloads;
        this.frameBytes = frameBytes;
        this.maximumParts = maximumParts;
    }

    /** A frame, or its part in a buffer. */
    void requireLength(int lengthBytes) {
        requireLength(lengthBytes, FrameOffload.NONE);
    }

    /** A frame of which so much is to be done: one that is cut may be longer. */
    void requireLength(int lengthBytes, long wanted) {
        int mostBytes = FrameOffload.mssBytes(wanted) == 0 ? frameBytes : MOST_BYTES;
        if (lengthBytes < HEADER_BYTES || lengthBytes > mostBytes) {
            throw new IllegalArgumentException(
                    "lengthBytes=%d is not a frame: 14 to %d bytes"
                            .formatted(lengthBytes, mostBytes));
        }
    }

    /**
     * An offload that the device has, of bytes that are there.
     *
     * @param namedBytes what it may name of the frame
     */
    void requireOffload(int namedBytes, long wanted) {
        if ((FrameOffload.needed(wanted) & ~offloads) != 0) {
            throw new UnsupportedOperationException(
                    "this device cannot do that to a frame: offload=0x%x".formatted(wanted));
        }
        int sumEnd = FrameOffload.startBytes(wanted) + FrameOffload.offsetBytes(wanted) + 2;
        if (Math.max(sumEnd, FrameOffload.headersBytes(wanted)) > namedBytes
                || FrameOffload.startBytes(wanted) < HEADER_BYTES) {
            throw new IllegalArgumentException(
                    "offload=0x%x names more than the %d bytes of the buffer"
                            .formatted(wanted, namedBytes));
        }
    }

    static void requireToken(int token) {
        if (token < 0) {
            throw new IllegalArgumentException("token=" + token + " is negative");
        }
    }

    /** Of a list that has something; more than any frame's where it has too much. */
    static int lengthBytes(ScatterGatherList list) {
        if (list.count() == 0) {
            throw new IllegalArgumentException("the list is empty");
        }
        long total = 0;
        for (int i = 0; i < list.count(); i++) {
            total += list.lengthBytes(i);
        }
        return (int) Math.min(total, MOST_BYTES + 1);
    }

    IllegalArgumentException tooManyParts(ScatterGatherList frame) {
        return new IllegalArgumentException(
                "a frame of " + frame.count() + " parts: at most " + (maximumParts - 1));
    }
}
