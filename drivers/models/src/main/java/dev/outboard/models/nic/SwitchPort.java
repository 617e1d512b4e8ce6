package dev.outboard.models.nic;

import static dev.outboard.virtio.NetDescriptor.STATUS_ANNOUNCE;
import static dev.outboard.virtio.NetDescriptor.STATUS_LINK_UP;

import dev.outboard.backend.PortDevice;
import dev.outboard.backend.PortSession;
import dev.outboard.backend.loop.Counters;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;

/**
 * One port of the switch: what it offers, the session behind it, its queues and its counters. The
 * loop's thread, but for {@link #link}, {@link #isConnected} and the counters, which any may read.
 */
public final class SwitchPort implements PortDevice {
    public static final int SENT_FRAMES = 0;
    public static final int SENT_BYTES = 1;
    public static final int RECEIVED_FRAMES = 2;
    public static final int RECEIVED_BYTES = 3;
    public static final int NO_BUFFER = 4;
    public static final int TOO_LONG = 5;
    public static final int NOWHERE = 6;
    public static final int MALFORMED = 7;
    public static final int FAULTS = 8;
    public static final int WAITS = 9;
    public static final int FILTERED = 10;
    public static final int SUMMED = 11;
    public static final int CUT = 12;
    public static final int COMMANDS = 13;
    private static final int COUNTERS = 14;

    private static final long FEATURES =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.IN_ORDER
                    | VirtioFeatures.NET_MAC
                    | VirtioFeatures.NET_STATUS
                    | VirtioFeatures.NET_MTU
                    | VirtioFeatures.NET_CTRL_VQ
                    | VirtioFeatures.NET_CTRL_RX
                    | VirtioFeatures.NET_CTRL_RX_EXTRA
                    | VirtioFeatures.NET_CTRL_VLAN
                    | VirtioFeatures.NET_CTRL_MAC_ADDR
                    | VirtioFeatures.NET_GUEST_ANNOUNCE;

    /** What a driver may leave to the device, and have left to it. */
    private static final long OFFLOADS =
            VirtioFeatures.NET_CSUM
                    | VirtioFeatures.NET_HOST_TSO4
                    | VirtioFeatures.NET_HOST_TSO6
                    | VirtioFeatures.NET_HOST_ECN
                    | VirtioFeatures.NET_HOST_USO
                    | VirtioFeatures.NET_CTRL_GUEST_OFFLOADS;

    /** What a driver may take from the device; changed by the control queue. */
    static final long GUEST_OFFLOADS =
            VirtioFeatures.NET_GUEST_CSUM
                    | VirtioFeatures.NET_GUEST_TSO4
                    | VirtioFeatures.NET_GUEST_TSO6
                    | VirtioFeatures.NET_GUEST_ECN
                    | VirtioFeatures.NET_GUEST_USO4
                    | VirtioFeatures.NET_GUEST_USO6;

    public final Counters counters = new Counters(COUNTERS);

    final int index;
    final PortShape shape;
    final Sender[] senders;
    final Receiver[] receivers;
    final FlowTable flows = new FlowTable();
    final ReceiveFilter filter = new ReceiveFilter();
    final ControlQueue control = new ControlQueue(this);

    private final byte[] config = new byte[NetDescriptor.CONFIG_BYTES];
    private final MacTable learned;
    private volatile PortSession session;
    private volatile boolean linkWanted;

    /** The driver's address: what its frames have, if it keeps to it. */
    private long macBits;

    private long features;
    private long guestOffloads;
    private int activePairs = 1;

    /** A port that nobody is connected to. */
    public SwitchPort(int index, PortShape shape, MacTable learned) {
        this.index = index;
        this.shape = shape;
        this.learned = learned;
        linkWanted = shape.linkUp();
        senders = new Sender[shape.pairs()];
        receivers = new Receiver[shape.pairs()];
        for (int pair = 0; pair < shape.pairs(); pair++) {
            senders[pair] = new Sender(this, pair, NetDescriptor.transmitQueue(pair));
            receivers[pair] = new Receiver(this, NetDescriptor.receiveQueue(pair));
        }
        config[NetDescriptor.CONFIG_STATUS_OFFSET] = (byte) (linkWanted ? STATUS_LINK_UP : 0);
        putShort(NetDescriptor.CONFIG_PAIRS_OFFSET, shape.pairs());
        putShort(NetDescriptor.CONFIG_MTU_OFFSET, shape.mtuBytes());
        reset();
    }

    private void putShort(int offset, int value) {
        config[offset] = (byte) value;
        config[offset + 1] = (byte) (value >>> Byte.SIZE);
    }

    @Override
    public long features() {
        return FEATURES
                | (shape.packed() ? VirtioFeatures.RING_PACKED : 0)
                | (shape.mergeable() ? VirtioFeatures.NET_MRG_RXBUF : 0)
                | (shape.offloads() ? OFFLOADS | GUEST_OFFLOADS : 0)
                | (shape.pairs() > 1 ? VirtioFeatures.NET_MQ : 0);
    }

    @Override
    public int queueCount() {
        return 2 * shape.pairs() + 1;
    }

    @Override
    public int offeredQueueCount() {
        return shape.pairs();
    }

