package dev.outboard.frames;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.FrameWitness;
import dev.outboard.driver.net.SentListener;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.util.function.LongFunction;

/**
 * The transmit queue. A buffer is free, claimed by the client, committed, or with the device and
 * mapped; a frame of the client's own memory is posted, or with the device and mapped. One thread;
 * nothing allocates after construction.
 *
 * <pre>
 *   claim … commit ─┐
 *   transmit ───────┼─► committed ──► flush: one request to map, one doorbell ──► device
 *   post ───────────┘                                                               │
 *   onSent, claim ◄── free ◄── leaving: one request to unmap a batch ◄── reclaim ◄──┘
 * </pre>
 */
public final class FrameTransmitter implements TransmitQueue, AutoCloseable {
    /** Parts in a request to the mapping service, but for what the last frame has more. */
    private static final int BATCH = 64;

    /** A frame whose end nobody hears of. */
    private static final int UNHEARD = -1;

    /** Fronts of posted frames are so far apart. */
    private static final int FRONT_STRIDE_BYTES = 16;

    private final Dma dma;
    private final TransmitRing ring;
    private final FrameBuffers buffers;

    private final FrameChecks checks;

    /** Posted frames have the slots from here on: as many as there are buffers. */
    private final int firstPosted;

    /** What stands before each posted frame for the device; null where it wants nothing. */
    private final CoherentMemory fronts;

    private final FrameSlots slots;

    /** Of each slot; also what its front was written for last. */
    private final long[] offload;

    private final int[] freeBuffers;
    private int freeCount;
    private final int[] freePosts;
    private int freePostCount;

    /** By posted slot: what its listener hears. */
    private final int[] tokens;

    private SentListener listener = token -> {};

    /** Committed slots. */
    private final SlotQueue committed;

    private final int[] batchSlot = new int[BATCH];
    private final long[] batchPhysical;
    private final long[] batchIova;
    private final int[] batchBytes;

    /** Slots that the device is done with, while their unmapping is under way. */
    private final int[] leaving = new int[BATCH];

    private int leavingCount;
    private int leavingPosts;
    private long leavingTicket;

    private final Witness witness = new Witness();
    private long frames;
    private long bytes;

    /**
     * Every buffer free.
     *
     * @param ring closed by this
     * @param buffers borrowed: closed after this
     * @param offloads what the device can do to frames: capabilities of {@link FrameOffload}
     */
    public FrameTransmitter(Dma dma, TransmitRing ring, FrameBuffers buffers, int offloads) {
        this.dma = dma;
        this.ring = ring;
        this.buffers = buffers;
        checks = new FrameChecks(offloads, buffers.frameBytes(), ring.maximumParts());
        int count = buffers.count();
        firstPosted = count;
        fronts =
                buffers.frontBytes() == 0
                        ? null
                        : dma.allocateCoherent((long) count * FRONT_STRIDE_BYTES);
        slots = new FrameSlots(2 * count, ring.maximumParts());
        offload = new long[2 * count];
        tokens = new int[count];
        committed = new SlotQueue(2 * count);
        freeBuffers = FrameSlots.descending(count, 0);
        freePosts = FrameSlots.descending(count, firstPosted);
        freeCount = count;
        freePostCount = count;
        batchPhysical = new long[BATCH + ring.maximumParts()];
        batchIova = new long[batchPhysical.length];
        batchBytes = new int[batchPhysical.length];
    }

    /** Hands the ring to the device. */
    public void start() {
        ring.start();
    }

    @Override
    public int claim() {
        if (freeCount == 0) {
            reclaim();
            if (freeCount == 0) {
                return NONE;
            }
        }
        return freeBuffers[--freeCount];
    }

    @Override
    public MemorySegment memory() {
        return buffers.memory();
    }

    @Override
    public long offset(int buffer) {
        return buffers.frameOffset(buffer);
    }

    @Override
    public int capacityBytes() {
        return buffers.frameBytes();
    }

    @Override
    public void commit(int buffer, int lengthBytes) {
        commit(buffer, lengthBytes, FrameOffload.NONE);
    }

    @Override
    public void commit(int buffer, int lengthBytes, long wanted) {
        checks.requireLength(lengthBytes);
        prepare(buffer, lengthBytes, lengthBytes, wanted);
        committed.add(buffer);
    }

    /** What is of a frame in a buffer becomes the slot's first part. */
    private void prepare(int buffer, int inBufferBytes, int frameBytes, long wanted) {
        if (wanted != FrameOffload.NONE) {
            checks.requireOffload(inBufferBytes, wanted);
            ring.prepare(buffers.memory(), buffers.frameOffset(buffer), frameBytes, wanted);
        }
        if ((wanted | offload[buffer]) != FrameOffload.NONE) {
            ring.writeFront(buffers.memory(), buffers.headerOffset(buffer), wanted);
            offload[buffer] = wanted;
        }
        slots.set(
                buffer,
                buffers.headerPhysicalAddress(buffer),
                buffers.frontBytes() + inBufferBytes);
    }

