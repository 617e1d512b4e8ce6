package dev.outboard.driver.net;

/**
 * Sees the frames that pass a queue, as a capture does. The queue's thread, on its data path: what
 * runs returns soon, waits for nobody, allocates nothing and throws nothing.
 */
public interface FrameWitness {
    /** A frame came, and is about to be shown to the client; the device reaches it no more. */
    void received(ReceivedFrame frame);

    /**
     * A frame is about to be handed to the device.
     *
     * @param physicalAddresses of its parts
     * @param lengths of its parts, in bytes
     * @param first the index of the first of them
     * @param parts how many
     * @param skipBytes what of the first is the device's own, before the frame
     */
    void sent(long[] physicalAddresses, int[] lengths, int first, int parts, int skipBytes);
}
