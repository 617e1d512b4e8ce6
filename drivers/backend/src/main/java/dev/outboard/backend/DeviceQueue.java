package dev.outboard.backend;

import static dev.outboard.virtio.VirtqueueDescriptor.AVAILABLE_ELEMENT_BYTES;
import static dev.outboard.virtio.VirtqueueDescriptor.AVAILABLE_NO_INTERRUPT;
import static dev.outboard.virtio.VirtqueueDescriptor.RING_ELEMENTS_OFFSET;
import static dev.outboard.virtio.VirtqueueDescriptor.RING_FLAGS_OFFSET;
import static dev.outboard.virtio.VirtqueueDescriptor.RING_INDEX_OFFSET;
import static dev.outboard.virtio.VirtqueueDescriptor.SHORT;
import static dev.outboard.virtio.VirtqueueDescriptor.U16;
import static dev.outboard.virtio.VirtqueueDescriptor.U32;
import static dev.outboard.virtio.VirtqueueDescriptor.USED_ELEMENT_BYTES;
import static dev.outboard.virtio.VirtqueueDescriptor.USED_NO_NOTIFY;

import dev.outboard.dma.BusMaster;
import dev.outboard.iommu.Access;
import dev.outboard.virtio.VirtioFeatures;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.invoke.VarHandle;

/**
 * The device's side of a split virtqueue (VIRTIO 1.2, section 2.7).
 *
 * <pre>
 *   begin ─► waiting ─► load ─► the chain's buffers ─► complete ─► … ─► publish ─► interrupt?
 * </pre>
 *
 * <p>A chain that is loaded and not completed is still the driver's next: to load it again later is
 * how a device leaves work where it is. Completions become visible together, by one release of the
 * used index.
 *
 * <p>All that the driver writes is hostile: each word is read once and checked as read. What breaks
 * the rules is a {@link RingException}. One thread, and only within a DMA section of the queue's
 * bus. Memory is taken by the constructor and {@link #start}; nothing else allocates, but for
 * exceptions.
 */
public final class DeviceQueue {
    private static final int SHORT_MASK = 0xffff;

    private final String name;
    private final AwaitedException awaited;
    private final DescriptorChain chain = new DescriptorChain(this);
    private final RingWindow available = new RingWindow(this, "available ring", 2, Access.READ);
    private final RingWindow used = new RingWindow(this, "used ring", 4, Access.WRITE);
    private BusMaster bus;
    private long generation;
    private int entries;
    private int mask;
    private boolean eventIndex;
    private boolean indirect;
    private int nextAvailable;
    private int seenAvailable;
    private int nextUsed;
    private int publishedUsed;
    private boolean notifyOff;

    /** A queue that is not started. The name begins the message of each error. */
    public DeviceQueue(String name) {
        this.name = name;
        awaited = new AwaitedException(this);
    }

    /**
     * Takes up work.
     *
     * @param busMaster how the device reaches the rings and buffers
     * @param ringEntries entries, a power of two
     * @param parts bus addresses of descriptor table, available ring and used ring
     * @param base the index to go on from, in both rings
     * @param features what was negotiated
     * @throws RingException when size or alignment is not as section 2.7 wants it
     */
    public void start(
            BusMaster busMaster, int ringEntries, RingAddresses parts, int base, long features) {
        if (ringEntries < 1
                || ringEntries > VirtqueueDescriptor.MAXIMUM_ENTRIES
                || Integer.bitCount(ringEntries) != 1) {
            throw new RingException(
                    this, "entries=" + ringEntries + " is not a power of two up to 32768");
        }
        entries = ringEntries;
        mask = ringEntries - 1;
        eventIndex = (features & VirtioFeatures.RING_EVENT_IDX) != 0;
        indirect = (features & VirtioFeatures.RING_INDIRECT_DESC) != 0;
        nextAvailable = base & SHORT_MASK;
        seenAvailable = nextAvailable;
        nextUsed = nextAvailable;
        publishedUsed = nextAvailable;
        notifyOff = false;
        move(busMaster, parts);
    }

    /**
     * Goes on elsewhere: the front-end gave another memory table.
     *
     * @throws RingException when an alignment is not as section 2.7 wants it
     */
    public void move(BusMaster busMaster, RingAddresses parts) {
        bus = busMaster;
        chain.place(bus, parts.descriptors(), entries, indirect);
        // Without event index the last two bytes are not there.
        int event = eventIndex ? 0 : 2;
        available.place(
                bus, parts.available(), VirtqueueDescriptor.availableRingBytes(entries) - event);
        used.place(bus, parts.used(), VirtqueueDescriptor.usedRingBytes(entries) - event);
    }

    /** A DMA section began: windows of another flush generation are void. */
    public void begin(long sectionGeneration) {
        if (sectionGeneration != generation) {
            generation = sectionGeneration;
            chain.forget();
            available.forget();
            used.forget();
        }
    }

    /** How many chains the driver has made available and the device has not completed. */
    public int waiting() {
        int known = seenAvailable - nextAvailable & SHORT_MASK;
        return known != 0 ? known : look();
    }

