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
 * <p>With VIRTIO_F_IN_ORDER buffers that the device only read are given back in batches: one
 * element, at the batch's first place, names the last of them (section 2.7.9). Their written
 * lengths, of which only the last is told, are 0 all.
 */
final class SplitDeviceQueue extends DeviceQueue {
    private static final int SHORT_MASK = 0xffff;

    private static final int NO_BATCH = -1;

    private final SplitChain chain = new SplitChain(this);
    private final TakenChains taken = new TakenChains();
    private final RingWindow available = new RingWindow(this, "available ring", 2, Access.READ);
    private final RingWindow used = new RingWindow(this, "used ring", 4, Access.WRITE);
    private int entries;
    private int mask;
    private boolean eventIndex;
    private boolean indirect;
    private boolean inOrder;
    private int nextAvailable;
    private int seenAvailable;
    private int nextUsed;
    private int publishedUsed;
    private boolean notifyOff;

    /** The used index at which the open batch has its element, or {@link #NO_BATCH}. */
    private int batch = NO_BATCH;

    private final int[] markedAvailable = new int[MARKS];
    private final int[] markedUsed = new int[MARKS];

    SplitDeviceQueue(String name) {
        super(name);
    }

    @Override
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
        inOrder = (features & VirtioFeatures.IN_ORDER) != 0;
        nextAvailable = base & SHORT_MASK;
        seenAvailable = nextAvailable;
        nextUsed = nextAvailable;
        publishedUsed = nextAvailable;
        notifyOff = false;
        batch = NO_BATCH;
        taken.clear(ringEntries);
        move(busMaster, parts);
    }

    @Override
    void place(BusMaster bus, RingAddresses parts) {
        chain.place(bus, parts.descriptors(), entries, indirect);
        // Without event index the last two bytes are not there.
        int event = eventIndex ? 0 : 2;
        available.place(
                bus, parts.available(), VirtqueueDescriptor.availableRingBytes(entries) - event);
        used.place(bus, parts.used(), VirtqueueDescriptor.usedRingBytes(entries) - event);
    }

    @Override
    void forget() {
        chain.forget();
        available.forget();
        used.forget();
    }

    @Override
    public boolean hasNext() {
        return seenAvailable != nextAvailable || look();
    }

    @Override
    public boolean look() {
        long at = available.at(RING_INDEX_OFFSET, 2);
        // Acquire: the heads and descriptors are read after the index. Partner: the driver's
        // barrier before it raises the index (section 2.7.13.3).
        int index = (short) SHORT.getAcquire(available.memory, at) & SHORT_MASK;
        int ahead = index - nextAvailable & SHORT_MASK;
        if (ahead + taken.count() > entries) {
            throw new RingException(
                    this,
                    "available index jumped from %d to %d, further than the ring's %d entries"
                            .formatted(nextAvailable, index, entries));
        }
        seenAvailable = index;
        return ahead != 0;
    }

    @Override
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
        available.at(wishOffset(), 2);
    }

    @Override
    public DescriptorChain chain() {
        return chain;
    }

    @Override
    public void complete(long writtenBytes) {
        give(chain.id(), chain.writableBytes() == 0, writtenBytes);
        nextAvailable = nextAvailable + 1 & SHORT_MASK;
    }

    @Override
    public void take() {
        taken.add(chain.id(), 1, nextAvailable, chain.writableBytes() == 0);
        nextAvailable = nextAvailable + 1 & SHORT_MASK;
    }

    @Override
    public int taken() {
        return taken.count();
    }

    @Override
    public void finish(long writtenBytes) {
        give(taken.id(), taken.isReadOnly(), writtenBytes);
        taken.remove();
    }

    private void give(int id, boolean isReadOnly, long writtenBytes) {
        boolean batchable = inOrder && isReadOnly;
        if (!batchable) {
            batch = NO_BATCH;
        } else if (batch == NO_BATCH) {
            batch = nextUsed;
        }
        int element = batchable ? batch : nextUsed;
        long offset = RING_ELEMENTS_OFFSET + (long) (element & mask) * USED_ELEMENT_BYTES;
        // Two stores, as an element need not lie in one page.
        long at = used.at(offset, 4);
        used.memory.set(U32, at, id);
        at = used.at(offset + 4, 4);
        used.memory.set(U32, at, (int) writtenBytes);
        nextUsed = nextUsed + 1 & SHORT_MASK;
    }

    @Override
    public void mark(int level) {
        batch = NO_BATCH;
        markedAvailable[level] = nextAvailable;
        markedUsed[level] = nextUsed;
    }

    @Override
    public void rewind(int level) {
        batch = NO_BATCH;
        nextAvailable = markedAvailable[level];
        nextUsed = markedUsed[level];
    }

    @Override
    public boolean publish() {
        int before = publishedUsed;
        if (nextUsed == before) {
            return false;
        }
        // All that is needed is found before anything is shown.
        long wish = available.at(wishOffset(), 2);
        long at = used.at(RING_INDEX_OFFSET, 2);
        // Release: elements and buffers before the index (section 2.7.8.2). Partner: the driver's
        // acquire of the used index.
        SHORT.setRelease(used.memory, at, (short) nextUsed);
        publishedUsed = nextUsed;
        batch = NO_BATCH;
        // Full fence: the index is visible before the driver's wish is read (section 2.7.7.2).
        // Partner: the driver writes its wish, fences, and looks at the index again.
        VarHandle.fullFence();
        int wished = (short) SHORT.getOpaque(available.memory, wish) & SHORT_MASK;
        return eventIndex
                ? VirtqueueDescriptor.passedEvent(wished, nextUsed, before)
                : (wished & AVAILABLE_NO_INTERRUPT) == 0;
    }

    /** Where the driver says whether it wants an interrupt. */
    private long wishOffset() {
        return eventIndex ? VirtqueueDescriptor.usedEventOffset(entries) : RING_FLAGS_OFFSET;
    }

    @Override
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
        return look();
    }

    /** With event index there is nothing to tell: an event that has passed does not come again. */
    @Override
    public void refuseDoorbell() {
        if (!eventIndex && !notifyOff) {
            long at = used.at(RING_FLAGS_OFFSET, 2);
            SHORT.setOpaque(used.memory, at, (short) USED_NO_NOTIFY);
            notifyOff = true;
        }
    }

    @Override
    public int position() {
        return publishedUsed;
    }

    @Override
    public int next() {
        return nextAvailable;
    }

    @Override
    public boolean isUnpublished() {
        return nextUsed != publishedUsed;
    }
}
