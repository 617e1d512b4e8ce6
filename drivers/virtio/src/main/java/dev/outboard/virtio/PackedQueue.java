package dev.outboard.virtio;

import static dev.outboard.virtio.PackedRingDescriptor.ADDRESS_OFFSET;
import static dev.outboard.virtio.PackedRingDescriptor.DESCRIPTOR_BYTES;
import static dev.outboard.virtio.PackedRingDescriptor.EVENT;
import static dev.outboard.virtio.PackedRingDescriptor.EVENT_DESCRIPTOR;
import static dev.outboard.virtio.PackedRingDescriptor.EVENT_DISABLE;
import static dev.outboard.virtio.PackedRingDescriptor.EVENT_ENABLE;
import static dev.outboard.virtio.PackedRingDescriptor.EVENT_FLAGS_MASK;
import static dev.outboard.virtio.PackedRingDescriptor.EVENT_FLAGS_SHIFT;
import static dev.outboard.virtio.PackedRingDescriptor.FLAGS_SHIFT;
import static dev.outboard.virtio.PackedRingDescriptor.ID_SHIFT;
import static dev.outboard.virtio.PackedRingDescriptor.WORD;
import static dev.outboard.virtio.PackedRingDescriptor.WORD_OFFSET;
import static dev.outboard.virtio.PackedRingDescriptor.WRAP;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_INDIRECT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;

import dev.outboard.dma.Dma;
import dev.outboard.driver.QueueAddresses;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A packed virtqueue (VIRTIO 1.2, section 2.8): one ring of descriptors that both sides write. The
 * device returns chains by a number of the driver's, at the place of the oldest that it has not
 * returned.
 *
 * <pre>
 *   takenAt            usedAt              publishedAt          addedAt
 *   ──┬──────────────────┬────────────────────┬────────────────────┬──────────────► descriptors
 *     │ seen used, kept  │ with the device    │ written but for    │ free
 *     │ in Java arrays   │                    │ the first one's    │
 *     │                  │                    │ word, which is     │
 *     │                  │                    │ held back          │
 * </pre>
 *
 * <p>Positions count descriptors and never wrap: a position's low bits are its place, the next one
 * up is the wrap counter's opposite.
 */
final class PackedQueue extends DriverQueue {
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /**
     * How far is looked before what was seen is taken: not on and on, up to where the device is
     * writing, as each look there takes it the line.
     */
    private static final int MOST_SEEN = 32;

    private static final long LENGTH_MASK = 0xffff_ffffL;

    private final boolean eventIndex;
    private final boolean inOrder;
    private final int lapShift;
    private final long driverEventOffset;
    private final long deviceEventOffset;

    /** Free numbers of chains, oldest first; in order, a chain's number is its place. */
    private final int[] freeNumbers;

    private int freeRead;
    private int freeWrite;

    /** Seen used and not taken: the token and the length; and how many descriptors come free. */
    private final long[] seenState;

    private final int[] seenNumbers;
    private int seenRead;
    private int seenWrite;

    /** Whether there ever was a chain of several descriptors. */
    private boolean hasChains;

    private int addedAt;
    private int publishedAt;
    private int usedAt;
    private int takenAt;

    /** The word of the first descriptor that is not published. */
    private long heldWord;

    private int addedChains;
    private int publishedChains;

    /** Whether the device broke the protocol at {@link #usedAt}, and with what word. */
    private boolean isBroken;

    private long brokenWord;

    PackedQueue(String name, Dma dma, int entries, RingFormat format, int maximumParts) {
        super(name, dma, entries, format, maximumParts, ringsBytes(entries));
        this.eventIndex = format.eventIndex();
        this.inOrder = format.inOrder();
        this.lapShift = Integer.numberOfTrailingZeros(entries);
        this.driverEventOffset = driverEventOffset(entries);
        this.deviceEventOffset = deviceEventOffset(entries);
        this.freeNumbers = new int[entries];
        this.seenState = new long[entries];
        this.seenNumbers = new int[entries];
        Arrays.setAll(freeNumbers, i -> i);
        mask();
    }

    private static long driverEventOffset(int entries) {
        return align(PackedRingDescriptor.ringBytes(entries));
    }

    private static long deviceEventOffset(int entries) {
        return align(driverEventOffset(entries) + PackedRingDescriptor.EVENT_BYTES);
    }

    private static long ringsBytes(int entries) {
        return deviceEventOffset(entries) + PackedRingDescriptor.EVENT_BYTES;
    }

    @Override
    public QueueAddresses addresses() {
        return new QueueAddresses(
                entries, ringIova, ringIova + driverEventOffset, ringIova + deviceEventOffset);
    }

