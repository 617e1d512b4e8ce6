package dev.outboard.netty;

import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.ReceivedFrame;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Buffers of a receive queue that the program holds: a datagram is read where the device wrote it.
 * The event loop keeps them and gives them back; any thread releases. After the first use of a
 * buffer nothing allocates.
 *
 * <p>At most half of the queue's buffers: the rest is there to receive into, and what comes
 * meanwhile is copied.
 */
final class KeptBuffers implements DmaByteBuf.Home {
    private static final int NONE = -1;

    private final DmaByteBufAllocator allocator;
    private final ReceiveQueue queue;
    private final FrameOutput output;
    private final int mostKept;
    private final int firstToken;
    private final int frameBytes;
    private final DmaByteBuf[] buffers;

    /** Released, and not yet given back: a stack that is taken whole. */
    private final AtomicInteger released = new AtomicInteger(NONE);

    private final AtomicIntegerArray next;
    private int kept;
    private long keptInAll;

    /**
     * @param output the queue that may send them again without a copy
     * @param firstToken names the first of them to it
     */
    KeptBuffers(
            DmaByteBufAllocator allocator,
            ReceiveQueue queue,
            FrameOutput output,
            int firstToken,
            int frameBytes) {
        this.allocator = allocator;
        this.queue = queue;
        this.output = output;
        this.firstToken = firstToken;
        this.frameBytes = frameBytes;
        mostKept = queue.buffers() / 2;
        buffers = new DmaByteBuf[queue.buffers()];
        next = new AtomicIntegerArray(queue.buffers());
    }

    /** How many were kept so far. */
    long keptInAll() {
        return keptInAll;
    }

    /** How many are kept now. */
    int kept() {
        return kept;
    }

    /**
     * Keeps a frame of one part.
     *
     * @return a buffer whose index 0 is the frame's first byte; null where it has to be copied
     */
    DmaByteBuf keep(ReceivedFrame frame) {
        if (kept >= mostKept) {
            return null;
        }
        int number = frame.token(0);
        int lengthBytes = frame.lengthBytes(0);
        var buffer = number < buffers.length ? buffers[number] : null;
        if (buffer == null || buffer.place().memory() != frame.memory(0)) {
            buffer = number < buffers.length ? make(number, frame) : null;
        }
        if (buffer == null || lengthBytes > buffer.mostBytes()) {
            return null;
        }
        frame.keep();
        kept++;
        keptInAll++;
        return buffer.begin(lengthBytes, lengthBytes);
    }

    private DmaByteBuf make(int number, ReceivedFrame frame) {
        long offset = frame.offset(0);
        int mostBytes = (int) Math.min(frameBytes, frame.memory(0).byteSize() - offset);
        var place =
                new DmaByteBuf.Place(
                        number,
                        firstToken + number,
                        frame.memory(0),
                        offset,
                        offset,
                        frame.physicalAddress(0),
                        output);
        buffers[number] = new DmaByteBuf(allocator, this, place, mostBytes);
        return buffers[number];
    }

    @Override
    public void giveBack(int number, boolean isSpent) {
        if (isSpent) {
            buffers[number] = null;
        }
        int below;
        do {
            below = released.get();
            next.setPlain(number, below);
        } while (!released.compareAndSet(below, number));
    }

    /** Gives back to the queue what was released. The event loop, outside of a poll. */
    void drain() {
        if (released.getPlain() == NONE) {
            return;
        }
        int number = released.getAndSet(NONE);
        while (number != NONE) {
            int below = next.getPlain(number);
            queue.release(number);
            kept--;
            number = below;
        }
    }
}
