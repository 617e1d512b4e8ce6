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

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.QueueAddresses;
import dev.outboard.uio.InterruptLine;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The driver's side of a split virtqueue (VIRTIO 1.2, section 2.7).
 *
 * <pre>
 *   part, part … add ──► publish ──► doorbell          completed ──► take, take …
 * </pre>
 *
 * <p>One thread owns it, and with it the {@link InterruptLine} that masks its interrupt. After
 * construction nothing allocates. What the device could change is never believed: chains and tokens
 * are kept in Java arrays, and a used element that names anything else ends in a {@link
 * DeviceException}.
 */
public final class DriverQueue implements InterruptLine, AutoCloseable {
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Rings start on pages of their own: the sides never share a cache line that both write. */
    private static final int RING_ALIGNMENT_BYTES = 4096;

    private static final int INDEX_MASK = 0xffff;
    private static final int FREE = -1;

    private final String name;
    private final int entries;
    private final int slotMask;
    private final boolean eventIndex;
    private final int indirectParts;
    private final CoherentMemory memory;
    private final MemorySegment ring;
    private final long ringIova;
    private final long availableOffset;
    private final long usedOffset;
    private final long indirectOffset;

    // Shadow state that the device cannot reach, by head.
    private final int[] next;
    private final int[] tokens;
    private final int[] parts;
    private final int[] writableBytes;

    private final long[] partIova;
    private final int[] partLength;
    private final boolean[] partWritable;
    private int staged;

    private int freeHead;
    private int freeDescriptors;
    private int outstanding;
    private int availableIndex;
    private int publishedIndex;
    private int usedIndex;
    private int takenLength;
    private int wakeAfter = 1;

    /**
     * Takes memory for the rings.
     *
     * @param name for messages, as {@code nic0 receive 0}
     * @param entries a power of two
     * @param eventIndex whether VIRTIO_F_EVENT_IDX was accepted
     * @param maximumParts the most parts a chain has
     * @param indirect whether VIRTIO_F_INDIRECT_DESC was accepted; chains of several parts then
     *     take one descriptor
     */
    public DriverQueue(
            String name,
            Dma dma,
            int entries,
            boolean eventIndex,
            int maximumParts,
            boolean indirect) {
        if (Integer.bitCount(entries) != 1 || entries > VirtqueueDescriptor.MAXIMUM_ENTRIES) {
            throw new IllegalArgumentException(
                    "queue "
                            + name
                            + ": entries="
                            + entries
                            + " is not a power of two up to 32768");
        }
        this.name = name;
        this.entries = entries;
        this.slotMask = entries - 1;
        this.eventIndex = eventIndex;
        this.indirectParts = indirect && maximumParts > 1 ? maximumParts : 0;
        this.availableOffset = align(VirtqueueDescriptor.descriptorTableBytes(entries));
        this.usedOffset = align(availableOffset + VirtqueueDescriptor.availableRingBytes(entries));
        this.indirectOffset = align(usedOffset + VirtqueueDescriptor.usedRingBytes(entries));
        long tables = (long) entries * indirectParts * DESCRIPTOR_BYTES;
        this.memory = dma.allocateCoherent(indirectOffset + tables);
        this.ring = memory.memory();
        this.ringIova = memory.iova();
        this.next = new int[entries];
        this.tokens = new int[entries];
        this.parts = new int[entries];
        this.writableBytes = new int[entries];
        this.partIova = new long[maximumParts];
        this.partLength = new int[maximumParts];
        this.partWritable = new boolean[maximumParts];
        this.freeDescriptors = entries;
        Arrays.fill(tokens, FREE);
        for (int i = 0; i < entries; i++) {
            next[i] = i + 1;
        }
        mask();
    }

    private static long align(long offset) {
        return (offset + RING_ALIGNMENT_BYTES - 1) & -RING_ALIGNMENT_BYTES;
    }

    /** Where the device finds the rings. */
    public QueueAddresses addresses() {
        return new QueueAddresses(
                entries, ringIova, ringIova + availableOffset, ringIova + usedOffset);
    }

    /** How many single-part chains can be added now. */
    public int free() {
        return freeDescriptors;
    }

    /** Whether a chain of so many parts can be added now. */
    public boolean hasRoom(int partCount) {
        return freeDescriptors >= descriptorsFor(partCount);
    }

    /** How many of the {@link #free} descriptors a chain of so many parts takes. */
    public int descriptorsFor(int partCount) {
        return indirectParts > 0 && partCount > 1 ? 1 : partCount;
    }

    /** Chains that the device has, or that wait to be published. */
    public int outstanding() {
        return outstanding;
    }

    /**
     * Adds a chain of one part. There must be room.
     *
     * @param token 0 or more; given back by {@link #take}
     */
    public void add(long iova, int lengthBytes, boolean deviceWrites, int token) {
        int head = takeDescriptor();
        writeDescriptor(head * (long) DESCRIPTOR_BYTES, iova, lengthBytes, flag(deviceWrites), 0);
        enqueue(head, 1, deviceWrites ? lengthBytes : 0, token);
    }

    /** Stages a part of the next chain; parts that the device reads come first. */
    public void part(long iova, int lengthBytes, boolean deviceWrites) {
        partIova[staged] = iova;
        partLength[staged] = lengthBytes;
        partWritable[staged] = deviceWrites;
        staged++;
    }

