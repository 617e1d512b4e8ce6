package dev.outboard.perf.stream;

import dev.outboard.perf.pattern.Pattern;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Checks the data frames of one stream: the header's every field, every byte of the pattern, and
 * the order. One thread; allocates only to describe the first corrupt frame.
 */
final class StreamVerifier {
    private final int stream;
    private final Fragmentation fragmentation;
    private final Pattern pattern;

    private long expected;
    private int inMessage;
    private long frames;
    private long messages;
    private long bytes;
    private long missing;
    private long duplicates;
    private long corrupt;
    private String firstCorrupt = "";

    StreamVerifier(int stream, Fragmentation fragmentation, Pattern pattern) {
        this.stream = stream;
        this.fragmentation = fragmentation;
        this.pattern = pattern;
    }

    /** A data frame of this stream came. */
    void accept(MemorySegment memory, long at, int lengthBytes) {
        int fragment =
                Short.toUnsignedInt(
                        memory.get(StreamDescriptor.SHORT, at + StreamDescriptor.FRAGMENT));
        long message = memory.get(StreamDescriptor.LONG, at + StreamDescriptor.MESSAGE);
        if (!isHeaderRight(memory, at, lengthBytes, fragment)
                || message < 0
                || message > Long.MAX_VALUE / 65536) {
            reject("header", message, fragment, 0);
            return;
        }
        boolean whole = isPatternRight(memory, at, message, fragment);
        place(message * fragmentation.frames() + fragment, fragment, whole);
    }

    private boolean isHeaderRight(MemorySegment memory, long at, int lengthBytes, int fragment) {
        return fragment < fragmentation.frames()
                && lengthBytes
                        == StreamDescriptor.ETHERNET_BYTES + fragmentation.payloadBytes(fragment)
                && memory.get(ValueLayout.JAVA_BYTE, at + StreamDescriptor.VERSION)
                        == StreamDescriptor.VERSION_1
                && memory.get(StreamDescriptor.INT, at + StreamDescriptor.OFFSET)
                        == fragmentation.offset(fragment)
                && memory.get(StreamDescriptor.INT, at + StreamDescriptor.MESSAGE_BYTES)
                        == fragmentation.messageBytes()
                && memory.get(StreamDescriptor.INT, at + StreamDescriptor.PATTERN_BYTES)
                        == fragmentation.patternBytes(fragment);
    }

    private boolean isPatternRight(MemorySegment memory, long at, long message, int fragment) {
        int mismatch =
                pattern.mismatch(
                        memory,
                        at + StreamDescriptor.PATTERN,
                        fragmentation.patternBytes(fragment),
                        key(pattern, stream, message, fragment));
        if (mismatch >= 0) {
            reject("pattern", message, fragment, mismatch);
        }
        return mismatch < 0;
    }

    /**
     * The key of a fragment's pattern; the stream is part of it, so that no other passes for it.
     */
    static long key(Pattern pattern, int stream, long message, int fragment) {
        return pattern.key(message, (long) stream << 32 | fragment);
    }

    private void place(long position, int fragment, boolean whole) {
        if (position < expected) {
            duplicates++;
            return;
        }
        if (position > expected) {
            missing += position - expected;
            inMessage = 0;
        }
        expected = position + 1;
        if (!whole) {
            inMessage = 0;
            return;
        }
        frames++;
        bytes += fragmentation.payloadBytes(fragment);
        inMessage = fragment == 0 ? 1 : inMessage + 1;
        if (fragment == fragmentation.frames() - 1) {
            messages += inMessage == fragmentation.frames() ? 1 : 0;
            inMessage = 0;
        }
    }

    private void reject(String part, long message, int fragment, int offset) {
        if (corrupt == 0) {
            firstCorrupt =
                    "stream=%d message=%d fragment=%d: the %s is wrong, first at byte %d"
                            .formatted(stream, message, fragment, part, offset);
        }
        corrupt++;
    }

    /** The sender says how many frames there were: what has not come by now is missing. */
    void finish(long framesSent) {
        if (framesSent > expected) {
            missing += framesSent - expected;
            expected = framesSent;
        }
    }

    /** How many frames have come or are given up. */
    long position() {
        return expected;
    }

    int stream() {
        return stream;
    }

    /** The first corrupt frame in words; empty where there was none. */
    String firstCorrupt() {
        return firstCorrupt;
    }

    StreamTotals totals() {
        return new StreamTotals(frames, messages, bytes, missing, duplicates, corrupt);
    }
}
