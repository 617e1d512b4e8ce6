package dev.outboard.virtio;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.QueueAddresses;
import dev.outboard.uio.InterruptLine;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The driver's side of a virtqueue, split or packed (VIRTIO 1.2, sections 2.7 and 2.8).
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
public abstract sealed class DriverQueue implements InterruptLine, AutoCloseable
        permits SplitQueue, PackedQueue {
    /** Rings start on pages of their own: the sides never share a cache line that both write. */
    private static final int RING_ALIGNMENT_BYTES = 4096;

    /** The state of a chain that the device does not have; every token is 0 or more. */
    static final long FREE = -1;

    final int entries;
    final int slotMask;
    final RingFormat format;
    final MemorySegment ring;
    final long ringIova;

    /** The most parts of an indirect table; 0 where there are none. */
    final int indirectParts;

    /** The indirect tables, one for each entry. */
    final long indirectOffset;

    // Shadow state that the device cannot reach, by the number that the device returns.

    /** The token in the upper half, what the device may write in bytes in the lower. */
    final long[] state;

    final int[] descriptors;

    // The parts of the next chain.
    final long[] partIova;
    final int[] partLength;
    final boolean[] partWritable;
    int staged;

    int freeDescriptors;
    int outstanding;
    int takenLength;

    private final String name;
    private final CoherentMemory memory;
    private int wakeAfter = 1;

    /**
     * @param ringsBytes what the rings take, without indirect tables
     */
    DriverQueue(
            String name,
            Dma dma,
            int entries,
            RingFormat format,
            int maximumParts,
            long ringsBytes) {
        this.name = name;
        this.entries = entries;
        this.slotMask = entries - 1;
        this.format = format;
        this.indirectParts = format.indirect() && maximumParts > 1 ? maximumParts : 0;
        this.indirectOffset = align(ringsBytes);
        long tables = (long) entries * indirectParts * VirtqueueDescriptor.DESCRIPTOR_BYTES;
        this.memory = dma.allocateCoherent(indirectOffset + tables);
        this.ring = memory.memory();
        this.ringIova = memory.iova();
        this.state = new long[entries];
        this.descriptors = new int[entries];
        this.partIova = new long[maximumParts];
        this.partLength = new int[maximumParts];
        this.partWritable = new boolean[maximumParts];
        this.freeDescriptors = entries;
        Arrays.fill(state, FREE);
    }

    /**
     * Takes memory for the rings.
     *
     * @param name for messages, as {@code nic0 receive 0}
     * @param entries a power of two
     * @param format what was agreed with the device; with indirect tables a chain of several parts
     *     takes one descriptor
     * @param maximumParts the most parts a chain has
     */
    public static DriverQueue open(
            String name, Dma dma, int entries, RingFormat format, int maximumParts) {
        if (Integer.bitCount(entries) != 1 || entries > VirtqueueDescriptor.MAXIMUM_ENTRIES) {
            throw new IllegalArgumentException(
                    "queue "
                            + name
                            + ": entries="
                            + entries
                            + " is not a power of two up to 32768");
        }
        return format.packed()
                ? new PackedQueue(name, dma, entries, format, maximumParts)
                : new SplitQueue(name, dma, entries, format, maximumParts);
    }

    static long align(long offset) {
        return (offset + RING_ALIGNMENT_BYTES - 1) & -RING_ALIGNMENT_BYTES;
    }

    /** Where the device finds the rings. */
    public abstract QueueAddresses addresses();

    /** What was agreed with the device. */
    public final RingFormat format() {
        return format;
    }

    /** How many single-part chains can be added now. */
    public final int free() {
        return freeDescriptors;
    }

    /** Whether a chain of so many parts can be added now. */
    public final boolean hasRoom(int partCount) {
        return freeDescriptors >= descriptorsFor(partCount);
    }

    /** How many of the {@link #free} descriptors a chain of so many parts takes. */
    public final int descriptorsFor(int partCount) {
        return indirectParts > 0 && partCount > 1 ? 1 : partCount;
    }

    /** Chains that the device has, or that wait to be published. */
    public final int outstanding() {
        return outstanding;
    }

    /**
     * Adds a chain of one part. There must be room.
     *
     * @param token 0 or more; given back by {@link #take}
     */
    public abstract void add(long iova, int lengthBytes, boolean deviceWrites, int token);

    /** Stages a part of the next chain; parts that the device reads come first. */
    public final void part(long iova, int lengthBytes, boolean deviceWrites) {
        int at = staged;
        partIova[at] = iova;
        partLength[at] = lengthBytes;
        partWritable[at] = deviceWrites;
        staged = at + 1;
    }

    /** Adds the staged parts as one chain. There must be room. */
    public abstract void add(int token);

    /** What the device may write into the first parts staged. */
    final int stagedWritableBytes(int count) {
        int writable = 0;
        for (int i = 0; i < count; i++) {
            writable += partWritable[i] ? partLength[i] : 0;
        }
        return writable;
    }

    /** The state of a chain that the device is given. */
    final long stateOf(int token, int writableBytes) {
        if (token < 0) {
            throw refused(token);
        }
        return (long) token << Integer.SIZE | Integer.toUnsignedLong(writableBytes);
    }

    private IllegalArgumentException refused(int token) {
        return new IllegalArgumentException("queue " + name + ": token=" + token);
    }

    final IllegalStateException full() {
        return new IllegalStateException("queue " + name + " is full: entries=" + entries);
    }

    /**
     * Shows every added chain to the device, with one release for all of them.
     *
     * @return whether the device asked for a doorbell
     */
    public abstract boolean publish();

    /**
     * How many chains the device has surely finished and {@link #take} has not given back; more may
     * be seen when those were taken.
     *
     * @throws DeviceException where the device claims what cannot be
     */
    public abstract int completed();

    /**
     * Takes back the oldest finished chain; {@link #completed} must have said that there is one.
     *
     * @return the token it was added with
     * @throws DeviceException where the device names a chain that it was not given, or claims to
     *     have written more than it could
     */
    public abstract int take();

    /**
     * How many bytes the device says it wrote into the chain that was taken last. Of chains that
     * were finished together, in order, all but the last are full (section 2.7.10 of version 1.3).
     */
    public final int takenLength() {
        return takenLength;
    }

    final DeviceException notInFlight(int number) {
        return broken("it returned chain " + Integer.toUnsignedString(number) + ", not in flight");
    }

    final DeviceException overwritten(int lengthBytes, long chain) {
        return broken(
                "it claims "
                        + Integer.toUnsignedString(lengthBytes)
                        + " bytes written into "
                        + Integer.toUnsignedString((int) chain));
    }

    final DeviceException broken(String what) {
        return new DeviceException("device broke the protocol on queue " + name + ": " + what);
    }

    /**
     * Sets how many finished chains make an interrupt, so that a sender is woken for a batch and
     * not for a frame. Never more are waited for than are out.
     */
    public final void wakeAfter(int chains) {
        wakeAfter = chains;
    }

    /**
     * @param published chains that the device has
     */
    final int threshold(int published) {
        return Math.max(1, Math.min(wakeAfter, published));
    }

    /** Gives the rings' memory back; the device must have been told to stop. Idempotent. */
    @Override
    public final void close() {
        memory.close();
    }
}
