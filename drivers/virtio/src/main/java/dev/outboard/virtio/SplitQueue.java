package dev.outboard.virtio;

import static dev.outboard.virtio.VirtqueueDescriptor.ADDRESS_OFFSET;
import static dev.outboard.virtio.VirtqueueDescriptor.AVAILABLE_ELEMENT_BYTES;
import static dev.outboard.virtio.VirtqueueDescriptor.AVAILABLE_NO_INTERRUPT;
import static dev.outboard.virtio.VirtqueueDescriptor.DESCRIPTOR_BYTES;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_INDIRECT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;
import static dev.outboard.virtio.VirtqueueDescriptor.LENGTH_OFFSET;
import static dev.outboard.virtio.VirtqueueDescriptor.RING_ELEMENTS_OFFSET;
import static dev.outboard.virtio.VirtqueueDescriptor.RING_FLAGS_OFFSET;
import static dev.outboard.virtio.VirtqueueDescriptor.RING_INDEX_OFFSET;
import static dev.outboard.virtio.VirtqueueDescriptor.SHORT;
import static dev.outboard.virtio.VirtqueueDescriptor.USED_ELEMENT_BYTES;
import static dev.outboard.virtio.VirtqueueDescriptor.USED_NO_NOTIFY;

import dev.outboard.dma.Dma;
import dev.outboard.driver.QueueAddresses;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A split virtqueue (VIRTIO 1.2, section 2.7). The device returns chains by their first descriptor.
 *
 * <p>Descriptors are taken in the order in which they were given back, so that a device that
 * finishes in order finds them, and the available ring, in the order of memory; where it promised
 * to, that order is what the promise asks of the driver.
 */
final class SplitQueue extends DriverQueue {
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int INDEX_MASK = 0xffff;

    /** No head: what an element of the available ring holds that was never written. */
    private static final int NO_HEAD = -1;

    private final boolean eventIndex;
    private final boolean inOrder;
    private final long availableOffset;
    private final long usedOffset;

    /** Free descriptors, oldest first: a ring of as many places as there are descriptors. */
    private final int[] freeRing;

    private int freeRead;
    private int freeWrite;

    /** The descriptor that follows in a chain. */
    private final int[] next;

    /** What the available ring holds: it is written only where that changes. */
    private final int[] availableHeads;

    /** The available index of a chain, by its head: where in order it stands. */
    private final int[] sequence;

    /** What the descriptors say. */
    private final long[] writtenIova;

    private final long[] writtenPacked;

    private int availableIndex;
    private int publishedIndex;
    private int usedIndex;

    /** Chains that were seen finished and not taken. */
    private int seen;

    /** Of a batch that the device finished with one element: chains not taken yet. */
    private int batchLeft;

    private int batchLength;

    /** A queue that the device only reads from has nothing to read in its used elements. */
    private boolean readsElements;

    SplitQueue(String name, Dma dma, int entries, RingFormat format, int maximumParts) {
        super(name, dma, entries, format, maximumParts, ringsBytes(entries));
        this.eventIndex = format.eventIndex();
        this.inOrder = format.inOrder();
        this.readsElements = !inOrder;
        this.availableOffset = availableOffset(entries);
        this.usedOffset = usedOffset(entries);
        this.freeRing = new int[entries];
        this.next = new int[entries];
        this.availableHeads = new int[entries];
        this.writtenIova = new long[entries];
        this.writtenPacked = new long[entries];
        this.sequence = new int[entries];
        Arrays.setAll(freeRing, i -> i);
        Arrays.fill(availableHeads, NO_HEAD);
        mask();
    }

    private static long availableOffset(int entries) {
        return align(VirtqueueDescriptor.descriptorTableBytes(entries));
    }

    private static long usedOffset(int entries) {
        return align(availableOffset(entries) + VirtqueueDescriptor.availableRingBytes(entries));
    }

    private static long ringsBytes(int entries) {
        return usedOffset(entries) + VirtqueueDescriptor.usedRingBytes(entries);
    }

    @Override
    public QueueAddresses addresses() {
        return new QueueAddresses(
                entries, ringIova, ringIova + availableOffset, ringIova + usedOffset);
    }

    @Override
    public void add(long iova, int lengthBytes, boolean deviceWrites, int token) {
        long chain = stateOf(token, deviceWrites ? lengthBytes : 0);
        int head = takeDescriptor();
        describe(head, iova, lengthBytes, flag(deviceWrites), 0);
        enqueue(head, 1, chain);
    }

