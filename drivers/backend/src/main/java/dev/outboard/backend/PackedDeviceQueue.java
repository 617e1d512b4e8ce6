package dev.outboard.backend;

import static dev.outboard.virtio.PackedRingDescriptor.DESCRIPTOR_BYTES;
import static dev.outboard.virtio.PackedRingDescriptor.EVENT_BYTES;
import static dev.outboard.virtio.PackedRingDescriptor.EVENT_DESCRIPTOR;
import static dev.outboard.virtio.PackedRingDescriptor.EVENT_DISABLE;
import static dev.outboard.virtio.PackedRingDescriptor.EVENT_ENABLE;
import static dev.outboard.virtio.PackedRingDescriptor.FLAG_AVAILABLE;
import static dev.outboard.virtio.PackedRingDescriptor.FLAG_USED;
import static dev.outboard.virtio.PackedRingDescriptor.WRAP;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;

import dev.outboard.dma.BusMaster;
import dev.outboard.iommu.Access;
import dev.outboard.virtio.PackedRingDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.invoke.VarHandle;

/**
 * The device's side of a packed virtqueue (VIRTIO 1.2, section 2.8).
 *
 * <pre>
 *   ring   … used, used, │ completed, completed, │ available, available, …
 *                        published               next
 * </pre>
 *
 * <p>What is completed is kept aside until it is published, as a used descriptor overwrites the one
 * that the driver wrote: until then everything can be read, and done, again. The first used
 * descriptor of a burst is written last: the driver sees none of them, or all. With
 * VIRTIO_F_IN_ORDER buffers that the device only read are given back by one descriptor, which names
 * the last of them.
 */
final class PackedDeviceQueue extends DeviceQueue {
    private static final int SLOT_MASK = WRAP - 1;
    private static final int ID_SHIFT = 32;
    private static final int FLAGS_SHIFT = 48;
    private static final int HALF_BITS = 16;
    private static final int HALF_MASK = 0xffff;
    private static final long LENGTH_MASK = 0xffff_ffffL;

    /** A descriptor's second word: length, id and flags. Coordinates: memory, offset. */
    private static final VarHandle REST = VirtqueueDescriptor.U64.varHandle();

    /** An event suppression structure. Coordinates: memory, offset. */
    private static final VarHandle EVENT = VirtqueueDescriptor.U32.varHandle();

    private final RingWindow descriptors =
            new RingWindow(this, "descriptor ring", DESCRIPTOR_BYTES, Access.READ_WRITE);
    private final RingWindow driverEvent =
            new RingWindow(this, "driver's event suppression", EVENT_BYTES, Access.READ);
    private final RingWindow deviceEvent =
            new RingWindow(this, "device's event suppression", EVENT_BYTES, Access.WRITE);
    private final PackedChain chain = new PackedChain(this, descriptors);
    private final TakenChains taken = new TakenChains();
    private int entries;
    private boolean eventIndex;
    private boolean indirect;
    private boolean inOrder;

    /** Slot of the next chain, and the wrap counter above. */
    private int next;

    private int published;
    private boolean seen;
    private boolean notifyOff;

    // Completions that are not published: position, and the used descriptor's second word.
    private int[] completedAt = {};
    private long[] completedRest = {};
    private int completed;

    /** Descriptors of the ring that they take, with those of chains that are only taken. */
    private int pending;

    /** Of them, those of chains that are taken and not finished. */
    private int takenSlots;

    private boolean batchOpen;
    private final int[] markedNext = new int[MARKS];
    private final int[] markedCompleted = new int[MARKS];
    private final int[] markedPending = new int[MARKS];

    PackedDeviceQueue(String name) {
        super(name);
    }

    @Override
    public void start(
            BusMaster busMaster, int ringEntries, RingAddresses parts, int base, long features) {
        if (ringEntries < 1 || ringEntries > PackedRingDescriptor.MAXIMUM_ENTRIES) {
            throw new RingException(this, "entries=" + ringEntries + " is not 1 to 32768");
        }
        if ((base & SLOT_MASK) >= ringEntries) {
            throw new RingException(
                    this,
                    "base 0x%x begins at slot %d, outside the ring's %d entries"
                            .formatted(base, base & SLOT_MASK, ringEntries));
        }
        entries = ringEntries;
        eventIndex = (features & VirtioFeatures.RING_EVENT_IDX) != 0;
        indirect = (features & VirtioFeatures.RING_INDIRECT_DESC) != 0;
        inOrder = (features & VirtioFeatures.IN_ORDER) != 0;
        if (completedAt.length < ringEntries) {
            completedAt = new int[ringEntries];
            completedRest = new long[ringEntries];
        }
        // The lower half is where the driver's next is; what is used before that was in order.
        next = base & HALF_MASK;
        published = next;
        completed = 0;
        pending = 0;
        seen = false;
        batchOpen = false;
        notifyOff = false;
        taken.clear(ringEntries);
        takenSlots = 0;
        move(busMaster, parts);
    }

    @Override
    void place(BusMaster bus, RingAddresses parts) {
        chain.placeTables(bus, entries, indirect);
        descriptors.place(bus, parts.descriptors(), PackedRingDescriptor.ringBytes(entries));
        driverEvent.place(bus, parts.available(), EVENT_BYTES);
        deviceEvent.place(bus, parts.used(), EVENT_BYTES);
    }

    @Override
    void forget() {
        descriptors.forget();
        driverEvent.forget();
        deviceEvent.forget();
    }

    @Override
    public boolean hasNext() {
        return seen || look();
    }

