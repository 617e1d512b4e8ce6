package dev.outboard.driver.block;

/** Receives completions of block requests. */
@FunctionalInterface
public interface CompletionHandler {
    /**
     * A request ended; its memory is the caller's again.
     *
     * @param tag what the request was submitted with
     * @param status {@link BlockStatus#OK} or what went wrong
     */
    void onCompletion(long tag, int status);
}
