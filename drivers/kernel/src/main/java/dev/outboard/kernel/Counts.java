package dev.outboard.kernel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * What one thread counts, and others look at. Written by its thread alone; no allocation.
 *
 * <p>In the words of the interface: sent is what the kernel sends, out of the TAP and to the
 * device; received what goes the other way.
 */
final class Counts {
    private static final VarHandle VALUES = MethodHandles.arrayElementVarHandle(long[].class);

    /** What is counted. */
    enum Kind {
        SENT_FRAMES("sentFrames"),
        SENT_BYTES("sentBytes"),
        /** Frames that the device is to sum or to cut. */
        SENT_UNFINISHED("sentUnfinished"),
        /** Frames of the kernel's that are longer than the device takes, or ask what it cannot. */
        SENT_REFUSED("sentRefused"),
        RECEIVED_FRAMES("receivedFrames"),
        RECEIVED_BYTES("receivedBytes"),
        /** Frames that the device left something undone in. */
        RECEIVED_UNFINISHED("receivedUnfinished"),
        /**
         * Frames that the kernel did not take: it is down, or has no memory, or they are broken.
         */
        RECEIVED_REFUSED("receivedRefused"),
        SLEEPS("sleeps");

        private final String word;

        Kind(String word) {
            this.word = word;
        }

        String word() {
            return word;
        }
    }

    private final long[] values = new long[Kind.values().length];

    void add(Kind kind, long more) {
        int at = kind.ordinal();
        VALUES.setOpaque(values, at, values[at] + more);
    }

    void set(Kind kind, long value) {
        VALUES.setOpaque(values, kind.ordinal(), value);
    }

    /** Any thread. */
    long get(Kind kind) {
        return (long) VALUES.getOpaque(values, kind.ordinal());
    }
}