    @Override
    public void add(long iova, int lengthBytes, boolean deviceWrites, int token) {
        long chain = stateOf(token, deviceWrites ? lengthBytes : 0);
        int number = takeNumber(1);
        write(iova, lengthBytes, number, deviceWrites ? FLAG_WRITE : 0);
        enqueue(number, 1, chain);
    }

    @Override
    public void add(int token) {
        int count = staged;
        staged = 0;
        long chain = stateOf(token, stagedWritableBytes(count));
        int needed = descriptorsFor(count);
        int number = takeNumber(needed);
        if (needed < count) {
            writeIndirect(number, count);
        } else {
            writeChained(number, count);
        }
        enqueue(number, needed, chain);
    }

    private int takeNumber(int needed) {
        if (freeDescriptors < needed) {
            throw full();
        }
        freeDescriptors -= needed;
        return inOrder ? addedAt & slotMask : freeNumbers[freeRead++ & slotMask];
    }

    private void writeChained(int number, int count) {
        for (int i = 0; i < count; i++) {
            int more = i + 1 < count ? FLAG_NEXT : 0;
            write(partIova[i], partLength[i], number, (partWritable[i] ? FLAG_WRITE : 0) | more);
        }
    }

    private void writeIndirect(int number, int count) {
        long table = indirectOffset + (long) number * indirectParts * DESCRIPTOR_BYTES;
        for (int i = 0; i < count; i++) {
            long at = table + (long) i * DESCRIPTOR_BYTES;
            ring.set(LONG, at + ADDRESS_OFFSET, partIova[i]);
            ring.set(
                    LONG,
                    at + WORD_OFFSET,
                    word(partLength[i], 0, partWritable[i] ? FLAG_WRITE : 0));
        }
        write(ringIova + table, count * DESCRIPTOR_BYTES, number, FLAG_INDIRECT);
    }

    private static long word(int lengthBytes, int number, int flags) {
        return Integer.toUnsignedLong(lengthBytes)
                | (long) number << ID_SHIFT
                | (long) flags << FLAGS_SHIFT;
    }

    /** Writes the next descriptor, and holds back what would show it and all after it. */
    private void write(long iova, int lengthBytes, int number, int flags) {
        int at = addedAt++;
        long offset = (at & slotMask) * (long) DESCRIPTOR_BYTES;
        long word =
                word(
                        lengthBytes,
                        number,
                        flags | PackedRingDescriptor.availableFlags(at >>> lapShift));
        ring.set(LONG, offset + ADDRESS_OFFSET, iova);
        if (at == publishedAt) {
            heldWord = word;
        } else {
            ring.set(LONG, offset + WORD_OFFSET, word);
        }
    }

    private void enqueue(int number, int count, long chain) {
        state[number] = chain;
        if (descriptors[number] != count) {
            descriptors[number] = count;
            hasChains |= count > 1;
        }
        addedChains++;
        outstanding++;
    }

    @Override
    public boolean publish() {
        int now = addedAt;
        int before = publishedAt;
        if (now == before) {
            return false;
        }
        // Release: every other word before the first one, where the device stops until it is there;
        // partner is the device's acquire of the flags.
        WORD.setRelease(
                ring, (before & slotMask) * (long) DESCRIPTOR_BYTES + WORD_OFFSET, heldWord);
        publishedAt = now;
        publishedChains = addedChains;
        // Full fence: our descriptors before our look at the device's wish, or both sides miss each
        // other (section 2.8.21.3.1); partner is the device's fence between its wish and its look
        // at the descriptors.
        VarHandle.fullFence();
        int event = (int) EVENT.getOpaque(ring, deviceEventOffset);
        int wish = event >>> EVENT_FLAGS_SHIFT & EVENT_FLAGS_MASK;
        return eventIndex && wish == EVENT_DESCRIPTOR
                ? passed(event, now, before)
                : wish != EVENT_DISABLE;
    }

    /** Whether the descriptor that the device named is among the new ones. */
    private boolean passed(int event, int now, int before) {
        int lap = (event & WRAP) != 0 ? 0 : entries;
        int twoLaps = 2 * entries - 1;
        return (((event & (WRAP - 1)) + lap - before) & twoLaps) < now - before;
    }

