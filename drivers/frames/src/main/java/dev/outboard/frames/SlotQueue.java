package dev.outboard.frames;

/**
 * Slots that wait, the one that has waited longest first. The queue's thread; nothing allocates
 * after construction.
 */
final class SlotQueue {
    private final int[] slots;
    private final int mask;
    private int read;
    private int write;

    /**
     * @param capacity the most that wait at a time
     */
    SlotQueue(int capacity) {
        int places = Integer.highestOneBit(2 * capacity - 1);
        slots = new int[places];
        mask = places - 1;
    }

    int count() {
        return write - read;
    }

    boolean isEmpty() {
        return write == read;
    }

    void add(int slot) {
        slots[write++ & mask] = slot;
    }

    /** The one that has so many before it. */
    int get(int ahead) {
        return slots[read + ahead & mask];
    }

    /** The first of them wait no longer. */
    void remove(int count) {
        read += count;
    }

    void clear() {
        read = write;
    }
}
