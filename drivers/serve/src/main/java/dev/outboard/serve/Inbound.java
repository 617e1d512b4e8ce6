package dev.outboard.serve;

import dev.outboard.backend.AwaitedException;
import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.DmaCursor;
import dev.outboard.backend.RingException;
import dev.outboard.backend.loop.Counters;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.ReceivedFrame;
import dev.outboard.driver.net.ReceivedFrameHandler;
import dev.outboard.virtio.VirtioFeatures;

/**
 * Frames from the device to the client: one copy, into the buffers that the client has made
 * available. A frame that finds none is kept, with what came after it, until the client has some.
 *
 * <p>The loop's thread, which owns the receive queue; nothing allocates after construction.
 */
final class Inbound implements ReceivedFrameHandler {
    /** Frames given in one DMA section. */
    private static final int BURST = 64;

    /** A frame of 64 KiB in buffers of 2 KiB, and some. */
    private static final int MOST_PARTS = 64;

    /** How long a frame waits for buffers. */
    private static final long PATIENCE_NANOS = 200_000_000;

    private static final int NOT_GIVEN = 0;
    private static final int GIVEN = 1;

    private final ReceiveQueue nic;
    private final Counters counters;
    private final ClientHeader header = new ClientHeader();
    private final DmaCursor target = new DmaCursor();
    private final Pieces shown = new Pieces(MOST_PARTS);
    private final KeptFrame[] kept = new KeptFrame[BURST];
    private int oldest;
    private int keptCount;
    private long waitingSinceNanos;

    // For the time of a poll.
    private DeviceQueue queue;
    private long features;
    private int given;
    private RuntimeException broken;

    /** A frame that waits for buffers. */
    private static final class KeptFrame {
        final Pieces pieces = new Pieces(MOST_PARTS);
        final int[] tokens = new int[MOST_PARTS];
        long offload;
        int facts;
    }

    Inbound(ReceiveQueue nic, Counters counters) {
        this.nic = nic;
        this.counters = counters;
        for (int i = 0; i < BURST; i++) {
            kept[i] = new KeptFrame();
        }
    }

    /** Whether frames wait for buffers of the client. */
    boolean isWaiting() {
        return keptCount > 0;
    }

    /** Until when a frame waits at most, if any {@link #isWaiting}. */
    long deadlineNanos() {
        return waitingSinceNanos + PATIENCE_NANOS;
    }

    /**
     * Gives a burst; within a DMA section.
     *
     * @param ring the client's, or null: then frames are dropped
     * @return whether there was anything to do
     */
    boolean poll(DeviceQueue ring, long negotiated, long nowNanos) {
        queue = ring;
        features = negotiated;
        given = 0;
        int before = keptCount;
        giveKept(nowNanos);
        boolean any = keptCount < before;
        if (keptCount == 0) {
            any |= nic.pollFrames(this, BURST) > 0;
            if (keptCount > 0) {
                waitingSinceNanos = nowNanos;
            }
            throwBroken();
        }
        if (given > 0) {
            queue.refuseDoorbell();
        }
        return any;
    }

    private void throwBroken() {
        RuntimeException failure = broken;
        if (failure != null) {
            broken = null;
            throw failure;
        }
    }

    private void giveKept(long nowNanos) {
        boolean isOver = keptCount > 0 && nowNanos - deadlineNanos() >= 0;
        while (keptCount > 0) {
            KeptFrame frame = kept[oldest];
            if (queue != null && give(frame.pieces, frame.offload, frame.facts) == NOT_GIVEN) {
                if (!isOver) {
                    return;
                }
                counters.add(ServeCounters.NO_BUFFER, 1);
            }
            release(frame);
            waitingSinceNanos = nowNanos;
        }
    }

    private void release(KeptFrame frame) {
        for (int i = 0; i < frame.pieces.count(); i++) {
            nic.release(frame.tokens[i]);
        }
        oldest = oldest + 1 < BURST ? oldest + 1 : 0;
        keptCount--;
    }

    /** Lets go of what waits for a client that is gone. */
    void forget() {
        while (keptCount > 0) {
            release(kept[oldest]);
            counters.add(ServeCounters.NO_BUFFER, 1);
        }
    }

    @Override
    public void onFrame(ReceivedFrame frame) {
        if (queue == null) {
            counters.add(ServeCounters.NO_BUFFER, 1);
            return;
        }
        if (frame.parts() > MOST_PARTS) {
            counters.add(ServeCounters.UNFIT, 1);
            return;
        }
        if (keptCount == 0) {
            fill(shown, frame);
            if (tryGive(frame.offload(), frame.facts()) == GIVEN) {
                return;
            }
        }
        keep(frame);
    }

    /** What goes wrong at the client's ring is told when the device's queue is through. */
    private int tryGive(long undone, int facts) {
        try {
            return give(shown, undone, facts);
        } catch (RingException | AwaitedException e) {
            broken = e;
            return NOT_GIVEN;
        }
    }

    private static void fill(Pieces pieces, ReceivedFrame frame) {
        pieces.clear();
        for (int i = 0; i < frame.parts(); i++) {
            pieces.add(frame.memory(i), frame.offset(i), frame.lengthBytes(i));
        }
    }

