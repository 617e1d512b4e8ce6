package dev.outboard.models;

import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.DmaCursor;
import dev.outboard.backend.PortDevice;
import dev.outboard.backend.PortSession;
import dev.outboard.backend.VhostPort;
import dev.outboard.backend.loop.Counters;
import dev.outboard.dma.AskedCounters;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;

/** One port of the switch: what it offers, the session behind it, and its counters. */
final class SwitchPort implements PortDevice {
    static final int SENT_FRAMES = 0;
    static final int SENT_BYTES = 1;
    static final int RECEIVED_FRAMES = 2;
    static final int RECEIVED_BYTES = 3;
    static final int NO_BUFFER = 4;
    static final int TOO_LONG = 5;
    static final int NOWHERE = 6;
    static final int MALFORMED = 7;
    static final int FAULTS = 8;
    static final int WAITS = 9;
    private static final int COUNTERS = 10;

    private static final int QUEUES = 2;
    private static final int RECEIVE = NetDescriptor.receiveQueue(0);
    private static final int TRANSMIT = NetDescriptor.transmitQueue(0);
    private static final long FEATURES =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.RING_PACKED
                    | VirtioFeatures.IN_ORDER
                    | VirtioFeatures.NET_MAC
                    | VirtioFeatures.NET_STATUS
                    | VirtioFeatures.NET_MTU;

    final int index;
    final Counters counters = new Counters(COUNTERS);
    final DmaCursor source = new DmaCursor();
    final DmaCursor target = new DmaCursor();

    /** Since when senders wait for buffers of this port; only while {@link #isStarved}. */
    long starvedNanos;

    private final byte[] config;
    private final MacTable learned;
    private volatile PortSession session;
    private boolean starved;
    private boolean blocked;

    /** Bits of ports that have the frame at hand, which is for all of them. */
    private long flooded;

    SwitchPort(int index, MacAddress mac, MacTable learned) {
        this.index = index;
        this.learned = learned;
        config = config(mac);
    }

    private static byte[] config(MacAddress mac) {
        var bytes = new byte[NetDescriptor.CONFIG_BYTES];
        System.arraycopy(mac.bytes(), 0, bytes, NetDescriptor.CONFIG_MAC_OFFSET, MacAddress.BYTES);
        bytes[NetDescriptor.CONFIG_STATUS_OFFSET] = NetDescriptor.STATUS_LINK_UP;
        bytes[NetDescriptor.CONFIG_PAIRS_OFFSET] = 1;
        bytes[NetDescriptor.CONFIG_MTU_OFFSET] = (byte) NetDescriptor.DEFAULT_MTU_BYTES;
        bytes[NetDescriptor.CONFIG_MTU_OFFSET + 1] =
                (byte) (NetDescriptor.DEFAULT_MTU_BYTES >>> Byte.SIZE);
        return bytes;
    }

    @Override
    public long features() {
        return FEATURES;
    }

    @Override
    public int queueCount() {
        return QUEUES;
    }

    @Override
    public int offeredQueueCount() {
        return 1;
    }

    @Override
    public byte[] config() {
        return config;
    }

    @Override
    public void opened(PortSession newSession) {
        session = newSession;
        starved = false;
        flooded = 0;
    }

    @Override
    public void closed(PortSession ended) {
        session = null;
        starved = false;
        learned.forget(index);
    }

    /** The driver's session, or null. */
    PortSession session() {
        return session;
    }

    /** Where frames for the driver go; its session is there. */
    DeviceQueue receive() {
        return session.vring(RECEIVE).queue();
    }

    /** Where frames of the driver come from; its session is there. */
    DeviceQueue transmit() {
        return session.vring(TRANSMIT).queue();
    }

    /** Whether a driver is there that wants frames. */
    boolean canReceive() {
        PortSession current = session;
        return current != null && current.failure() == null && current.vring(RECEIVE).isRunning();
    }

    /** Whether frames can be given now: {@link #canReceive}, and no translation is awaited. */
    boolean isReceiveReady() {
        return canReceive() && session.isReady(RECEIVE);
    }

    /** Whether a driver is there that may have frames which can be taken now. */
    boolean canTransmit() {
        PortSession current = session;
        return current != null && current.failure() == null && current.isReady(TRANSMIT);
    }

    /** Asks for the doorbell of its transmit ring; whether there are frames already. */
    boolean askForTransmitDoorbell() {
        return session.askForDoorbell(TRANSMIT);
    }

    /** Asks for the doorbell of its receive ring; whether there are buffers already. */
    boolean askForReceiveDoorbell() {
        return session.askForDoorbell(RECEIVE);
    }

    /** Whether another port has this port's frame at hand already. */
    boolean hasReached(SwitchPort other) {
        return (flooded & 1L << other.index) != 0;
    }

    /** Another port has this port's frame at hand, or shall not have it. */
    void reached(SwitchPort other) {
        flooded |= 1L << other.index;
    }

    /** The frame at hand is done. */
    void nextFrame() {
        flooded = 0;
    }

    /** Whether this driver's next frame waits for its receiver. */
    boolean isBlocked() {
        return blocked;
    }

    void block() {
        blocked = true;
    }

    void unblock() {
        blocked = false;
    }

    /** Whether senders wait, or have waited in vain, for this driver's buffers. */
    boolean isStarved() {
        return starved;
    }

    /** The driver has no buffers, and somebody wants them. */
    void starve(long nowNanos) {
        if (!starved) {
            starved = true;
            starvedNanos = nowNanos;
            counters.add(WAITS, 1);
        }
    }

    /** There are buffers again. */
    void feed() {
        starved = false;
    }

    /** What was counted. Any thread. */
    NicPortStatistics statistics(String name, VhostPort port) {
        return new NicPortStatistics(
                name,
                session != null,
                counters.get(SENT_FRAMES),
                counters.get(SENT_BYTES),
                counters.get(RECEIVED_FRAMES),
                counters.get(RECEIVED_BYTES),
                counters.get(NO_BUFFER),
                counters.get(TOO_LONG),
                counters.get(NOWHERE),
                counters.get(MALFORMED),
                counters.get(FAULTS),
                counters.get(WAITS),
                port == null ? 0 : port.disconnections(),
                port == null ? "" : port.lastReason(),
                port == null ? new AskedCounters().read() : port.asked());
    }
}
