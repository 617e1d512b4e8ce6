package dev.outboard.driver;

import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;

/**
 * A device that is a set of queues in shared memory, whatever tells it where they are: messages on
 * a socket, or registers of a PCI function.
 *
 * <p>Order of use: {@link #offeredFeatures}, {@link #acceptFeatures}, then for each queue {@link
 * #interrupt} and {@link #start}, then {@link #ready}. One thread, but for {@link #readConfig},
 * which may be asked from another while nothing else is asked of it.
 */
public interface QueueTransport {
    /** The features the device offers, as bits. */
    long offeredFeatures();

    /**
     * Accepts features, once. The transport adds what concerns only itself, such as that addresses
     * are IOVAs.
     *
     * @param features bits out of {@link #offeredFeatures}
     * @throws DeviceException when the device refuses them
     */
    void acceptFeatures(long features);

    /** How many queues the device has. */
    int queueCount();

    /** The most entries that a ring of this queue can have; a power of two. */
    int maximumEntries(int queue);

    /**
     * Reads the device's configuration space.
     *
     * @return {@code length} bytes, or null where this device has no configuration space to read
     */
    byte[] readConfig(int offset, int length);

    /**
     * Claims the interrupt of a queue.
     *
     * @param line how the queue masks and unmasks it: the ring's event suppression
     */
    Interrupt interrupt(int queue, InterruptLine line);

    /** Hands a queue to the device, which may use it at once. */
    Doorbell start(int queue, QueueAddresses addresses);

    /** Every queue that the driver uses is started: the device may begin. */
    default void ready() {}

    /**
     * Claims the interrupt of changes of the configuration space; called once, after the features
     * are accepted and before {@link #ready}. It never spins.
     *
     * @return null where the device, or what is between, does not tell of them
     */
    default Interrupt configInterrupt() {
        return null;
    }

    /** Whether one queue can be stopped and started again while the others run. */
    default boolean isRestartable() {
        return false;
    }

    /**
     * Takes a queue back: when this returns the device no longer uses it. Harmless where not
     * started.
     */
    void stop(int queue);
}
