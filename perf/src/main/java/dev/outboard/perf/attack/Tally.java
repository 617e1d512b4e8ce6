package dev.outboard.perf.attack;

import java.lang.foreign.MemorySegment;

/** What the attacker has counted, for the board. One thread. */
final class Tally {
    long tried;
    long refused;
    long readOpen;
    long readStale;
    long leaked;
    long written;
    long held;

    /** A secret: told at once, and kept on the board as far as there is room. */
    void leak(MemorySegment board, long offset, long value, long iova) {
        if (leaked < BoardDescriptor.LEAKS) {
            long slot = offset + BoardDescriptor.LEAKS_OFFSET + leaked * BoardDescriptor.LEAK_BYTES;
            Marks.set(board, slot, value);
            Marks.set(board, slot + Long.BYTES, iova);
        }
        leaked++;
        Marks.setRelease(board, offset + BoardDescriptor.LEAKED_OFFSET, leaked);
    }

    void publish(MemorySegment board, long offset) {
        Marks.set(board, offset + BoardDescriptor.TRIED_OFFSET, tried);
        Marks.set(board, offset + BoardDescriptor.REFUSED_OFFSET, refused);
        Marks.set(board, offset + BoardDescriptor.READ_OPEN_OFFSET, readOpen);
        Marks.set(board, offset + BoardDescriptor.READ_STALE_OFFSET, readStale);
        Marks.set(board, offset + BoardDescriptor.WRITTEN_OFFSET, written);
        Marks.set(board, offset + BoardDescriptor.HELD_OFFSET, held);
    }
}
