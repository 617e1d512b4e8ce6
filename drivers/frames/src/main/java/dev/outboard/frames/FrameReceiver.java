package dev.outboard.frames;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.FrameWitness;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.ReceivedFrameHandler;
import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.LongFunction;

/**
 * The receive queue: every buffer is with the device, mapped; or here, unmapped; or kept by the
 * client. One thread; nothing allocates after construction.
 *
 * <pre>
 *              head            settled            taken
 *   arrivals    │ unmapped: may │ unmapping under  │
 *               │ be shown      │ way              │
 * </pre>
 *
 * <p>A batch is unmapped with one request before any frame of it is shown, and mapped again with
 * one request after the last. While a batch is shown, the next one's unmapping is under way. A
 * frame in several buffers is shown when the last of them is unmapped.
 */
public final class FrameReceiver implements ReceiveQueue, AutoCloseable {
    private static final int BATCH = 64;

    /** Two addresses and a type: no frame is shorter. */
    private static final int HEADER_BYTES = 14;

    private final Dma dma;
    private final ReceiveRing ring;
    private final FrameBuffers buffers;
    private final ReceiveSlots slots;

    /** The longest frame, over however many buffers. */
    private final int frameBytes;

    /** Where a frame of several parts is put together for who wants it in one; null: none comes. */
    private final DmaMemory whole;

    private final long[] mappedIova;

    /** What came, in order: a ring of at least as many places as there are buffers. */
    private final int[] arrivedSlot;

    private final int[] arrivedBytes;
    private final int[] arrivedFacts;
    private final int arrivedMask;
    private int head;
    private int settled;
    private int taken;
    private long ticket = Dma.UNMAPPED;

    /**
     * Buffers of the frame at the head, where they have not all settled; 0 if that is not known.
     */
    private int awaitedBuffers;

    private final ReceivedParts frame;
    private final boolean[] kept;

    private final long[] batchIova = new long[BATCH];
    private final long[] batchPhysical = new long[BATCH];
    private final int[] batchBytes = new int[BATCH];

    /** Own buffers that are to be mapped: just shown, released, or without an IOVA until now. */
    private final int[] idle;

    private int idleCount;

    /** Whether the client supplies the buffers, and own ones stay idle. */
    private boolean isSupplied;

    /** Supplied slots that are to be mapped, in order: a ring of as many places as slots. */
    private final int[] supplied;

    private int suppliedHead;
    private int suppliedCount;
    private final Witness witness = new Witness();

    /** Who sees the frames of this batch; null for nobody. */
    private FrameWitness seenBy;

    private long frames;
    private long bytes;
    private long dropped;

    /** Every buffer here, unmapped; a frame lies in one. */
    public FrameReceiver(Dma dma, ReceiveRing ring, FrameBuffers buffers) {
        this(dma, ring, buffers, buffers.frameBytes());
    }

    /**
     * Every buffer here, unmapped.
     *
     * @param ring closed by this
     * @param buffers borrowed: closed after this
     * @param frameBytes the longest frame; where that is longer than a buffer it lies in several
     */
    public FrameReceiver(Dma dma, ReceiveRing ring, FrameBuffers buffers, int frameBytes) {
        this.dma = dma;
        this.ring = ring;
        this.buffers = buffers;
        this.frameBytes = frameBytes;
        slots = new ReceiveSlots(buffers);
        int count = slots.count();
        whole = ring.maximumBuffers() > 1 ? dma.allocate(frameBytes) : null;
        mappedIova = new long[count];
        int places = Integer.highestOneBit(2 * count - 1);
        arrivedMask = places - 1;
        arrivedSlot = new int[places];
        arrivedBytes = new int[places];
        arrivedFacts = new int[places];
        kept = new boolean[count];
        frame = new ReceivedParts(slots, kept);
        idle = new int[buffers.count()];
        supplied = new int[count];
        Arrays.fill(mappedIova, Dma.NO_IOVA);
        for (int i = 0; i < idle.length; i++) {
            idle[i] = idle.length - 1 - i;
        }
        idleCount = idle.length;
    }

