package dev.outboard.producers;

import com.lmax.disruptor.AlertException;
import com.lmax.disruptor.InsufficientCapacityException;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.Sequence;
import com.lmax.disruptor.SequenceBarrier;
import com.lmax.disruptor.TimeoutException;
import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.FrameQueue;
import dev.outboard.driver.net.SentListener;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.util.function.LongFunction;

/**
 * Several threads feed one transmit queue: each writes its frame where the device will read it, and
 * publishes it; the queue's thread hands over all that is there by one flush, which is one request
 * to the mapping service and at most one doorbell.
 *
 * <pre>
 *   any thread:          claim ──► write memory() at offset(claim) ──► publish
 *   the queue's thread:  pump ──► post … post, flush        idle: IdleWait.watch(this)
 * </pre>
 *
 * <p>A slot is a producer's again once the device has read its frame, in the order in which slots
 * were claimed: a full ring is the back pressure. Nothing allocates, and nobody waits for a lock. A
 * claim that is never published stops all that came after it. Who opens it owns it, and closes it
 * after the queue.
 */
public final class FrameProducers implements FrameQueue, SentListener, AutoCloseable {
    /** Every slot is out: let others run, and try again. */
    public static final long NONE = -1;

    private static final int PAGE_BYTES = 4096;
    private static final int HEADER_BYTES = 14;

    private final TransmitQueue queue;
    private final int offloads;
    private final int frameBytes;
    private final int strideBytes;
    private final int mask;
    private final DmaMemory dma;
    private final MemorySegment memory;
    private final ProducersWait wait;
    private final RingBuffer<FrameSlot> ring;
    private final SequenceBarrier barrier;
    private final boolean posts;

    /**
     * The last slot whose frame the device has read, as all before it: producers stay behind it.
     */
    private final Sequence sent = new Sequence();

    /** By slot: the device has read it, and one before it not. The queue's thread. */
    private final boolean[] isRead;

    private long handedOver = NONE;
    private long read = NONE;
    private long batches;

    /** The queue had no room for the next frame: it, and no producer, tells of the end of that. */
    private boolean isFull;

    /**
     * Takes the memory of the slots.
     *
     * @param queue that this thread, or another, owns
     * @param offloads what the device can do to frames: {@code NetworkService.offloads}
     * @param allocator gives pages, as {@code context::allocate}
     * @param slots a power of two
     * @param frameBytes the longest frame
     * @throws IllegalArgumentException if the slots are no power of two
     * @throws dev.outboard.dma.OutOfDmaMemoryException if there is not memory enough
     */
    public FrameProducers(
            TransmitQueue queue,
            int offloads,
            LongFunction<DmaMemory> allocator,
            int slots,
            int frameBytes) {
        if (slots < 2 || Integer.bitCount(slots) != 1 || frameBytes < HEADER_BYTES) {
            throw new IllegalArgumentException(
                    "slots=%d is no power of two from 2 on, or frameBytes=%d is less than 14"
                            .formatted(slots, frameBytes));
        }
        this.queue = queue;
        this.offloads = offloads;
        this.frameBytes = frameBytes;
        mask = slots - 1;
        // Pages of its own for each: a page is the least an IOMMU protects.
        strideBytes = frameBytes + PAGE_BYTES - 1 & -PAGE_BYTES;
        isRead = new boolean[slots];
        wait = new ProducersWait(queue::wake);
        ring = RingBuffer.createMultiProducer(FrameSlot::new, slots, wait);
        barrier = ring.newBarrier();
        ring.addGatingSequences(sent);
        posts = listens();
        dma = allocator.apply((long) slots * strideBytes);
        memory = dma.memory();
    }

    private boolean listens() {
        try {
            queue.onSent(this);
            return true;
        } catch (UnsupportedOperationException copiesOnly) {
            return false;
        }
    }

    /** The longest frame. */
    public int capacityBytes() {
        return frameBytes;
    }

    /**
     * Takes a slot, or {@link #NONE} where the device has not read enough yet. Any thread. {@link
     * #publish} or {@link #abandon} must follow soon: what others claim later waits for it.
     */
    public long claim() {
        try {
            return ring.tryNext();
        } catch (InsufficientCapacityException full) {
            // One object for all time. The queue's thread may sleep on frames that are long read.
            wait.signalAllWhenBlocking();
            return NONE;
        }
    }

    /** The memory that all slots are in. */
    public MemorySegment memory() {
        return memory;
    }

    /** Where in {@link #memory} a claimed slot's frame starts, in bytes. */
    public long offset(long claim) {
        return (claim & mask) * strideBytes;
    }