    /** Adds the staged parts as one chain. There must be room. */
    public void add(int token) {
        int count = staged;
        staged = 0;
        int writable = 0;
        for (int i = 0; i < count; i++) {
            writable += partWritable[i] ? partLength[i] : 0;
        }
        if (descriptorsFor(count) < count) {
            enqueue(addIndirect(count), 1, writable, token);
        } else {
            enqueue(addChained(count), count, writable, token);
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
        writeDescriptor(
                head * (long) DESCRIPTOR_BYTES,
                ringIova + table,
                count * DESCRIPTOR_BYTES,
                FLAG_INDIRECT,
                0);
        return head;
    }

    private int addChained(int count) {
        int head = freeHead;
        for (int i = 0; i < count; i++) {
            int at = takeDescriptor();
            int more = i + 1 < count ? FLAG_NEXT : 0;
            // next[at] is the next free descriptor, which the loop takes next.
            writeDescriptor(
                    at * (long) DESCRIPTOR_BYTES,
                    partIova[i],
                    partLength[i],
                    flag(partWritable[i]) | more,
                    more == 0 ? 0 : next[at]);
        }
        return head;
    }

    private static int flag(boolean deviceWrites) {
        return deviceWrites ? FLAG_WRITE : 0;
    }

    private int takeDescriptor() {
        if (freeDescriptors == 0) {
            throw new IllegalStateException("queue " + name + " is full: entries=" + entries);
        }
        int taken = freeHead;
        freeHead = next[taken];
        freeDescriptors--;
        return taken;
    }

    private void writeDescriptor(long at, long iova, int lengthBytes, int flags, int nextIndex) {
        ring.set(LONG, at + ADDRESS_OFFSET, iova);
        long packed =
                Integer.toUnsignedLong(lengthBytes)
                        | ((long) flags << 32)
                        | ((long) nextIndex << 48);
        ring.set(LONG, at + LENGTH_OFFSET, packed);
    }

    private void enqueue(int head, int descriptors, int writable, int token) {
        if (token < 0) {
            throw new IllegalArgumentException("queue " + name + ": token=" + token);
        }
        tokens[head] = token;
        parts[head] = descriptors;
        writableBytes[head] = writable;
        long slot = (long) (availableIndex & slotMask) * AVAILABLE_ELEMENT_BYTES;
        ring.set(
                VirtqueueDescriptor.U16,
                availableOffset + RING_ELEMENTS_OFFSET + slot,
                (short) head);
        availableIndex++;
        outstanding++;
    }

    /**
     * Shows every added chain to the device.
     *
     * @return whether the device asked for a doorbell
     */
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

    /**
     * How many chains the device has finished and {@link #take} has not given back.
     *
     * @throws DeviceException where the device claims more than it was given
     */
    public int completed() {
        int count = visible();
        if (count > outstanding - (availableIndex - publishedIndex)) {
            throw broken(
                    "its used index moved by " + count + " with " + outstanding + " chains out");
        }
        return count;
    }

    /**
     * Takes back the oldest finished chain; {@link #completed} must have said that there is one.
     *
     * @return the token it was added with
     * @throws DeviceException where the device names a chain that it was not given, or claims to
     *     have written more than it could
     */
    public int take() {
        long slot = (long) (usedIndex & slotMask) * USED_ELEMENT_BYTES;
        long element = ring.get(LONG, usedOffset + RING_ELEMENTS_OFFSET + slot);
        int head = (int) element;
        int length = (int) (element >>> 32);
        if (head < 0 || head >= entries || tokens[head] == FREE) {
            throw broken("it returned chain " + Integer.toUnsignedString(head) + ", not in flight");
        }
        if (Integer.compareUnsigned(length, writableBytes[head]) > 0) {
            throw broken(
                    "it claims "
                            + Integer.toUnsignedString(length)
                            + " bytes written into "
                            + writableBytes[head]);
        }
        int token = tokens[head];
        tokens[head] = FREE;
        release(head);
        usedIndex++;
        outstanding--;
        takenLength = length;
        return token;
    }

    private void release(int head) {
        int last = head;
        for (int i = 1; i < parts[head]; i++) {
            last = next[last];
        }
        next[last] = freeHead;
        freeHead = head;
        freeDescriptors += parts[head];
    }

    /** How many bytes the device says it wrote into the chain that was taken last. */
    public int takenLength() {
        return takenLength;
    }

    private DeviceException broken(String what) {
        return new DeviceException("device broke the protocol on queue " + name + ": " + what);
    }

    /**
     * Sets how many finished chains make an interrupt, so that a sender is woken for a batch and
     * not for a frame. Never more are waited for than are out.
     */
    public void wakeAfter(int chains) {
        wakeAfter = chains;
    }

    private int threshold() {
        int published = outstanding - (availableIndex - publishedIndex);
        return Math.max(1, Math.min(wakeAfter, published));
    }

    @Override
    public boolean isPending() {
        return visible() >= threshold();
    }

    @Override
    public boolean unmask() {
        int wanted = threshold();
        if (eventIndex) {
            setUsedEvent(usedIndex + wanted - 1);
        } else {
            SHORT.setOpaque(ring, availableOffset + RING_FLAGS_OFFSET, (short) 0);
        }
        // Full fence: our wish before our look at the used index (section 2.7.7.1); partner is the
        // device's
        // fence between its index and its look at our wish.
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

    /** Gives the rings' memory back; the device must have been told to stop. Idempotent. */
    @Override
    public void close() {
        memory.close();
    }
}
