package dev.outboard.backend;

/**
 * Chains that a device has taken and not finished, in the order in which they came. Owned by a
 * {@link DeviceQueue}, whose thread rules it follows; only {@link #clear} allocates.
 */
final class TakenChains {
    private int[] ids = {};
    private int[] slots = {};
    private int[] positions = {};
    private boolean[] readOnly = {};
    private int oldest;
    private int count;

    /** None is taken, of a ring of so many entries. */
    void clear(int entries) {
        if (ids.length < entries) {
            ids = new int[entries];
            slots = new int[entries];
            positions = new int[entries];
            readOnly = new boolean[entries];
        }
        oldest = 0;
        count = 0;
    }

    /**
     * One more.
     *
     * @param id by which the driver knows it
     * @param slotCount descriptors of the ring that it takes
     * @param position where in the ring it began
     * @param isReadOnly whether the device writes nothing of it
     */
    void add(int id, int slotCount, int position, boolean isReadOnly) {
        int at = oldest + count;
        at = at < ids.length ? at : at - ids.length;
        ids[at] = id;
        slots[at] = slotCount;
        positions[at] = position;
        readOnly[at] = isReadOnly;
        count++;
    }

    /** The oldest is finished. */
    void remove() {
        oldest = oldest + 1 < ids.length ? oldest + 1 : 0;
        count--;
    }

    int count() {
        return count;
    }

    /** The oldest's, as the others below. */
    int id() {
        return ids[oldest];
    }

    int slots() {
        return slots[oldest];
    }

    int position() {
        return positions[oldest];
    }

    boolean isReadOnly() {
        return readOnly[oldest];
    }
}
