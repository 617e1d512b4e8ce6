package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;

/**
 * A full fence for every thread of this process, paid for by who asks for it: the other side of a
 * protocol whose hot side has none.
 *
 * <p>Of two threads that each write one word and then read the other's, one must see the other's
 * write; each needs a full fence in between. Where one of them does this millions of times a second
 * and the other hardly ever, the rare one calls {@link #run} between its write and its read; for
 * the frequent one it is enough that the compiler keeps its order ({@code setOpaque}, then {@code
 * getOpaque}). Any thread; microseconds, and each running thread of the process is interrupted.
 */
public final class ProcessBarrier {
    /** The names and numbers are those of membarrier(2). */
    private static final int MEMBARRIER_CMD_PRIVATE_EXPEDITED = 1 << 3;

    private static final int MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 1 << 4;

    private static final boolean IS_THERE =
            ControlCalls.membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;

    private ProcessBarrier() {}

    /** Returns when every thread of this process has executed a full fence since the call. */
    public static void run() {
        if (!IS_THERE || ControlCalls.membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0) {
            // A kernel, or a filter, without the call: to list the stacks stops every thread at a
            // safepoint, and nobody comes to one, or back from native code, without a fence.
            Thread.getAllStackTraces();
        }
    }

    /** Whether the kernel does it, and not the virtual machine. */
    static boolean isOfKernel() {
        return IS_THERE;
    }
}
