package dev.outboard.nvme;

/**
 * What requests may be, by this driver and by the controller.
 *
 * @param entries of a ring of commands
 * @param completionEntries of its ring of completions
 * @param requestBytes the longest transfer
 * @param takesSgl whether long data is named by an SGL, else by a list of PRP entries
 * @param timeoutNanos how long a request may take before it is aborted
 */
record NvmeLimits(
        int entries,
        int completionEntries,
        int requestBytes,
        boolean hasWriteCache,
        boolean canWriteZeroes,
        boolean canDiscard,
        boolean takesSgl,
        long timeoutNanos) {
    /** What one request may move at most: bounds its mapping, and its list of pages. */
    static final int MOST_REQUEST_BYTES = 1 << 20;

    private static final int MOST_ENTRIES = 256;

    static NvmeLimits of(ControllerIdentity identity, int mostEntries, NvmeOptions options) {
        int entries = Math.min(mostEntries, MOST_ENTRIES);
        return new NvmeLimits(
                entries,
                Math.min(mostEntries, 2 * entries),
                Math.min(identity.maximumTransferBytes(), MOST_REQUEST_BYTES),
                identity.hasWriteCache(),
                identity.canWriteZeroes(),
                identity.canDiscard(),
                options.mayUseSgl() && identity.takesSgl(),
                options.timeoutNanos());
    }
}