    private void keep(ReceivedFrame frame) {
        int at = oldest + keptCount;
        KeptFrame place = kept[at < BURST ? at : at - BURST];
        fill(place.pieces, frame);
        for (int i = 0; i < frame.parts(); i++) {
            place.tokens[i] = frame.token(i);
        }
        place.offload = frame.offload();
        place.facts = frame.facts();
        frame.keep();
        keptCount++;
    }

    /** Gives a frame, or drops it for good; or neither, while there are no buffers for it. */
    private int give(Pieces frame, long undone, int facts) {
        long offload = undone;
        if (offload != FrameOffload.NONE && !takes(offload)) {
            if (FrameOffload.mssBytes(offload) != 0 || !Sums.finish(frame, offload)) {
                return drop();
            }
            offload = FrameOffload.NONE;
        }
        if (!loadBuffer()) {
            return NOT_GIVEN;
        }
        long bytes = ClientHeader.BYTES + (long) frame.lengthBytes();
        long room = queue.chain().writableBytes();
        if (room < bytes) {
            return (features & VirtioFeatures.NET_MRG_RXBUF) == 0
                    ? drop()
                    : trySpread(frame, offload, facts);
        }
        header.write(offload, facts, features, 1);
        target.openWritable(queue);
        boolean isCopied =
                target.copyFrom(header.bytes, 0, ClientHeader.BYTES)
                        && frame.copyTo(target, 0, frame.lengthBytes());
        // A buffer that cannot be reached goes back empty, or none would ever be received again.
        queue.complete(isCopied ? bytes : 0);
        return told(isCopied, frame.lengthBytes());
    }

    /** Whether the client takes a frame with this left undone. */
    private boolean takes(long offload) {
        long needed = VirtioFeatures.NET_GUEST_CSUM;
        if (FrameOffload.mssBytes(offload) != 0) {
            needed |=
                    FrameOffload.isIpv6(offload)
                            ? VirtioFeatures.NET_GUEST_TSO6
                            : VirtioFeatures.NET_GUEST_TSO4;
        }
        return (features & needed) == needed;
    }

    private int drop() {
        counters.add(ServeCounters.UNFIT, 1);
        return GIVEN;
    }

    private int told(boolean isCopied, int frameBytes) {
        if (isCopied) {
            counters.add(ServeCounters.RECEIVED_FRAMES, 1);
            counters.add(ServeCounters.RECEIVED_BYTES, frameBytes);
        } else {
            counters.add(ServeCounters.FAULTS, 1);
        }
        given++;
        return GIVEN;
    }

    /** Loads a buffer that can hold some frame; one that can hold none goes back empty. */
    private boolean loadBuffer() {
        while (queue.hasNext()) {
            queue.load();
            if (queue.chain().writableBytes() >= ClientHeader.BYTES) {
                return true;
            }
            counters.add(ServeCounters.UNFIT, 1);
            queue.complete(0);
            given++;
        }
        return false;
    }

    /** All of its buffers, or none of them. */
    private int trySpread(Pieces frame, long offload, int facts) {
        queue.mark();
        try {
            return spread(frame, offload, facts);
        } catch (AwaitedException e) {
            queue.rewind();
            throw e;
        }
    }

    /**
     * Spreads a frame over several buffers (VIRTIO 1.2, section 5.1.6.4): counted first, as the
     * first buffer says how many they are.
     */
    private int spread(Pieces frame, long offload, int facts) {
        long bytes = ClientHeader.BYTES + (long) frame.lengthBytes();
        int buffers = count(bytes);
        if (buffers == 0) {
            return NOT_GIVEN;
        }
        header.write(offload, facts, features, buffers);
        boolean isCopied = true;
        long done = 0;
        for (int i = 0; i < buffers; i++) {
            queue.load();
            long part = Math.min(queue.chain().writableBytes(), bytes - done);
            if (part <= 0 || i == 0 && part < ClientHeader.BYTES) {
                throw new RingException(queue, "a buffer changed after it was made available");
            }
            target.openWritable(queue);
            isCopied = isCopied && copy(frame, done, part);
            queue.complete(part);
            done += part;
        }
        if (done < bytes) {
            throw new RingException(queue, "buffers changed after they were made available");
        }
        return told(isCopied, frame.lengthBytes());
    }

    private boolean copy(Pieces frame, long done, long part) {
        if (done > 0) {
            return frame.copyTo(target, (int) (done - ClientHeader.BYTES), part);
        }
        return target.copyFrom(header.bytes, 0, ClientHeader.BYTES)
                && frame.copyTo(target, 0, part - ClientHeader.BYTES);
    }

    /** How many buffers hold so much; 0 where there are not enough of them. */
    private int count(long bytes) {
        long room = 0;
        int buffers = 0;
        while (room < bytes) {
            if (!queue.hasNext()) {
                queue.rewind();
                return 0;
            }
            queue.load();
            room += queue.chain().writableBytes();
            queue.complete(0);
            buffers++;
        }
        queue.rewind();
        return buffers;
    }
}