    /**
     * Looks on until a descriptor is not used, and keeps what was read of those that are.
     *
     * @param most how many are kept until they are taken
     */
    private void look(int most) {
        int from = seenWrite;
        int write = from;
        int at = usedAt;
        while (write != publishedChains && write - seenRead < most && !isBroken) {
            // Flags, number and length are one word: they are read together, or not at all.
            long word =
                    (long)
                            WORD.getOpaque(
                                    ring, (at & slotMask) * (long) DESCRIPTOR_BYTES + WORD_OFFSET);
            if (!PackedRingDescriptor.isUsed((int) (word >>> FLAGS_SHIFT), at >>> lapShift)) {
                break;
            }
            see(word);
            at = usedAt;
            write = seenWrite;
        }
        if (write != from) {
            // Acquire: the flags before what the device wrote into the buffers; partner is the
            // device's release of the flags.
            VarHandle.acquireFence();
        }
    }

    private void see(long word) {
        int number = (int) (word >>> ID_SHIFT) & 0xffff;
        long chain = number < state.length ? state[number] : FREE;
        int writable = (int) chain;
        // Where the device could write nothing the length means nothing, and may be anything.
        int written = writable == 0 ? 0 : (int) word;
        if (chain == FREE
                || Integer.compareUnsigned(written, writable) > 0
                || inOrder && !isPublished(number)) {
            isBroken = true;
            brokenWord = word;
            return;
        }
        if (inOrder) {
            seeEarlier(number);
        }
        see(number, chain ^ (writable ^ written) & LENGTH_MASK);
    }

    /** In order, a chain's number is its first descriptor's place, which tells its age. */
    private boolean isPublished(int number) {
        return ((number - usedAt) & slotMask) < publishedAt - usedAt;
    }

    /** Chains that the device finished together with a later one: full, without a word of it. */
    private void seeEarlier(int number) {
        for (int oldest = usedAt & slotMask; oldest != number; oldest = usedAt & slotMask) {
            see(oldest, state[oldest]);
        }
    }

    private void see(int number, long chain) {
        int at = seenWrite++ & slotMask;
        seenState[at] = chain;
        seenNumbers[at] = number;
        state[number] = FREE;
        usedAt += descriptorsOf(number);
    }

    /**
     * Of a chain. Where none has several the next place does not hang on what was read of this one,
     * and the processor goes on to it before that has come from the device's cache.
     */
    private int descriptorsOf(int number) {
        return hasChains ? descriptors[number] : 1;
    }

    @Override
    public int completed() {
        look(MOST_SEEN);
        int count = seenWrite - seenRead;
        if (isBroken && count == 0) {
            throw broken();
        }
        return count;
    }

    private RuntimeException broken() {
        int number = (int) (brokenWord >>> ID_SHIFT) & 0xffff;
        boolean isInFlight =
                number < state.length && state[number] != FREE && (!inOrder || isPublished(number));
        return isInFlight ? overwritten((int) brokenWord, state[number]) : notInFlight(number);
    }

    @Override
    public int take() {
        if (seenRead == seenWrite) {
            throw new IllegalStateException("nothing is finished: ask completed() first");
        }
        int at = seenRead++ & slotMask;
        long chain = seenState[at];
        int number = seenNumbers[at];
        int count = descriptorsOf(number);
        if (!inOrder) {
            freeNumbers[freeWrite++ & slotMask] = number;
        }
        takenAt += count;
        freeDescriptors += count;
        outstanding--;
        takenLength = (int) chain;
        return (int) (chain >>> Integer.SIZE);
    }

    /**
     * Descriptors, not chains: what the device passes is a descriptor. Chains of several end a wait
     * early, and none ends it late.
     */
    private int wanted() {
        return threshold(publishedChains - seenRead);
    }

    private boolean isPending(int wanted) {
        look(entries);
        return usedAt - takenAt >= wanted || isBroken;
    }

    @Override
    public boolean isPending() {
        return isPending(wanted());
    }

    @Override
    public boolean unmask() {
        int wanted = wanted();
        setDriverEvent(
                eventIndex ? eventAt(takenAt + wanted - 1) : EVENT_ENABLE << EVENT_FLAGS_SHIFT);
        // Full fence: our wish before our look at the descriptors (section 2.8.21.2.1); partner is
        // the device's fence between its descriptors and its look at our wish.
        VarHandle.fullFence();
        return isPending(wanted);
    }

    private int eventAt(int position) {
        int wrap = (position >>> lapShift & 1) == 0 ? WRAP : 0;
        return EVENT_DESCRIPTOR << EVENT_FLAGS_SHIFT | wrap | position & slotMask;
    }

    @Override
    public void mask() {
        setDriverEvent(EVENT_DISABLE << EVENT_FLAGS_SHIFT);
    }

    private void setDriverEvent(int event) {
        EVENT.setOpaque(ring, driverEventOffset, event);
    }
}
