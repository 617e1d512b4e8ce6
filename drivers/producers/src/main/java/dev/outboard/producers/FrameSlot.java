package dev.outboard.producers;

/** What a producer says of the frame in its slot; written before it is published. */
final class FrameSlot {
    /** 0: there is no frame. */
    int lengthBytes;

    long offload;
}