    @Override
    public void add(int token) {
        int count = staged;
        staged = 0;
        long chain = stateOf(token, stagedWritableBytes(count));
        if (descriptorsFor(count) < count) {
            enqueue(addIndirect(count), 1, chain);
        } else {
            enqueue(addChained(count), count, chain);
        }
    }

    private int addIndirect(int count) {
        int head = takeDescriptor();
        long table = indirectOffset + (long) head * indirectParts * DESCRIPTOR_BYTES;
        for (int i = 0; i < count; i++) {
            int more = i + 1 < count ? FLAG_NEXT : 0;
            writeDescriptor(
                    table + (long) i * DESCRIPTOR_BYTES,
                    partIova[i],
                    partLength[i],
                    flag(partWritable[i]) | more,
                    i + 1);
        }
        describe(head, ringIova + table, count * DESCRIPTOR_BYTES, FLAG_INDIRECT, 0);
        return head;
    }

    private int addChained(int count) {
        if (freeDescriptors < count) {
            throw full();
        }
        int head = takeDescriptor();
        int at = head;
        for (int i = 0; i < count; i++) {
            boolean more = i + 1 < count;
            int following = more ? takeDescriptor() : 0;
            describe(
                    at,
                    partIova[i],
                    partLength[i],
                    flag(partWritable[i]) | (more ? FLAG_NEXT : 0),
                    following);
            next[at] = following;
            at = following;
        }
        return head;
    }

    private static int flag(boolean deviceWrites) {
        return deviceWrites ? FLAG_WRITE : 0;
    }

    private int takeDescriptor() {
        if (freeDescriptors == 0) {
            throw full();
        }
        freeDescriptors--;
        return freeRing[freeRead++ & slotMask];
    }

    /**
     * Writes the descriptor of a ring's place, unless it says that already: the line that it is in
     * then stays with the device. What we wrote is known from our own copy.
     */
    private void describe(int place, long iova, int lengthBytes, int flags, int nextIndex) {
        long packed = packed(lengthBytes, flags, nextIndex);
        if (writtenIova[place] != iova || writtenPacked[place] != packed) {
            writtenIova[place] = iova;
            writtenPacked[place] = packed;
            long at = place * (long) DESCRIPTOR_BYTES;
            ring.set(LONG, at + ADDRESS_OFFSET, iova);
            ring.set(LONG, at + LENGTH_OFFSET, packed);
        }
    }

    private void writeDescriptor(long at, long iova, int lengthBytes, int flags, int nextIndex) {
        ring.set(LONG, at + ADDRESS_OFFSET, iova);
        ring.set(LONG, at + LENGTH_OFFSET, packed(lengthBytes, flags, nextIndex));
    }

    private static long packed(int lengthBytes, int flags, int nextIndex) {
        return Integer.toUnsignedLong(lengthBytes)
                | ((long) flags << 32)
                | ((long) nextIndex << 48);
    }

    private void enqueue(int head, int count, long chain) {
        state[head] = chain;
        descriptors[head] = count;
        int slot = availableIndex & slotMask;
        if (availableHeads[slot] != head) {
            availableHeads[slot] = head;
            ring.set(
                    VirtqueueDescriptor.U16,
                    availableOffset + RING_ELEMENTS_OFFSET + slot * (long) AVAILABLE_ELEMENT_BYTES,
                    (short) head);
        }
        if (inOrder) {
            sequence[head] = availableIndex;
            readsElements |= (int) chain != 0;
        }
        availableIndex++;
        outstanding++;
    }

    @Override
    public boolean publish() {
        int now = availableIndex;
        int before = publishedIndex;
        if (now == before) {
            return false;
        }
        // Release: descriptors and heads before the index; partner is the device's acquire of the
        // index.
        SHORT.setRelease(ring, availableOffset + RING_INDEX_OFFSET, (short) now);
        publishedIndex = now;
        // Full fence: our index before our look at the device's wish, or both sides miss each other
        // (section 2.7.13.4.1); partner is the device's fence between its wish and its look at the
        // index.
        VarHandle.fullFence();
        if (eventIndex) {
            long at = usedOffset + VirtqueueDescriptor.availableEventOffset(entries);
            int event = (short) SHORT.getOpaque(ring, at);
            return VirtqueueDescriptor.passedEvent(event, now, before);
        }
        int flags = (short) SHORT.getOpaque(ring, usedOffset + RING_FLAGS_OFFSET);
        return (flags & USED_NO_NOTIFY) == 0;
    }

