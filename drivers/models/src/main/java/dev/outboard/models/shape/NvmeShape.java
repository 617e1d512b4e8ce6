package dev.outboard.models.shape;

/**
 * How a controller is built.
 *
 * @param queues pairs of I/O queues, 1 to 255
 * @param entries the most entries of a ring, 2 to 65536
 * @param vectors interrupt vectors, 1 to 2048
 * @param transferShift the power of two of the most pages that a command moves, 0 to 8
 * @param doorbells how doorbells are rung
 * @param latencyNanos how long an I/O command takes at least
 */
public record NvmeShape(
        int queues,
        int entries,
        int vectors,
        int transferShift,
        Doorbells doorbells,
        long latencyNanos) {
    /** How a driver's doorbells reach the controller. */
    public enum Doorbells {
        /** The page of doorbells is mapped by the client and looked at by the controller. */
        MAPPED,
        /**
         * By message; a driver that uses Doorbell Buffer Config sends one only when the controller
         * sleeps.
         */
        SHADOWED
    }

    /**
     * The most pairs of I/O queues: as many as a page has doorbells for, but for a power of two.
     */
    public static final int MOST_QUEUES = 255;

    private static final int PAGE_BYTES = 4096;
    private static final int MOST_ENTRIES = 1 << 16;
    private static final int MOST_VECTORS = 2048;
    private static final int MOST_TRANSFER_SHIFT = 8;

    /** Checks the values. */
    public NvmeShape {
        require("queues", queues, 1, MOST_QUEUES);
        require("entries", entries, 2, MOST_ENTRIES);
        require("vectors", vectors, 1, MOST_VECTORS);
        require("transferShift", transferShift, 0, MOST_TRANSFER_SHIFT);
        require("latencyNanos", latencyNanos, 0, Long.MAX_VALUE / 2);
    }

    private static void require(String name, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(
                    "%s=%d: an NVMe controller takes %d to %d".formatted(name, value, least, most));
        }
    }

    /** Bytes that a command moves at most. */
    public int transferBytes() {
        return PAGE_BYTES << transferShift;
    }
}
