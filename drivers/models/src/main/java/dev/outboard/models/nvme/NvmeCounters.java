package dev.outboard.models.nvme;

import dev.outboard.backend.loop.Counters;

/** What a controller counts. */
public final class NvmeCounters {
    /** Reads that succeeded, and their bytes. */
    public static final int READS = 0;

    public static final int READ_BYTES = 1;

    /** Writes that succeeded, and their bytes. */
    public static final int WRITES = 2;

    public static final int WRITTEN_BYTES = 3;

    /** Flushes, ranges given back or made zero, commands refused or failed. */
    public static final int FLUSHES = 4;

    public static final int ZEROES = 5;
    public static final int ERRORS = 6;

    /** Accesses to memory that were refused. */
    public static final int FAULTS = 7;

    /** Admin commands, and resets of the controller. */
    public static final int ADMIN = 8;

    public static final int RESETS = 9;

    private static final int COUNT = 10;

    private NvmeCounters() {}

    /** All 0. */
    public static Counters create() {
        return new Counters(COUNT);
    }
}
