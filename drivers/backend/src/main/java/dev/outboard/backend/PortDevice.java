package dev.outboard.backend;

/** What stands behind a port: the switch, or the disk. All on the loop's thread. */
public interface PortDevice {
    /** Feature bits of the device itself. */
    long features();

    /** How many queues it has. */
    int queueCount();

    /** What a front-end that asks for the number of queues is told: of a NIC, its pairs. */
    int offeredQueueCount();

    /** The whole configuration space. */
    byte[] config();

    /** Who hears of the memory of this port's sessions. */
    default RegionListener regions() {
        return RegionListener.NONE;
    }

    /** A session began. */
    void opened(PortSession session);

    /**
     * A ring that runs is about to stop, outside of DMA sections: what the device has taken of it
     * and not finished must come back now, as the front-end may use its buffers otherwise.
     */
    default void stopping(PortSession session, int queue) {}

    /** A session is over; its memory is already gone. */
    void closed(PortSession session);
}