    @Override
    public boolean look() {
        long at = descriptors.at((long) (next & SLOT_MASK) * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES);
        // Acquire: the rest of the chain is read after its first flags. Partner: the driver's
        // barrier before it writes them (section 2.8.21.1).
        long rest = (long) REST.getAcquire(descriptors.memory, at + 8);
        int flags = (int) (rest >>> FLAGS_SHIFT);
        int wanted = (next & WRAP) != 0 ? FLAG_AVAILABLE : FLAG_USED;
        seen = (flags & (FLAG_AVAILABLE | FLAG_USED)) == wanted;
        return seen;
    }

    @Override
    public void load() {
        driverEvent.at(0, EVENT_BYTES);
        chain.load(next & SLOT_MASK);
        if (pending + chain.slots() > entries) {
            throw new RingException(
                    this,
                    "%d descriptors are available, more than the ring's %d entries"
                            .formatted(pending + chain.slots(), entries));
        }
    }

    @Override
    public DescriptorChain chain() {
        return chain;
    }

    @Override
    public void complete(long writtenBytes) {
        give(chain.id(), next, chain.writableBytes() == 0, writtenBytes);
        pass();
    }

    @Override
    public void take() {
        taken.add(chain.id(), chain.slots(), next, chain.writableBytes() == 0);
        takenSlots += chain.slots();
        pass();
    }

    /** The loaded chain is not the next any more. */
    private void pass() {
        pending += chain.slots();
        next = after(next, chain.slots());
        seen = false;
    }

    @Override
    public int taken() {
        return taken.count();
    }

    @Override
    public void finish(long writtenBytes) {
        give(taken.id(), taken.position(), taken.isReadOnly(), writtenBytes);
        takenSlots -= taken.slots();
        taken.remove();
    }

    private void give(int id, int position, boolean isReadOnly, long writtenBytes) {
        boolean batchable = inOrder && isReadOnly;
        long rest = writtenBytes & LENGTH_MASK | (long) id << ID_SHIFT;
        if (batchable && batchOpen) {
            completedRest[completed - 1] = rest;
        } else {
            completedAt[completed] = position;
            completedRest[completed] = rest;
            completed++;
        }
        batchOpen = batchable;
    }

    private int after(int position, int slots) {
        int slot = (position & SLOT_MASK) + slots;
        int wrap = position & WRAP;
        return slot < entries ? slot | wrap : slot - entries | wrap ^ WRAP;
    }

    @Override
    public void mark(int level) {
        batchOpen = false;
        markedNext[level] = next;
        markedCompleted[level] = completed;
        markedPending[level] = pending;
    }

    @Override
    public void rewind(int level) {
        batchOpen = false;
        next = markedNext[level];
        completed = markedCompleted[level];
        pending = markedPending[level];
        seen = false;
    }

    @Override
    public boolean publish() {
        if (completed == 0) {
            return false;
        }
        // All that is needed is found before anything is shown.
        long wish = driverEvent.at(0, EVENT_BYTES);
        for (int i = completed - 1; i > 0; i--) {
            long at = reach(completedAt[i]);
            descriptors.memory.set(VirtqueueDescriptor.U64, at, used(i));
        }
        long at = reach(completedAt[0]);
        // Release: buffers and the other used descriptors before the first (section 2.8.6).
        // Partner: the driver's acquire of its flags.
        REST.setRelease(descriptors.memory, at, used(0));
        int before = published;
        published = taken.count() == 0 ? next : taken.position();
        completed = 0;
        pending = takenSlots;
        batchOpen = false;
        // Full fence: the flags are visible before the driver's wish is read (section 2.8.10).
        // Partner: the driver writes its wish, fences, and looks at the flags again.
        VarHandle.fullFence();
        return isInterruptWanted((int) EVENT.getOpaque(driverEvent.memory, wish), before);
    }

    private long reach(int position) {
        return 8 + descriptors.at((long) (position & SLOT_MASK) * DESCRIPTOR_BYTES, 16);
    }

    private long used(int completion) {
        boolean wrapped = (completedAt[completion] & WRAP) != 0;
        long flags = wrapped ? FLAG_AVAILABLE | FLAG_USED : 0;
        long rest = completedRest[completion];
        if ((rest & LENGTH_MASK) != 0) {
            flags |= FLAG_WRITE;
        }
        return rest | flags << FLAGS_SHIFT;
    }

    private boolean isInterruptWanted(int event, int before) {
        return switch (event >>> HALF_BITS & 3) {
            case EVENT_ENABLE -> true;
            case EVENT_DESCRIPTOR ->
                    !eventIndex
                            || PackedRingDescriptor.passedEvent(
                                    event & HALF_MASK, published, before, entries);
            default -> false;
        };
    }

    @Override
    public boolean askForDoorbell() {
        long at = deviceEvent.at(0, EVENT_BYTES);
        int wish = eventIndex ? next | EVENT_DESCRIPTOR << HALF_BITS : EVENT_ENABLE;
        EVENT.setOpaque(deviceEvent.memory, at, wish);
        notifyOff = false;
        // Full fence: the wish is visible before the flags are read (section 2.8.10). Partner:
        // the driver writes its flags, fences, and looks at the wish.
        VarHandle.fullFence();
        return look();
    }

    /** Also with event index: a position comes again, two rounds later. */
    @Override
    public void refuseDoorbell() {
        if (!notifyOff) {
            long at = deviceEvent.at(0, EVENT_BYTES);
            EVENT.setOpaque(deviceEvent.memory, at, EVENT_DISABLE << HALF_BITS);
            notifyOff = true;
        }
    }

    /** The same in both halves: the driver's next, and the device's. */
    @Override
    public int position() {
        return published | published << HALF_BITS;
    }

    @Override
    public int next() {
        return next;
    }

    @Override
    public boolean isUnpublished() {
        return completed != 0;
    }
}