    @Override
    public void abandon(int buffer) {
        freeBuffers[freeCount++] = buffer;
    }

    @Override
    public boolean transmit(ScatterGatherList frame) {
        return postList(frame, FrameOffload.NONE, UNHEARD);
    }

    @Override
    public boolean transmit(int buffer, int headersBytes, ScatterGatherList payload, long wanted) {
        checks.requireLength(headersBytes);
        int frameBytes = headersBytes + FrameChecks.lengthBytes(payload);
        checks.requireLength(frameBytes, wanted);
        prepare(buffer, headersBytes, frameBytes, wanted);
        if (!slots.append(buffer, payload, 0)) {
            throw checks.tooManyParts(payload);
        }
        committed.add(buffer);
        return true;
    }

    @Override
    public boolean post(long physicalAddress, int lengthBytes, long wanted, int token) {
        FrameChecks.requireToken(token);
        checkPosted(lengthBytes, wanted);
        int slot = takePost();
        if (slot == NONE) {
            return false;
        }
        slots.set(slot, physicalAddress, lengthBytes);
        enqueuePost(slot, wanted, token);
        return true;
    }

    @Override
    public boolean post(ScatterGatherList frame, long wanted, int token) {
        FrameChecks.requireToken(token);
        return postList(frame, wanted, token);
    }

    private boolean postList(ScatterGatherList frame, long wanted, int token) {
        int lengthBytes = FrameChecks.lengthBytes(frame);
        checkPosted(lengthBytes, wanted);
        int slot = takePost();
        if (slot == NONE) {
            return false;
        }
        // One part is left for what stands before the frame.
        if (!slots.set(slot, frame) || slots.parts(slot) == ring.maximumParts()) {
            freePosts[freePostCount++] = slot;
            throw checks.tooManyParts(frame);
        }
        enqueuePost(slot, wanted, token);
        return true;
    }

    private void checkPosted(int lengthBytes, long wanted) {
        checks.requireLength(lengthBytes, wanted);
        if (wanted != FrameOffload.NONE) {
            checks.requireOffload(lengthBytes, wanted);
            ring.checkPosted(lengthBytes, wanted);
        }
    }

    private int takePost() {
        if (freePostCount == 0) {
            reclaim();
            if (freePostCount == 0) {
                return NONE;
            }
        }
        return freePosts[--freePostCount];
    }

    private void enqueuePost(int slot, long wanted, int token) {
        if ((wanted | offload[slot]) != FrameOffload.NONE) {
            if (fronts != null) {
                ring.writeFront(fronts.memory(), frontOffset(slot), wanted);
            }
            offload[slot] = wanted;
        }
        tokens[slot - firstPosted] = token;
        committed.add(slot);
    }

    private long frontOffset(int slot) {
        return (long) (slot - firstPosted) * FRONT_STRIDE_BYTES;
    }

    @Override
    public void onSent(SentListener wanted) {
        listener = wanted;
    }

    @Override
    public int flush() {
        if (needsRoom()) {
            reclaim();
        }
        int sent = 0;
        int taken = takeBatch();
        while (taken > 0) {
            int mapped = mapBatch(taken);
            for (int i = 0; i < mapped; i++) {
                add(batchSlot[i]);
            }
            committed.remove(mapped);
            sent += mapped;
            taken = mapped < taken ? 0 : takeBatch();
        }
        if (sent > 0) {
            ring.publish();
        }
        return sent;
    }

    /**
     * Whether it is time to look what the device is done with: someone waits to hear of it, or less
     * than half is left. Before, there is nothing to gain, and every look takes the device the line
     * that it is about to write.
     */
    private boolean needsRoom() {
        int half = buffers.count() / 2;
        return freePostCount < buffers.count()
                || freeCount < half
                || ring.free() < Math.max(committed.count(), half);
    }

    /** Which committed frames fit into one request and into the ring. */
    private int takeBatch() {
        int room = ring.free();
        int parts = 0;
        int count = 0;
        int most = Math.min(committed.count(), BATCH);
        while (count < most && parts < BATCH) {
            int slot = committed.get(count);
            room -= places(slot);
            if (room < 0) {
                break;
            }
            parts += slots.parts(slot);
            batchSlot[count++] = slot;
        }
        return count;
    }

    private int places(int slot) {
        int parts = slots.parts(slot) + (hasFront(slot) ? 1 : 0);
        return parts == 1 ? 1 : ring.places(parts);
    }

    private boolean hasFront(int slot) {
        return slot >= firstPosted && fronts != null;
    }

    /** Maps all parts of the batch with one request; how many frames have all of theirs. */
    private int mapBatch(int count) {
        int wanted = 0;
        for (int i = 0; i < count; i++) {
            wanted = slots.request(batchSlot[i], batchPhysical, batchBytes, wanted);
        }
        int got = dma.mapAll(batchPhysical, batchBytes, batchIova, wanted, DmaDirection.TO_DEVICE);
        int used = 0;
        int mapped = 0;
        while (mapped < count && used + slots.parts(batchSlot[mapped]) <= got) {
            used = slots.mapped(batchSlot[mapped], batchIova, used);
            mapped++;
        }
        // Before the device has them: nobody sees an answer before its question.
        int front = buffers.frontBytes();
        witness.sent(slots, batchSlot, mapped, batchPhysical, batchBytes, firstPosted, front);
        if (used < got) {
            unmapRest(used, got);
        }
        return mapped;
    }

