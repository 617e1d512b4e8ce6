package dev.outboard.kernel;

import java.util.function.BooleanSupplier;

/** A pair of the driver's queues, joined to a queue of the kernel's by one thread. */
interface Joint {
    /**
     * Joins them until told to stop.
     *
     * @throws dev.outboard.driver.DeviceException when the device failed or went away
     * @throws dev.outboard.uio.net.InterfaceGoneException when the interface was deleted
     */
    void run(BooleanSupplier isStopping);

    /** What was counted. Any thread. */
    Counts counts();
}
