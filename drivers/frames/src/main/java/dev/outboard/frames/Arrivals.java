package dev.outboard.frames;

/**
 * What came, in order, by a position that only grows: its slot, how long it is, and what the device
 * said of it.
 *
 * <pre>
 *              head            settled            taken
 *   …            │ unmapped: may │ unmapping under  │
 *                │ be shown      │ way              │
 * </pre>
 *
 * <p>The queue's thread; nothing allocates after construction.
 */
final class Arrivals {
    private final int[] slots;
    private final int[] bytes;
    private final int[] facts;
    private final int mask;
    private int head;
    private int settled;
    private int taken;

    /**
     * @param capacity the most that are here at a time
     */
    Arrivals(int capacity) {
        int places = Integer.highestOneBit(2 * capacity - 1);
        slots = new int[places];
        bytes = new int[places];
        facts = new int[places];
        mask = places - 1;
    }

    /** How many places there are; no two that are here have the same. */
    int places() {
        return mask + 1;
    }

    int place(int position) {
        return position & mask;
    }

    /** Writes down one that is here with {@link #take}. */
    void put(int position, int slot, int lengthBytes, int itsFacts) {
        int at = position & mask;
        slots[at] = slot;
        bytes[at] = lengthBytes;
        facts[at] = itsFacts;
    }

    int slot(int position) {
        return slots[position & mask];
    }

    int lengthBytes(int position) {
        return bytes[position & mask];
    }

    int facts(int position) {
        return facts[position & mask];
    }

    /** What is said of it now. */
    void learn(int position, int itsFacts) {
        facts[position & mask] = itsFacts;
    }

    /** The position of the oldest. */
    int head() {
        return head;
    }

    /** The oldest have been seen. */
    void pass(int count) {
        head += count;
    }

    /** Where those begin that the device may still change. */
    int settled() {
        return settled;
    }

    /** It changes none of those that are here now. */
    void settle() {
        settled = taken;
    }

    /** So many more are here. */
    void take(int count) {
        taken += count;
    }

    /** Where the next will be. */
    int taken() {
        return taken;
    }

    /** How many may be shown. */
    int showable() {
        return settled - head;
    }

    boolean isAllSettled() {
        return settled == taken;
    }

    /** Nothing is here. */
    void clear() {
        head = 0;
        settled = 0;
        taken = 0;
    }
}