    @Override
    public byte[] config() {
        return config;
    }

    @Override
    public void opened(PortSession newSession) {
        reset();
        session = newSession;
    }

    @Override
    public void closed(PortSession ended) {
        session = null;
        reset();
        learned.forget(index);
    }

    /** As a driver finds it. */
    private void reset() {
        mac(shape.macBits());
        config[NetDescriptor.CONFIG_STATUS_OFFSET] &= ~STATUS_ANNOUNCE;
        features = 0;
        guestOffloads = 0;
        activePairs = 1;
        filter.reset();
        flows.forget();
        for (var sender : senders) {
            sender.reset();
        }
        for (var receiver : receivers) {
            receiver.feed();
        }
    }

    /** The driver's session, or null. */
    PortSession session() {
        return session;
    }

    /** Whether a driver is connected. */
    public boolean isConnected() {
        return session != null;
    }

    /** Whether a driver is there that keeps the rules so far. */
    boolean isServed() {
        PortSession current = session;
        return current != null && current.failure() == null;
    }

    /** Sees to what came from outside: features that were accepted, the cable. */
    void refresh() {
        if (session != null && session.acceptedFeatures() != features) {
            features = session.acceptedFeatures();
            guestOffloads = features & GUEST_OFFLOADS;
        }
        if (linkWanted != isLinkUp()) {
            changeLink();
        }
    }

    private void changeLink() {
        int status = linkWanted ? STATUS_LINK_UP : 0;
        if (linkWanted && (features & VirtioFeatures.NET_GUEST_ANNOUNCE) != 0) {
            // The cable may be in another socket by now: the driver says where it is.
            status |= STATUS_ANNOUNCE;
        }
        config[NetDescriptor.CONFIG_STATUS_OFFSET] = (byte) status;
        if (session != null) {
            session.configChanged();
        }
    }

    /** The driver has announced itself. */
    void announced() {
        config[NetDescriptor.CONFIG_STATUS_OFFSET] &= ~STATUS_ANNOUNCE;
    }

    /** Puts the cable in, or pulls it out, soon. Any thread. */
    public void link(boolean up) {
        linkWanted = up;
    }

    /** Whether the cable is in, as the driver is told. */
    boolean isLinkUp() {
        return (config[NetDescriptor.CONFIG_STATUS_OFFSET] & STATUS_LINK_UP) != 0;
    }

    /** What was negotiated. */
    long accepted() {
        return features;
    }

    /** Whether a received frame may span buffers. */
    boolean isMergeable() {
        return (features & VirtioFeatures.NET_MRG_RXBUF) != 0;
    }

    /** Whether the driver takes frames that need all of these. */
    boolean takes(long guestFeatures) {
        return (guestOffloads & guestFeatures) == guestFeatures;
    }

    /**
     * Changes what the driver takes.
     *
     * @return false when it never said that it could
     */
    boolean guestOffloads(long wanted) {
        if ((wanted & ~(features & GUEST_OFFLOADS)) != 0) {
            return false;
        }
        guestOffloads = wanted;
        return true;
    }

    long mac() {
        return macBits;
    }

    /** The driver's address is another from now on. */
    void mac(long bits) {
        macBits = bits;
        for (int i = 0; i < 6; i++) {
            config[NetDescriptor.CONFIG_MAC_OFFSET + i] = (byte) (bits >>> i * Byte.SIZE);
        }
    }

    /**
     * Uses so many pairs.
     *
     * @return false when there are not so many
     */
    boolean activePairs(int pairs) {
        if (pairs < 1 || pairs > usablePairs()) {
            return false;
        }
        activePairs = pairs;
        return true;
    }

    /** How many pairs the driver can use. */
    int usablePairs() {
        return (features & VirtioFeatures.NET_MQ) != 0 ? shape.pairs() : 1;
    }

    /** Which queue is the control queue, with what was negotiated (section 5.1.2). */
    int controlQueue() {
        return 2 * usablePairs();
    }

    /**
     * How many receive queues are used: as the control queue said, or, where the front-end keeps
     * that to itself, as many as are enabled.
     */
    private int receivingPairs() {
        if (session.vring(controlQueue()).isStarted()) {
            return activePairs;
        }
        int running = 0;
        while (running < usablePairs() && receivers[running].isRunning()) {
            running++;
        }
        return running;
    }

    /** Whether a driver is there that wants frames. */
    boolean canReceive() {
        return isServed() && isLinkUp() && receivers[0].isRunning();
    }

    /** Where a frame goes; {@link #canReceive}. */
    Receiver receiver(Frame frame) {
        int pairs = shape.pairs() == 1 ? 1 : receivingPairs();
        if (pairs <= 1) {
            return receivers[0];
        }
        long hash = frame.flowHash();
        int pair = flows.find(hash);
        if (pair < 0 || pair >= pairs) {
            pair = (int) ((hash >>> 33) % pairs);
        }
        return receivers[pair].isRunning() ? receivers[pair] : receivers[0];
    }

    /** A frame of this port's driver was sent on a pair. */
    void learnFlow(Frame frame, int pair) {
        if (shape.pairs() > 1 && usablePairs() > 1) {
            flows.learn(frame.flowHash(), pair);
        }
    }
}
