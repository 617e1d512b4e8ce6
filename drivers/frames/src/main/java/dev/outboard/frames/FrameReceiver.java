package dev.outboard.frames;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.FrameOffload;
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
 * <p>A batch is unmapped with one request before any frame of it is shown, and mapped again with
 * one request after the last. While a batch is shown, the next one's unmapping is under way. A
 * frame in several buffers is shown when the last of them is unmapped.
 */
public final class FrameReceiver implements ReceiveQueue, AutoCloseable {
    private static final int BATCH = 64;

    private final Dma dma;
    private final ReceiveRing ring;
    private final FrameBuffers buffers;
    private final ReceiveSlots slots;

    /** The longest frame, over however many buffers. */
    private final int frameBytes;

    /** Where a frame of several parts is put together for who wants it in one; null: none comes. */
    private final DmaMemory whole;

    private final long[] mappedIova;

    private final Arrivals arrivals;
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

    /**
     * Own buffers that are to be mapped: shown, released, or without an IOVA until now. In order: a
     * ring that has every buffer in turn sees each at the same place again, and need not write anew
     * where it is.
     */
    private final SlotQueue idle;

    /** Whether the client supplies the buffers, and own ones stay idle. */
    private boolean isSupplied;

    /** Supplied slots that are to be mapped. */
    private final SlotQueue supplied;

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
        arrivals = new Arrivals(count);
        ring.reserve(arrivals.places());
        kept = new boolean[count];
        frame = new ReceivedParts(slots, kept);
        idle = new SlotQueue(buffers.count());
        supplied = new SlotQueue(count);
        Arrays.fill(mappedIova, Dma.NO_IOVA);
        for (int slot = 0; slot < buffers.count(); slot++) {
            idle.add(slot);
        }
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
            int count =
                    inOne != null && seenBy == null
                            ? showPlain(inOne, limit - shown)
                            : show(inOne, inParts, limit - shown);
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
        if (arrivals.isAllSettled()) {
            take();
        }
        if (arrivals.isAllSettled() || !dma.isUnmapped(ticket)) {
            // What the device may still change comes with a later call.
            return false;
        }
        readFronts();
        arrivals.settle();
        // Unmapped while the frames before it are handled.
        take();
        return true;
    }

    /**
     * Of the whole batch at once: the lines come from the device's cache, and loads that do not
     * wait for each other come together.
     */
    private void readFronts() {
        int end = arrivals.taken();
        for (int at = arrivals.settled(); at != end; at++) {
            int slot = arrivals.slot(at);
            int facts =
                    ring.readFront(
                            arrivals.place(at),
                            arrivals.facts(at),
                            slots.memory(slot),
                            slots.frontOffset(slot));
            arrivals.learn(at, facts);
        }
    }

    private void take() {
        int count = Math.min(ring.completed(), BATCH);
        if (count <= 0) {
            return;
        }
        int first = arrivals.taken();
        for (int i = 0; i < count; i++) {
            int slot = ring.take();
            arrivals.put(first + i, slot, checked(slot, ring.takenLength()), ring.takenFacts());
            batchIova[i] = mappedIova[slot];
            batchBytes[i] = slots.lengthBytes(slot);
        }
        ticket = dma.unmapAllLater(batchIova, batchBytes, count);
        // Only now: what the device says may end the batch half done.
        for (int at = first; at != first + count; at++) {
            mappedIova[arrivals.slot(at)] = Dma.NO_IOVA;
        }
        arrivals.take(count);
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

    /**
     * Shows frames that no device reaches any more; those in one buffer of our own with nothing
     * left to be done, as most are, without what the others need. Nobody else sees them.
     */
    private int showPlain(FrameHandler handler, int limit) {
        int first = arrivals.head();
        int most = Math.min(limit, arrivals.showable());
        int front = slots.frontBytes();
        long sum = 0;
        int shown = 0;
        try {
            while (shown < most && awaitedBuffers == 0) {
                int at = first + shown;
                int lengthBytes = arrivals.lengthBytes(at) - front;
                int slot = arrivals.slot(at);
                int facts = arrivals.facts(at);
                if (facts == ReceiveRing.NOT_PLAIN
                        || lengthBytes < FrameChecks.HEADER_BYTES
                        || slots.isSupplied(slot)) {
                    break;
                }
                shown++;
                sum += lengthBytes;
                handler.onFrame(
                        slots.memory(slot), slots.frontOffset(slot) + front, lengthBytes, facts);
            }
        } finally {
            frames += shown;
            bytes += sum;
            arrivals.pass(shown);
            for (int at = first; at != first + shown; at++) {
                idle.add(arrivals.slot(at));
            }
        }
        return shown < most ? shown + show(handler, null, limit - shown) : shown;
    }

    /** Shows frames that no device reaches any more. */
    private int show(FrameHandler inOne, ReceivedFrameHandler inParts, int limit) {
        int shown = 0;
        while (shown < limit && arrivals.showable() > 0) {
            int at = arrivals.head();
            if (arrivals.lengthBytes(at) == ReceiveRing.DAMAGED) {
                dropped++;
                arrivals.pass(1);
                frame.begin();
                leave(at, 1, false);
                shown++;
                continue;
            }
            int count = awaitedBuffers != 0 ? awaitedBuffers : open(at);
            if (arrivals.showable() < count) {
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
    private int open(int position) {
        if (arrivals.facts(position) != ReceiveRing.NOT_PLAIN) {
            return 1;
        }
        int count = ring.open(arrivals.place(position));
        if (count < 1 || count > ring.maximumBuffers()) {
            throw new DeviceException(
                    "device sent a frame in %d buffers: 1 to %d are right"
                            .formatted(count, ring.maximumBuffers()));
        }
        return count;
    }

    private void show(FrameHandler inOne, ReceivedFrameHandler inParts, int first, int count) {
        int slot = arrivals.slot(first);
        int firstBytes = arrivals.lengthBytes(first) - slots.frontBytes();
        if (firstBytes < FrameChecks.HEADER_BYTES) {
            throw new DeviceException(
                    "device sent a frame of %d bytes: shorter than its own header"
                            .formatted(Math.max(0, firstBytes)));
        }
        gather(first, firstBytes, count);
        boolean isPlain = arrivals.facts(first) != ReceiveRing.NOT_PLAIN;
        long offload =
                isPlain
                        ? FrameOffload.NONE
                        : ring.openedOffload(
                                slots.memory(slot),
                                slots.frontOffset(slot) + slots.frontBytes(),
                                firstBytes,
                                frame.lengthBytes());
        frame.end(isPlain ? arrivals.facts(first) : ring.openedFacts(), offload);
        arrivals.pass(count);
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

    private void gather(int first, int firstBytes, int count) {
        frame.begin();
        frame.add(arrivals.slot(first), firstBytes);
        for (int at = first + 1; at != first + count; at++) {
            if (arrivals.lengthBytes(at) <= 0) {
                throw new DeviceException("device sent a part of a frame of no bytes");
            }
            frame.add(arrivals.slot(at), arrivals.lengthBytes(at));
        }
    }

    /**
     * Own buffers go back to the device, unless they are kept; supplied ones to their client,
     * unless it did not see them.
     */
    private void leave(int first, int count, boolean isShown) {
        for (int at = first; at != first + count; at++) {
            int slot = arrivals.slot(at);
            if (!slots.isSupplied(slot)) {
                if (!frame.isKept()) {
                    idle.add(slot);
                }
            } else if (isShown) {
                slots.giveBack(slot);
            } else {
                supplied.add(slot);
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
        idle.add(token);
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
        if (lengthBytes < slots.frontBytes() + FrameChecks.HEADER_BYTES || token < 0) {
            throw new IllegalArgumentException(
                    "lengthBytes=%d token=%d: a buffer for a frame is of %d bytes or more"
                            .formatted(
                                    lengthBytes,
                                    token,
                                    slots.frontBytes() + FrameChecks.HEADER_BYTES));
        }
        isSupplied = true;
        if (!slots.hasRoom()) {
            return false;
        }
        supplied.add(slots.supply(memory, offset, physicalAddress, lengthBytes, token));
        return true;
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
        arrivals.clear();
        awaitedBuffers = 0;
        supplied.clear();
        slots.withdraw();
        idle.clear();
        for (int slot = 0; slot < buffers.count(); slot++) {
            if (!kept[slot]) {
                idle.add(slot);
            }
        }
        refill();
        ring.restart();
        ring.publish();
    }

    /** Gives the device what is idle; whether there was any. */
    private boolean refill() {
        var waiting = isSupplied ? supplied : idle;
        boolean hasAdded = false;
        while (!waiting.isEmpty() && ring.free() > 0) {
            int count = Math.min(Math.min(waiting.count(), ring.free()), BATCH);
            for (int i = 0; i < count; i++) {
                int slot = waiting.get(i);
                slots.moved(slot);
                batchPhysical[i] = slots.physicalAddress(slot);
                batchBytes[i] = slots.lengthBytes(slot);
            }
            int mapped =
                    dma.mapAll(
                            batchPhysical, batchBytes, batchIova, count, DmaDirection.FROM_DEVICE);
            for (int i = 0; i < mapped; i++) {
                int slot = waiting.get(i);
                mappedIova[slot] = batchIova[i];
                ring.add(batchIova[i], batchBytes[i], slot);
            }
            waiting.remove(mapped);
            hasAdded |= mapped > 0;
            if (mapped < count) {
                break;
            }
        }
        return hasAdded;
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
        if (!arrivals.isAllSettled()) {
            // They are here already: no interrupt tells of the end of their unmapping.
            dma.awaitUnmapped(ticket);
            return true;
        }
        if (refill()) {
            ring.publish();
        }
        return arrivals.showable() > 0 && arrivals.showable() >= awaitedBuffers;
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
        if (!arrivals.isAllSettled()) {
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
