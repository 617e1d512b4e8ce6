package dev.outboard.driver.net;

import dev.outboard.driver.Service;

/**
 * A network interface: addresses, link and queues of Ethernet frames without their check sequence.
 */
public interface NetworkService extends Service {
    /** The interface's MAC address: 6 bytes, a copy. */
    byte[] macAddress();

    /** The largest payload of a frame in bytes, without its 14 bytes of Ethernet header. */
    int mtuBytes();

    /** Whether the device says that its link is up; true where it cannot say. */
    boolean isLinkUp();

    /** How many pairs of queues there are. */
    int queuePairs();

    /** The transmit queue of a pair; one thread owns it. */
    TransmitQueue transmitQueue(int pair);

    /** The receive queue of a pair; one thread owns it. */
    ReceiveQueue receiveQueue(int pair);
}
