package dev.outboard.nvme;

import java.util.concurrent.TimeUnit;

/**
 * What the driver makes use of where the controller has it, and how long it waits.
 *
 * @param mayUseSgl whether data may be named by an SGL
 * @param mayUseShadows whether doorbells may be in memory
 * @param timeoutNanos how long a request may take before it is aborted
 */
record NvmeOptions(boolean mayUseSgl, boolean mayUseShadows, long timeoutNanos) {
    /** As users get it. */
    static final NvmeOptions DEFAULT = new NvmeOptions(true, true, TimeUnit.SECONDS.toNanos(10));

    NvmeOptions withoutSgl() {
        return new NvmeOptions(false, mayUseShadows, timeoutNanos);
    }

    NvmeOptions withoutShadows() {
        return new NvmeOptions(mayUseSgl, false, timeoutNanos);
    }

    NvmeOptions withTimeout(long nanos) {
        return new NvmeOptions(mayUseSgl, mayUseShadows, nanos);
    }
}
