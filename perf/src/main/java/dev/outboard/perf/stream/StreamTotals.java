package dev.outboard.perf.stream;

/**
 * What one end counted of a stream.
 *
 * @param frames frames that were sent, or that came and were right
 * @param messages messages all of whose frames were sent, or came and were right
 * @param bytes the Ethernet payload of those frames
 * @param missing frames that did not come
 * @param duplicates frames that came again, or late
 * @param corrupt frames that were not what was sent
 */
record StreamTotals(
        long frames, long messages, long bytes, long missing, long duplicates, long corrupt) {
    /** What a sender sent: nothing went wrong there. */
    static StreamTotals sent(long frames, long messages, long bytes) {
        return new StreamTotals(frames, messages, bytes, 0, 0, 0);
    }

    /** Whether everything came, once, as it was sent. */
    boolean isComplete(StreamTotals sent) {
        return equals(sent);
    }
}
