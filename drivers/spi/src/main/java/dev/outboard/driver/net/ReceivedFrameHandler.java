package dev.outboard.driver.net;

/** Receives frames that may lie in several parts. */
@FunctionalInterface
public interface ReceivedFrameHandler {
    /** A frame came. Its memory is the queue's again when this returns. */
    void onFrame(ReceivedFrame frame);
}
