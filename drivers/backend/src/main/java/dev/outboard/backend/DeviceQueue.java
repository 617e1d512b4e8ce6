package dev.outboard.backend;

import dev.outboard.dma.BusMaster;
import dev.outboard.virtio.VirtioFeatures;

/**
 * The device's side of a virtqueue, split or packed.
 *
 * <pre>
 *   begin ─► hasNext ─► load ─► the chain's buffers ─► complete ─► … ─► publish ─► interrupt?
 * </pre>
 *
 * <p>A chain that is loaded and not completed is still the driver's next: to load it again later is
 * how a device leaves work where it is. Completions become visible together, by one release, and
 * until then {@link #rewind} takes them back: what spans several chains is done whole or not at
 * all. Chains are completed in the order in which they came, as VIRTIO_F_IN_ORDER promises.
 *
 * <p>All that the driver writes is hostile: each word is read once and checked as read. What breaks
 * the rules is a {@link RingException}. One thread, and only within a DMA section of the queue's
 * bus. Memory is taken by the constructor and {@link #start}; nothing else allocates, but for
 * exceptions.
 */
public abstract sealed class DeviceQueue permits SplitDeviceQueue, PackedDeviceQueue {
    /** How many marks there are. */
    public static final int MARKS = 2;

    private final String name;
    private final AwaitedException awaited;
    private BusMaster bus;
    private long generation;

    /** A queue that is not started. The name begins the message of each error. */
    DeviceQueue(String name) {
        this.name = name;
        awaited = new AwaitedException(this);
    }

    /** A queue of the format that was negotiated, not started. */
    public static DeviceQueue of(String name, long features) {
        return isPacked(features) ? new PackedDeviceQueue(name) : new SplitDeviceQueue(name);
    }

    /** Whether rings are packed. */
    public static boolean isPacked(long features) {
        return (features & VirtioFeatures.RING_PACKED) != 0;
    }

    /**
     * Takes up work.
     *
     * @param busMaster how the device reaches the rings and buffers
     * @param ringEntries entries: of a split ring, a power of two
     * @param parts bus addresses of the ring's parts
     * @param base where to go on, as {@link #position} told
     * @param features what was negotiated
     * @throws RingException when size or alignment is not as sections 2.7 and 2.8 want it
     */
    public abstract void start(
            BusMaster busMaster, int ringEntries, RingAddresses parts, int base, long features);

    /**
     * Goes on elsewhere: the front-end gave another memory table.
     *
     * @throws RingException when an alignment is not as sections 2.7 and 2.8 want it
     */
    public final void move(BusMaster busMaster, RingAddresses parts) {
        bus = busMaster;
        place(busMaster, parts);
    }

    /** Says where the parts are; nothing is touched yet. */
    abstract void place(BusMaster busMaster, RingAddresses parts);

    /** A DMA section began: windows of another flush generation are void. */
    public final void begin(long sectionGeneration) {
        if (sectionGeneration != generation) {
            generation = sectionGeneration;
            forget();
        }
    }

    /** Drops what was resolved. */
    abstract void forget();

    /** Whether the driver has made a chain available that the device has not completed. */
    public abstract boolean hasNext();

    /** As {@link #hasNext}, with a fresh look at what the driver wrote. */
    public abstract boolean look();

    /**
     * Reads and checks the next chain; {@link #hasNext} must have said that there is one. When this
     * is back, what completing it will need can be reached: work that was done is never lost for
     * want of it.
     */
    public abstract void load();

    /** The loaded chain. */
    public abstract DescriptorChain chain();

    /** Gives the loaded chain back, once; visible to the driver after {@link #publish}. */
    public abstract void complete(long writtenBytes);

    /**
     * Leaves the loaded chain with the device, for work that goes on while others are loaded:
     * {@link #finish} gives it back. Not between {@link #mark} and {@link #rewind}.
     */
    public abstract void take();

    /** How many chains are taken and not finished; while any is, none is {@link #complete}d. */
    public abstract int taken();

    /** Gives the oldest taken chain back; visible to the driver after {@link #publish}. */
    public abstract void finish(long writtenBytes);

    /**
     * From here on completions can be taken back.
     *
     * @param level one of {@link #MARKS} marks, each with its own {@link #rewind}
     */
    public abstract void mark(int level);

    /** Takes back what was completed since {@link #mark}; nothing was published in between. */
    public abstract void rewind(int level);

    /** The same, with the first of the marks. */
    public final void mark() {
        mark(0);
    }

    /** The same, with the first of the marks. */
    public final void rewind() {
        rewind(0);
    }

    /**
     * Shows the driver what was completed.
     *
     * @return whether the driver wants an interrupt for it
     */
    public abstract boolean publish();

    /**
     * Asks the driver for its doorbell at the next chain, and looks again.
     *
     * @return true when there is work already: then do not sleep
     */
    public abstract boolean askForDoorbell();

    /** Tells the driver that no doorbell is needed while the device is awake. */
    public abstract void refuseDoorbell();

    /** Where the queue would go on: the base of the next start. What was not shown is not done. */
    public abstract int position();

    /** Where the next chain is, or will be: it differs from before when chains were completed. */
    public abstract int next();

    /** Whether completions wait for {@link #publish}. */
    public abstract boolean isUnpublished();

    /**
     * After an access was refused.
     *
     * @throws AwaitedException when it was not, but has to wait for a translation
     */
    public final void leaveIfAwaited() {
        if (bus.isAwaited()) {
            throw awaited;
        }
    }

    /** The bus that {@link #start} or {@link #move} gave. */
    public final BusMaster bus() {
        return bus;
    }

    /** For people. */
    public final String name() {
        return name;
    }
}