    /** Hands the ring with its buffers to the device. */
    public void start() {
        refill();
        ring.start();
    }

    /** The device may begin: tells it of the buffers. */
    public void announce() {
        ring.publish();
    }

    @Override
    public int poll(FrameHandler handler, int limit) {
        return receive(handler, null, limit);
    }

    @Override
    public int pollFrames(ReceivedFrameHandler handler, int limit) {
        return receive(null, handler, limit);
    }

    private int receive(FrameHandler inOne, ReceivedFrameHandler inParts, int limit) {
        int shown = 0;
        seenBy = witness.get();
        boolean hasAdded = false;
        boolean more = limit > 0;
        while (more) {
            boolean hasSettled = settle();
            int count = show(inOne, inParts, limit - shown);
            shown += count;
            hasAdded |= refill();
            more = shown < limit && (hasSettled || count > 0);
        }
        if (hasAdded) {
            ring.publish();
        }
        return shown;
    }

    /** Lets what is unmapped be shown, and begins to unmap what came meanwhile. */
    private boolean settle() {
        if (taken == settled) {
            take();
        }
        if (taken == settled || !dma.isUnmapped(ticket)) {
            // What the device may still change comes with a later call.
            return false;
        }
        settled = taken;
        // Unmapped while the frames before it are handled.
        take();
        return true;
    }

    private void take() {
        int count = Math.min(ring.completed(), BATCH);
        if (count <= 0) {
            return;
        }
        for (int i = 0; i < count; i++) {
            int slot = ring.take();
            int at = taken + i & arrivedMask;
            arrivedSlot[at] = slot;
            arrivedBytes[at] = checked(slot, ring.takenLength());
            arrivedFacts[at] = ring.takenFacts();
            batchIova[i] = mappedIova[slot];
            batchBytes[i] = slots.lengthBytes(slot);
        }
        ticket = dma.unmapAllLater(batchIova, batchBytes, count);
        for (int i = 0; i < count; i++) {
            mappedIova[arrivedSlot[taken + i & arrivedMask]] = Dma.NO_IOVA;
        }
        taken += count;
    }

    private int checked(int slot, int lengthBytes) {
        if (lengthBytes > slots.lengthBytes(slot)) {
            int front = slots.frontBytes();
            throw new DeviceException(
                    "device sent a frame of %d bytes into a buffer for %d"
                            .formatted(lengthBytes - front, slots.lengthBytes(slot) - front));
        }
        return lengthBytes;
    }

    /** Shows frames that no device reaches any more. */
    private int show(FrameHandler inOne, ReceivedFrameHandler inParts, int limit) {
        int shown = 0;
        while (shown < limit && head != settled) {
            int at = head & arrivedMask;
            if (arrivedBytes[at] == ReceiveRing.DAMAGED) {
                dropped++;
                head++;
                frame.begin();
                leave(at, 1, false);
                shown++;
                continue;
            }
            int count = awaitedBuffers != 0 ? awaitedBuffers : open(arrivedSlot[at]);
            if (settled - head < count) {
                awaitedBuffers = count;
                break;
            }
            awaitedBuffers = 0;
            show(inOne, inParts, at, count);
            shown++;
        }
        return shown;
    }

    /** In how many buffers the frame lies whose first this is. */
    private int open(int slot) {
        int count = ring.open(slots.memory(slot), slots.frontOffset(slot));
        if (count < 1 || count > ring.maximumBuffers()) {
            throw new DeviceException(
                    "device sent a frame in %d buffers: 1 to %d are right"
                            .formatted(count, ring.maximumBuffers()));
        }
        return count;
    }