    /**
     * Says that a claimed slot holds a frame. Any thread, that which claimed it.
     *
     * @param offload {@link FrameOffload}
     * @throws IllegalArgumentException if the length is not 14 to {@link #capacityBytes} bytes, or
     *     the offload names more than the frame; the slot is still claimed
     * @throws UnsupportedOperationException if the device cannot do that; likewise
     */
    public void publish(long claim, int lengthBytes, long offload) {
        if (lengthBytes < HEADER_BYTES || lengthBytes > frameBytes) {
            throw new IllegalArgumentException(
                    "lengthBytes=%d is not a frame: 14 to %d bytes"
                            .formatted(lengthBytes, frameBytes));
        }
        if (offload != FrameOffload.NONE) {
            checkOffload(lengthBytes, offload);
        }
        put(claim, lengthBytes, offload);
    }

    /** The same, for a frame that the device has no work with. */
    public void publish(long claim, int lengthBytes) {
        publish(claim, lengthBytes, FrameOffload.NONE);
    }

    /** Gives a claimed slot back unused. */
    public void abandon(long claim) {
        put(claim, 0, FrameOffload.NONE);
    }

    private void put(long claim, int lengthBytes, long offload) {
        var slot = ring.get(claim);
        slot.lengthBytes = lengthBytes;
        slot.offload = offload;
        ring.publish(claim);
    }

    private void checkOffload(int lengthBytes, long offload) {
        if ((FrameOffload.needed(offload) & ~offloads) != 0) {
            throw new UnsupportedOperationException(
                    "this device cannot do that to a frame: offload=0x%x".formatted(offload));
        }
        int end = FrameOffload.startBytes(offload) + FrameOffload.offsetBytes(offload) + 2;
        if (FrameOffload.startBytes(offload) < HEADER_BYTES
                || Math.max(end, FrameOffload.headersBytes(offload)) > lengthBytes) {
            throw new IllegalArgumentException(
                    "offload=0x%x names more than the %d bytes of the frame"
                            .formatted(offload, lengthBytes));
        }
    }

    /**
     * Hands over every frame that is published, to the end of the batch, with one flush; and gives
     * the slots back that the device has read. The queue's thread.
     *
     * @return how many frames were taken; 0 where there is none, or the queue is full
     */
    public int pump() {
        long available = available();
        int count = 0;
        isFull = false;
        while (handedOver < available && !isFull) {
            if (handOver(handedOver + 1)) {
                handedOver++;
                count++;
            } else {
                isFull = true;
            }
        }
        if (count > 0) {
            batches++;
            queue.flush();
        } else if (read < handedOver) {
            // Takes back what the device has read meanwhile.
            queue.flush();
        }
        release();
        return count;
    }

    private long available() {
        try {
            return barrier.waitFor(handedOver + 1);
        } catch (AlertException | InterruptedException | TimeoutException impossible) {
            throw new IllegalStateException("this wait does not wait", impossible);
        }
    }

    /** False where the queue is full. */
    private boolean handOver(long sequence) {
        var slot = ring.get(sequence);
        int number = (int) sequence & mask;
        if (slot.lengthBytes == 0) {
            isRead[number] = true;
            return true;
        }
        if (posts) {
            long physical = dma.physicalAddress() + offset(sequence);
            return queue.post(physical, slot.lengthBytes, slot.offload, number);
        }
        int buffer = queue.claim();
        if (buffer == TransmitQueue.NONE) {
            return false;
        }
        MemorySegment.copy(
                memory, offset(sequence), queue.memory(), queue.offset(buffer), slot.lengthBytes);
        queue.commit(buffer, slot.lengthBytes, slot.offload);
        isRead[number] = true;
        return true;
    }

    /** Slots come back in order: one that is read waits for those before it. */
    private void release() {
        long before = read;
        while (read < handedOver && isRead[(int) (read + 1) & mask]) {
            read++;
            isRead[(int) read & mask] = false;
        }
        if (read != before) {
            // With release: pairs with the producers' look at it when they claim.
            sent.set(read);
        }
    }

    @Override
    public void onSent(int token) {
        isRead[token] = true;
    }

    /** Batches handed over since the start. */
    public long batches() {
        return batches;
    }

    /** Frames that are published or with the device; the queue's thread. */
    public long pending() {
        return ring.getCursor() - read;
    }

    @Override
    public Descriptor descriptor() {
        return queue.descriptor();
    }

    @Override
    public boolean arm() {
        wait.asleep();
        boolean hasRoom = queue.arm();
        return hasRoom || !isFull && available() > handedOver;
    }

    @Override
    public void disarm() {
        wait.awake();
        queue.disarm();
    }

    @Override
    public void wake() {
        queue.wake();
    }

    /** Gives the memory back, which no device reads any more: after the queue is closed. */
    @Override
    public void close() {
        dma.close();
    }
}
