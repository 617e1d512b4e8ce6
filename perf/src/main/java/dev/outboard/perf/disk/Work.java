package dev.outboard.perf.disk;

import java.lang.foreign.MemorySegment;

/** What a {@link RequestLoop} keeps asking the disk for. Called on the loop's thread. */
interface Work {
    /** There is no further block. */
    long DONE = -1;

    /** There will be one when something under way has come back. */
    long LATER = -2;

    /** The next block, {@link #DONE} or {@link #LATER}. */
    long next();

    /** Whether blocks are written; otherwise they are read. */
    boolean isWrite();

    /** Fills the memory of a block that is to be written. */
    void fill(long block, MemorySegment memory, long offset);

    /** The block was written, or is in memory now. */
    void done(long block, MemorySegment memory, long offset, long nanos);
}