    private void show(FrameHandler inOne, ReceivedFrameHandler inParts, int first, int count) {
        int slot = arrivedSlot[first];
        int firstBytes = arrivedBytes[first] - slots.frontBytes();
        if (firstBytes < HEADER_BYTES) {
            throw new DeviceException(
                    "device sent a frame of %d bytes: shorter than its own header"
                            .formatted(Math.max(0, firstBytes)));
        }
        gather(slot, firstBytes, count);
        long offload =
                ring.openedOffload(
                        slots.memory(slot),
                        slots.frontOffset(slot) + slots.frontBytes(),
                        firstBytes,
                        frame.lengthBytes());
        frame.end(ring.openedFacts(arrivedFacts[first]), offload);
        head += count;
        boolean isShown = offload != ReceiveRing.NONSENSE && frame.lengthBytes() <= frameBytes;
        try {
            if (isShown) {
                frames++;
                bytes += frame.lengthBytes();
                hand(inOne, inParts);
            } else {
                dropped++;
            }
        } finally {
            leave(first, count, isShown);
        }
    }

    private void hand(FrameHandler inOne, ReceivedFrameHandler inParts) {
        if (seenBy != null) {
            seenBy.received(frame);
        }
        if (inOne == null) {
            inParts.onFrame(frame);
        } else if (frame.parts() == 1) {
            inOne.onFrame(frame.memory(0), frame.offset(0), frame.lengthBytes(), frame.facts());
        } else {
            frame.copyTo(whole.memory());
            inOne.onFrame(whole.memory(), 0, frame.lengthBytes(), frame.facts());
        }
    }

    private void gather(int slot, int firstBytes, int count) {
        frame.begin();
        frame.add(slot, firstBytes);
        for (int i = 1; i < count; i++) {
            int at = head + i & arrivedMask;
            if (arrivedBytes[at] <= 0) {
                throw new DeviceException("device sent a part of a frame of no bytes");
            }
            frame.add(arrivedSlot[at], arrivedBytes[at]);
        }
    }

    /**
     * Own buffers go back to the device, unless they are kept; supplied ones to their client,
     * unless it did not see them.
     */
    private void leave(int first, int count, boolean isShown) {
        // The first is the next to be used again: it is the likeliest to be in a cache.
        for (int i = count - 1; i >= 0; i--) {
            int slot = arrivedSlot[first + i & arrivedMask];
            if (!slots.isSupplied(slot)) {
                if (!frame.isKept()) {
                    idle[idleCount++] = slot;
                }
            } else if (isShown) {
                slots.giveBack(slot);
            } else {
                addSupplied(slot);
            }
        }
    }

    @Override
    public int buffers() {
        return buffers.count();
    }

    @Override
    public void release(int token) {
        if (token < 0 || token >= kept.length || !kept[token]) {
            throw new IllegalArgumentException("token=" + token + " was not kept");
        }
        kept[token] = false;
        idle[idleCount++] = token;
    }

    @Override
    public boolean isSuppliable() {
        return ring.isRestartable();
    }

    @Override
    public int frontBytes() {
        return slots.frontBytes();
    }

    @Override
    public boolean supply(
            MemorySegment memory, long offset, long physicalAddress, int lengthBytes, int token) {
        if (!ring.isRestartable()) {
            throw new UnsupportedOperationException("this device gives no buffers back");
        }
        if (lengthBytes < slots.frontBytes() + HEADER_BYTES || token < 0) {
            throw new IllegalArgumentException(
                    "lengthBytes=%d token=%d: a buffer for a frame is of %d bytes or more"
                            .formatted(lengthBytes, token, slots.frontBytes() + HEADER_BYTES));
        }
        isSupplied = true;
        if (!slots.hasRoom()) {
            return false;
        }
        addSupplied(slots.supply(memory, offset, physicalAddress, lengthBytes, token));
        return true;
    }

    private void addSupplied(int slot) {
        int at = suppliedHead + suppliedCount;
        supplied[at < supplied.length ? at : at - supplied.length] = slot;
        suppliedCount++;
    }

