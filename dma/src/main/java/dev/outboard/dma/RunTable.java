package dev.outboard.dma;

/**
 * Which runs of IOVA are mapped: for the first entry of each, how many entries it has. In memory
 * that no device sees, so that a wrong unmap is refused by it.
 *
 * <p>A byte an entry, so that a lap of a next-fit allocator stays in the processor's cache; how
 * long a long run is, which is rare, stands beside. One thread; allocates nothing after
 * construction.
 */
final class RunTable {
    private static final byte LONG = Byte.MAX_VALUE;

    private final byte[] lengths;
    private final int[] longLengths;

    /** An empty table. */
    RunTable(int entries) {
        lengths = new byte[entries];
        longLengths = new int[entries];
    }

    /** Entries of the table. */
    int entries() {
        return lengths.length;
    }

    /** Entries of the run that begins there; 0 if none does, or there is no such entry. */
    int length(long first) {
        if (first < 0 || first >= lengths.length) {
            return 0;
        }
        int length = lengths[(int) first];
        return length == LONG ? longLengths[(int) first] : length;
    }

    /** Forgets the run of one entry that is there; false, and nothing is changed, if none is. */
    boolean removeOne(long first) {
        if (first < 0 || first >= lengths.length || lengths[(int) first] != 1) {
            return false;
        }
        lengths[(int) first] = 0;
        return true;
    }

    /** A run of one entry is there. */
    void putOne(int first) {
        lengths[first] = 1;
    }

    /** A run begins there. */
    void put(int first, int length) {
        if (length < LONG) {
            lengths[first] = (byte) length;
        } else {
            lengths[first] = LONG;
            longLengths[first] = length;
        }
    }

    /** No run begins there any more. */
    void remove(int first) {
        lengths[first] = 0;
    }
}
