package dev.outboard.driver.net;

import dev.outboard.driver.Service;
import java.util.List;

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

    /**
     * Tells of the link going up and down, on a thread of the driver's own. What runs must be short
     * and must not close the service. The latest listener counts; null ends it. A driver whose
     * device cannot tell never calls it.
     */
    default void onLink(LinkListener listener) {
        // This device cannot tell.
    }

    /** What the device can do to frames: capabilities of {@link FrameOffload}, as bits. */
    default int offloads() {
        return 0;
    }

    /**
     * Receives every frame of the wire, or only those for this interface and for groups.
     *
     * @throws UnsupportedOperationException if the device cannot be told
     */
    default void receiveAll(boolean isWanted) {
        throw new UnsupportedOperationException("this device cannot be told what to receive");
    }

    /**
     * Receives every frame to a group, or only those to {@link #receiveGroups groups} that were
     * named.
     *
     * @throws UnsupportedOperationException if the device cannot be told
     */
    default void receiveAllGroups(boolean isWanted) {
        throw new UnsupportedOperationException("this device cannot be told what to receive");
    }

    /**
     * Names the groups whose frames are received, instead of those before. A device with little
     * room may receive more.
     *
     * @param groups addresses of 6 bytes, each of a group
     * @throws UnsupportedOperationException if the device cannot be told
     */
    default void receiveGroups(List<byte[]> groups) {
        throw new UnsupportedOperationException("this device cannot be told what to receive");
    }

    /**
     * Changes which unfinished frames are received, out of those that the client said it takes when
     * the driver started ({@link dev.outboard.driver.Client#receiveOffloads}). Frames under way
     * come as before.
     *
     * @param offloads bits of {@link FrameOffload}
     * @throws IllegalArgumentException if one was not agreed on
     * @throws UnsupportedOperationException if the device cannot be told
     */
    default void receiveOffloads(int offloads) {
        throw new UnsupportedOperationException("this device keeps to what was agreed on");
    }

    /**
     * Gives the interface another MAC address.
     *
     * @param address 6 bytes of one station, not of a group
     * @throws UnsupportedOperationException if the device cannot be told
     */
    default void setMacAddress(byte[] address) {
        throw new UnsupportedOperationException("this device keeps the address that it has");
    }

    /** What the device has counted; from the queues' own counts where it counts nothing. */
    default NetworkStatistics statistics() {
        long received = 0;
        long sent = 0;
        for (int pair = 0; pair < queuePairs(); pair++) {
            received += receiveQueue(pair).frames();
            sent += transmitQueue(pair).frames();
        }
        return new NetworkStatistics(received, 0, sent, 0, 0, 0);
    }

    /** How many pairs of queues there are. */
    int queuePairs();

    /** The transmit queue of a pair; one thread owns it. */
    TransmitQueue transmitQueue(int pair);

    /** The receive queue of a pair; one thread owns it. */
    ReceiveQueue receiveQueue(int pair);
}