    @Override
    public void withdraw() {
        if (!isSupplied) {
            return;
        }
        ring.stop();
        unmapAll();
        // Under strategies that unmap lazily, too, no supplied buffer is reached any more.
        dma.flush();
        isSupplied = false;
        head = 0;
        settled = 0;
        taken = 0;
        awaitedBuffers = 0;
        suppliedCount = 0;
        slots.withdraw();
        idleCount = 0;
        for (int slot = 0; slot < idle.length; slot++) {
            if (!kept[slot]) {
                idle[idleCount++] = slot;
            }
        }
        refill();
        ring.restart();
        ring.publish();
    }

    private boolean hasIdle() {
        return isSupplied ? suppliedCount > 0 : idleCount > 0;
    }

    /** Gives the device what is idle; whether there was any. */
    private boolean refill() {
        boolean hasAdded = false;
        while (hasIdle() && ring.free() > 0) {
            int count =
                    Math.min(Math.min(isSupplied ? suppliedCount : idleCount, ring.free()), BATCH);
            for (int i = 0; i < count; i++) {
                int slot = nextIdle(i);
                slots.moved(slot);
                batchPhysical[i] = slots.physicalAddress(slot);
                batchBytes[i] = slots.lengthBytes(slot);
            }
            int mapped =
                    dma.mapAll(
                            batchPhysical, batchBytes, batchIova, count, DmaDirection.FROM_DEVICE);
            for (int i = 0; i < mapped; i++) {
                int slot = nextIdle(i);
                mappedIova[slot] = batchIova[i];
                ring.add(batchIova[i], batchBytes[i], slot);
            }
            taken(mapped);
            hasAdded |= mapped > 0;
            if (mapped < count) {
                break;
            }
        }
        return hasAdded;
    }

    /** The buffer that is to be mapped as so many others are; the last that came is the first. */
    private int nextIdle(int ahead) {
        if (!isSupplied) {
            return idle[idleCount - 1 - ahead];
        }
        int at = suppliedHead + ahead;
        return supplied[at < supplied.length ? at : at - supplied.length];
    }

    private void taken(int count) {
        if (isSupplied) {
            suppliedCount -= count;
            suppliedHead = (suppliedHead + count) % supplied.length;
        } else {
            idleCount -= count;
        }
    }

    @Override
    public boolean move(LongFunction<DmaMemory> allocator) {
        return buffers.move(allocator);
    }

    @Override
    public boolean await(long timeoutNanos) {
        return isHere() || ring.await(timeoutNanos);
    }

    /** Whether a frame can be shown without an interrupt; gives the device what is idle. */
    private boolean isHere() {
        if (taken != settled) {
            // They are here already: no interrupt tells of the end of their unmapping.
            dma.awaitUnmapped(ticket);
            return true;
        }
        if (refill()) {
            ring.publish();
        }
        return head != settled && settled - head >= awaitedBuffers;
    }

    @Override
    public Descriptor descriptor() {
        return ring.descriptor();
    }

    @Override
    public boolean arm() {
        boolean hasWork = ring.arm();
        return isHere() || hasWork;
    }

    @Override
    public void disarm() {
        ring.disarm();
    }

    @Override
    public void witness(FrameWitness wanted) {
        witness.set(wanted);
    }

    @Override
    public void wake() {
        ring.wake();
    }

    @Override
    public long frames() {
        return frames;
    }

    @Override
    public long bytes() {
        return bytes;
    }

    @Override
    public long dropped() {
        return dropped;
    }

    @Override
    public long interrupts() {
        return ring.interrupts();
    }

    /** Stops the queue, then unmaps what the device still had. */
    @Override
    public void close() {
        ring.close();
        unmapAll();
        if (whole != null) {
            whole.close();
        }
    }

    private void unmapAll() {
        if (taken != settled) {
            dma.awaitUnmapped(ticket);
        }
        for (int slot = 0; slot < mappedIova.length; slot++) {
            if (mappedIova[slot] != Dma.NO_IOVA) {
                dma.unmap(mappedIova[slot], slots.lengthBytes(slot));
                mappedIova[slot] = Dma.NO_IOVA;
            }
        }
    }
}