    /** A frame that found IOVAs for some of its parts only gives them back. */
    private void unmapRest(int from, int to) {
        System.arraycopy(batchIova, from, batchIova, 0, to - from);
        System.arraycopy(batchBytes, from, batchBytes, 0, to - from);
        dma.unmapAll(batchIova, batchBytes, to - from);
    }

    private void add(int slot) {
        int parts = slots.parts(slot);
        if (parts == 1 && !hasFront(slot)) {
            ring.add(slots.iova(slot), slots.lengthBytes(slot), slot, offload[slot]);
            return;
        }
        if (hasFront(slot)) {
            ring.part(fronts.iova() + frontOffset(slot), buffers.frontBytes());
        }
        for (int part = 0; part < parts; part++) {
            ring.part(slots.iova(slot, part), slots.lengthBytes(slot, part));
        }
        ring.add(slot, offload[slot]);
    }

    /**
     * Takes back what the device is done with, without waiting: a device that is just inside a DMA
     * section forgets a batch later, and its slots are free with the next call.
     */
    private void reclaim() {
        int available = ring.completed();
        while (hasNoneLeaving() && available > 0) {
            int count = 0;
            int parts = 0;
            while (count < available && count < BATCH && parts < BATCH) {
                int slot = ring.take();
                leaving[count++] = slot;
                parts += slots.parts(slot);
            }
            // Only now, when nothing that the device says can end the batch half done.
            int posts = 0;
            int mapped = 0;
            for (int i = 0; i < count; i++) {
                int slot = leaving[i];
                posts += slot < firstPosted ? 0 : 1;
                bytes += slots.totalBytes(slot) - (slot < firstPosted ? buffers.frontBytes() : 0);
                mapped = slots.unmap(slot, batchIova, batchBytes, mapped);
            }
            leavingTicket = dma.unmapAllLater(batchIova, batchBytes, mapped);
            leavingCount = count;
            leavingPosts = posts;
            frames += count;
            available -= count;
        }
    }

    private boolean hasNoneLeaving() {
        if (leavingCount > 0 && dma.isUnmapped(leavingTicket)) {
            freeLeaving();
        }
        return leavingCount == 0;
    }

    private void freeLeaving() {
        int count = leavingCount;
        leavingCount = 0;
        leavingPosts = 0;
        for (int i = 0; i < count; i++) {
            int slot = leaving[i];
            if (slot < firstPosted) {
                freeBuffers[freeCount++] = slot;
            } else {
                freePosts[freePostCount++] = slot;
                tell(tokens[slot - firstPosted]);
            }
        }
    }

    private void tell(int token) {
        if (token != UNHEARD) {
            listener.onSent(token);
        }
    }

    /** If a device is stuck, the slots stay out of use: it may still reach them. */
    private void awaitLeaving() {
        dma.awaitUnmapped(leavingTicket);
        freeLeaving();
    }

    @Override
    public boolean move(LongFunction<DmaMemory> allocator) {
        reclaim();
        if (!hasNoneLeaving() || freeCount < buffers.count() || !buffers.move(allocator)) {
            return false;
        }
        for (int buffer = 0; buffer < buffers.count(); buffer++) {
            buffers.moved(buffer);
            // Other memory has nothing before its frames yet.
            offload[buffer] = FrameOffload.NONE;
        }
        return true;
    }

    @Override
    public int pending() {
        reclaim();
        return committed.count() + ring.outstanding() + leavingPosts;
    }

    @Override
    public boolean await(long timeoutNanos) {
        if (leavingCount > 0) {
            // No interrupt tells of their end.
            awaitLeaving();
            return true;
        }
        return ring.await(timeoutNanos);
    }

    @Override
    public Descriptor descriptor() {
        return ring.descriptor();
    }

    @Override
    public boolean arm() {
        boolean hasWork = ring.arm();
        if (leavingCount > 0) {
            // No interrupt tells of their end.
            awaitLeaving();
            return true;
        }
        return hasWork;
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
    public long doorbells() {
        return ring.doorbells();
    }

    /** Stops the queue, then unmaps what the device still had; nobody hears of it. */
    @Override
    public void close() {
        ring.close();
        if (leavingCount > 0) {
            dma.awaitUnmapped(leavingTicket);
            leavingCount = 0;
        }
        for (int slot = 0; slot < 2 * firstPosted; slot++) {
            if (slots.isMapped(slot)) {
                dma.unmapAll(batchIova, batchBytes, slots.unmap(slot, batchIova, batchBytes, 0));
            }
        }
        if (fronts != null) {
            fronts.close();
        }
    }
}
