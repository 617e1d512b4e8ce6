package dev.outboard.perf.setup;

import dev.outboard.uio.NativeException;
import dev.outboard.uio.ProcessControl;

/**
 * Which processor a measured thread keeps to, so that drivers do not share one with their device.
 * Only the calling thread is pinned: compilers and collectors go where there is room.
 */
public final class Processors {
    private static final int COUNT = Runtime.getRuntime().availableProcessors();

    private Processors() {}

    /** The calling thread is the driver's of this index. */
    public static void pinDriver(int index) {
        pin(COUNT - 1 - index % COUNT);
    }

    /** The calling thread is a device's. */
    public static void pinDevice() {
        pin(0);
    }

    private static void pin(int processor) {
        if (COUNT == 1) {
            return;
        }
        try {
            ProcessControl.pinThread(processor);
        } catch (NativeException refused) {
            // In a container with processors of other numbers: then the kernel chooses.
            System.getLogger(Processors.class.getName())
                    .log(System.Logger.Level.DEBUG, "not pinned: {0}", refused.getMessage());
        }
    }
}