    /** As {@link #waiting}, with a fresh look at the driver's index. */
    public int look() {
        long at = available.at(RING_INDEX_OFFSET, 2);
        // Acquire: the heads and descriptors are read after the index. Partner: the driver's
        // barrier before it raises the index (section 2.7.13.3).
        int index = (short) SHORT.getAcquire(available.memory, at) & SHORT_MASK;
        int ahead = index - nextAvailable & SHORT_MASK;
        if (ahead > entries) {
            throw new RingException(
                    this,
                    "available index jumped from %d to %d, further than the ring's %d entries"
                            .formatted(nextAvailable, index, entries));
        }
        seenAvailable = index;
        return ahead;
    }

    /**
     * Reads and checks the next chain; there must be one {@link #waiting}. When this is back, what
     * completing it will need can be reached: work that was done is never lost for want of it.
     */
    public void load() {
        reachUsed();
        int slot = nextAvailable & mask;
        long at = available.at(RING_ELEMENTS_OFFSET + (long) slot * AVAILABLE_ELEMENT_BYTES, 2);
        chain.load(available.memory.get(U16, at) & SHORT_MASK);
    }

    private void reachUsed() {
        long offset = RING_ELEMENTS_OFFSET + (long) (nextUsed & mask) * USED_ELEMENT_BYTES;
        used.at(offset, 4);
        used.at(offset + 4, 4);
        used.at(RING_INDEX_OFFSET, 2);
        available.at(
                eventIndex ? VirtqueueDescriptor.usedEventOffset(entries) : RING_FLAGS_OFFSET, 2);
    }

    /**
     * After an access was refused.
     *
     * @throws AwaitedException when it was not, but has to wait for a translation
     */
    public void leaveIfAwaited() {
        if (bus.isAwaited()) {
            throw awaited;
        }
    }

    /** The loaded chain. */
    public DescriptorChain chain() {
        return chain;
    }

    /** Gives the loaded chain back, once; visible to the driver after {@link #publish}. */
    public void complete(long writtenBytes) {
        long offset = RING_ELEMENTS_OFFSET + (long) (nextUsed & mask) * USED_ELEMENT_BYTES;
        // Two stores, as an element need not lie in one page.
        long at = used.at(offset, 4);
        used.memory.set(U32, at, chain.head());
        at = used.at(offset + 4, 4);
        used.memory.set(U32, at, (int) writtenBytes);
        nextUsed = nextUsed + 1 & SHORT_MASK;
        nextAvailable = nextAvailable + 1 & SHORT_MASK;
    }

    /**
     * Shows the driver what was completed.
     *
     * @return whether the driver wants an interrupt for it
     */
    public boolean publish() {
        int before = publishedUsed;
        if (nextUsed == before) {
            return false;
        }
        long at = used.at(RING_INDEX_OFFSET, 2);
        // Release: elements and buffers before the index (section 2.7.8.2). Partner: the driver's
        // acquire of the used index.
        SHORT.setRelease(used.memory, at, (short) nextUsed);
        publishedUsed = nextUsed;
        // Full fence: the index is visible before the driver's wish is read (section 2.7.7.2).
        // Partner: the driver writes its wish, fences, and looks at the index again.
        VarHandle.fullFence();
        if (eventIndex) {
            at = available.at(VirtqueueDescriptor.usedEventOffset(entries), 2);
            int event = (short) SHORT.getOpaque(available.memory, at) & SHORT_MASK;
            return VirtqueueDescriptor.passedEvent(event, nextUsed, before);
        }
        at = available.at(RING_FLAGS_OFFSET, 2);
        return ((short) SHORT.getOpaque(available.memory, at) & AVAILABLE_NO_INTERRUPT) == 0;
    }

    /**
     * Asks the driver for its doorbell at the next chain, and looks again.
     *
     * @return true when there is work already: then do not sleep
     */
    public boolean askForDoorbell() {
        if (eventIndex) {
            long at = used.at(VirtqueueDescriptor.availableEventOffset(entries), 2);
            SHORT.setOpaque(used.memory, at, (short) nextAvailable);
        } else if (notifyOff) {
            long at = used.at(RING_FLAGS_OFFSET, 2);
            SHORT.setOpaque(used.memory, at, (short) 0);
            notifyOff = false;
        }
        // Full fence: the wish is visible before the index is read (section 2.7.10.1). Partner:
        // the driver raises its index, fences, and looks at the wish.
        VarHandle.fullFence();
        return look() != 0;
    }

    /**
     * Tells the driver that no doorbell is needed while the device is awake. With event index there
     * is nothing to tell: the event that has passed does not come again.
     */
    public void refuseDoorbell() {
        if (!eventIndex && !notifyOff) {
            long at = used.at(RING_FLAGS_OFFSET, 2);
            SHORT.setOpaque(used.memory, at, (short) USED_NO_NOTIFY);
            notifyOff = true;
        }
    }

    /** Where the queue would go on: the base of the next start. What was not shown is not done. */
    public int position() {
        return publishedUsed;
    }

    /** Whether completions wait for {@link #publish}. */
    public boolean isUnpublished() {
        return nextUsed != publishedUsed;
    }

    /** The bus that {@link #start} or {@link #move} gave. */
    public BusMaster bus() {
        return bus;
    }

    /** For people. */
    public String name() {
        return name;
    }
}
