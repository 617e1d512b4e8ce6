package dev.outboard.iommu;

/**
 * Runs of one size, free or retired, by their first pages: what passes between a thread and the
 * depot. It belongs to who holds it; the memory is taken once.
 */
final class Magazine {
    /** Runs in a full magazine, as in Linux. */
    static final int CAPACITY = 127;

    final int[] pages = new int[CAPACITY];
    int count;

    /** How many runs it may hold, by their size. */
    int limit = CAPACITY;

    /** The next in a stack of magazines. */
    Magazine next;

    /** For a size of which the holder has none yet: empty and full at once. Never filled. */
    static Magazine none() {
        Magazine none = new Magazine();
        none.limit = 0;
        return none;
    }
}
