package dev.outboard.driver.net;

/** Hears of frames out of the client's own memory that a device is done with. */
@FunctionalInterface
public interface SentListener {
    /**
     * The device has read the frame that was posted with this token, and reaches its memory no
     * more. The queue's thread, within one of the queue's own calls: what runs must call none of
     * them.
     */
    void onSent(int token);
}
