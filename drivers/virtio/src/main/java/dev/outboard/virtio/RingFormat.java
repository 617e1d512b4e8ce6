package dev.outboard.virtio;

/**
 * Which kind of ring two sides agreed on (VIRTIO 1.2, sections 2.7, 2.8 and 6).
 *
 * @param packed whether there is one ring that both sides write, instead of a table and two rings
 * @param inOrder whether the device finishes chains in the order in which it was given them
 * @param eventIndex whether each side says at which place it wants to be told
 * @param indirect whether a descriptor may point to a table of descriptors
 */
public record RingFormat(boolean packed, boolean inOrder, boolean eventIndex, boolean indirect) {
    /** Every feature that makes a ring what it is. */
    public static final long FEATURES =
            VirtioFeatures.RING_PACKED
                    | VirtioFeatures.IN_ORDER
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC;

    /** The format that accepted features make. */
    public static RingFormat of(long features) {
        return new RingFormat(
                (features & VirtioFeatures.RING_PACKED) != 0,
                (features & VirtioFeatures.IN_ORDER) != 0,
                (features & VirtioFeatures.RING_EVENT_IDX) != 0,
                (features & VirtioFeatures.RING_INDIRECT_DESC) != 0);
    }

    /** The features that make it. */
    public long features() {
        return (packed ? VirtioFeatures.RING_PACKED : 0)
                | (inOrder ? VirtioFeatures.IN_ORDER : 0)
                | (eventIndex ? VirtioFeatures.RING_EVENT_IDX : 0)
                | (indirect ? VirtioFeatures.RING_INDIRECT_DESC : 0);
    }

    /** For people, as {@code packed in-order}. */
    public String describe() {
        return (packed ? "packed" : "split") + (inOrder ? " in-order" : "");
    }
}