    private int visible() {
        // Acquire: the index before the elements; partner is the device's release of the index.
        int index = (short) SHORT.getAcquire(ring, usedOffset + RING_INDEX_OFFSET);
        return (index - usedIndex) & INDEX_MASK;
    }

    private int published() {
        return outstanding - (availableIndex - publishedIndex);
    }

    @Override
    public int completed() {
        int count = visible();
        if (count > published()) {
            throw broken(
                    "its used index moved by " + count + " with " + outstanding + " chains out");
        }
        seen = count;
        return count;
    }

    @Override
    public int take() {
        if (inOrder) {
            return takeInOrder();
        }
        long element = element();
        int head = (int) element;
        int length = (int) (element >>> Integer.SIZE);
        if (head < 0 || head >= state.length || state[head] == FREE) {
            throw notInFlight(head);
        }
        long chain = state[head];
        if (Integer.compareUnsigned(length, (int) chain) > 0) {
            throw overwritten(length, chain);
        }
        int last = head;
        freeRing[freeWrite++ & slotMask] = head;
        for (int i = 1; i < descriptors[head]; i++) {
            last = next[last];
            freeRing[freeWrite++ & slotMask] = last;
        }
        return taken(head, chain, length);
    }

    private long element() {
        long slot = (long) (usedIndex & slotMask) * USED_ELEMENT_BYTES;
        return ring.get(LONG, usedOffset + RING_ELEMENTS_OFFSET + slot);
    }

    private int taken(int head, long chain, int length) {
        state[head] = FREE;
        freeDescriptors += descriptors[head];
        usedIndex++;
        seen--;
        outstanding--;
        takenLength = length;
        return (int) (chain >>> Integer.SIZE);
    }

    /** The oldest chain is the next: an element only tells how many go with it, and a length. */
    private int takeInOrder() {
        if (batchLeft == 0) {
            beginBatch();
        }
        batchLeft--;
        // In order, descriptors are given back as they were taken: the ring of them never changes.
        int head = freeWrite & slotMask;
        long chain = state[head];
        freeWrite += descriptors[head];
        return taken(head, chain, batchLeft == 0 ? batchLength : (int) chain);
    }

    private void beginBatch() {
        if (seen <= 0) {
            throw new IllegalStateException("nothing is finished: ask completed() first");
        }
        if (!readsElements) {
            batchLeft = seen;
            batchLength = 0;
            return;
        }
        long element = element();
        int last = (int) element;
        int length = (int) (element >>> Integer.SIZE);
        if (last < 0 || last >= state.length || state[last] == FREE) {
            throw notInFlight(last);
        }
        int count = ((sequence[last] - usedIndex) & INDEX_MASK) + 1;
        if (count > seen) {
            throw broken(
                    "it returned %d chains in one element, with %d finished"
                            .formatted(count, seen));
        }
        if (Integer.compareUnsigned(length, (int) state[last]) > 0) {
            throw overwritten(length, state[last]);
        }
        batchLeft = count;
        batchLength = length;
    }

    @Override
    public boolean isPending() {
        return visible() >= threshold(published());
    }

    @Override
    public boolean unmask() {
        int wanted = threshold(published());
        if (eventIndex) {
            setUsedEvent(usedIndex + wanted - 1);
        } else {
            SHORT.setOpaque(ring, availableOffset + RING_FLAGS_OFFSET, (short) 0);
        }
        // Full fence: our wish before our look at the used index (section 2.7.7.1); partner is the
        // device's fence between its index and its look at our wish.
        VarHandle.fullFence();
        return visible() >= wanted;
    }

    @Override
    public void mask() {
        if (eventIndex) {
            // An index just behind is not passed again before 65,535 more chains.
            setUsedEvent(usedIndex - 1);
        } else {
            SHORT.setOpaque(
                    ring, availableOffset + RING_FLAGS_OFFSET, (short) AVAILABLE_NO_INTERRUPT);
        }
    }

    private void setUsedEvent(int index) {
        long at = availableOffset + VirtqueueDescriptor.usedEventOffset(entries);
        SHORT.setOpaque(ring, at, (short) index);
    }
}
