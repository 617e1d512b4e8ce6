package dev.outboard.serve;

import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.DmaCursor;
import dev.outboard.backend.loop.Counters;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.net.SentListener;
import dev.outboard.driver.net.TransmitQueue;
import java.util.Arrays;

/**
 * Frames from the client to the device: out of the client's memory where it is lent, else copied.
 *
 * <pre>
 *   load ──► take ──► post ─────────────► … onSent ──► finish, in order ──► the client's again
 *              └────► copy, commit ──────────────────► finish, in order
 * </pre>
 *
 * <p>The loop's thread, which owns the transmit queue; nothing allocates after construction.
 */
final class Outbound implements SentListener, AutoCloseable {
    /** Frames taken in one DMA section. */
    private static final int BURST = 64;

    /** The most pieces that the device is asked to gather; what has more is copied. */
    private static final int MOST_PARTS = 16;

    /** More than a ring may have: what was taken is told apart by its low bits. */
    private static final int MOST_TAKEN = 1 << 15;

    private static final int SLOT_MASK = MOST_TAKEN - 1;
    private static final int SESSION_MASK = 0x3fff;

    /** In a token: a frame that was copied, in a slot of ours. */
    private static final int COPY_BIT = 1 << 30;

    /** 64 KiB of IP with its headers, whole pages. */
    private static final int COPY_BYTES = 68 << 10;

    private static final int COPIES = 16;
    private static final int LEAST_FRAME_BYTES = 14;
    private static final int MOST_FRAME_BYTES = 65_535 + 40 + 18;

    private final TransmitQueue nic;
    private final LentRegions lent;
    private final Counters counters;
    private final ClientHeader header = new ClientHeader();
    private final DmaCursor source = new DmaCursor();
    private final Pieces pieces = new Pieces(1 << 10);
    private final ScatterGatherList parts = new ScatterGatherList(MOST_PARTS);

    /** Copies of frames that are longer than the queue's own buffers. */
    private final DmaMemory copies;

    private final int[] freeCopies = new int[COPIES];
    private int freeCopyCount = COPIES;

    /** Chains that were taken, by their number: whether the device is done with them. */
    private final boolean[] done = new boolean[MOST_TAKEN];

    private int oldest;
    private int newest;
    private int session;

    /** Posted out of the client's memory and not heard of, of this session. */
    private int posted;

    private int copying;
    private boolean blocked;

    Outbound(TransmitQueue nic, LentRegions lent, Counters counters, ClientContext context) {
        this.nic = nic;
        this.lent = lent;
        this.counters = counters;
        copies = context.device().dma().allocate((long) COPIES * COPY_BYTES);
        for (int i = 0; i < COPIES; i++) {
            freeCopies[i] = i;
        }
        nic.onSent(this);
    }

    /** Another client: what was posted for the one before is none of its chains. */
    void begin() {
        session = session + 1 & SESSION_MASK;
        oldest = 0;
        newest = 0;
        posted = 0;
        blocked = false;
    }

    @Override
    public void onSent(int token) {
        if ((token & COPY_BIT) != 0) {
            freeCopies[freeCopyCount++] = token & ~COPY_BIT;
            copying--;
        } else if (token >>> 15 == session) {
            done[token & SLOT_MASK] = true;
            posted--;
        }
    }

    /** Whether the device has frames that it was given, and will tell of. */
    boolean isWaiting() {
        return posted > 0 || copying > 0 || blocked;
    }

    /** Whether the device has no room for the next frame. */
    boolean isBlocked() {
        return blocked;
    }

    /**
     * Sends a burst; within a DMA section.
     *
     * @param features what was negotiated
     * @param mayLend whether frames may stay where they are until they are sent
     * @return whether there was anything to do
     */
    boolean poll(DeviceQueue queue, long features, boolean mayLend) {
        blocked = false;
        int taken = 0;
        if (queue.hasNext()) {
            queue.refuseDoorbell();
            while (taken < BURST && queue.hasNext() && take(queue, features, mayLend)) {
                taken++;
            }
        }
        if (taken > 0 || posted > 0 || copying > 0 || blocked) {
            nic.flush();
        }
        return finish(queue) || taken > 0;
    }

    /** Takes back what the device is done with, where no client is there to be told. */
    void tend() {
        if (posted > 0 || copying > 0) {
            nic.flush();
        }
    }

    /** Gives chains back, in order, as far as the device is done with them. */
    boolean finish(DeviceQueue queue) {
        boolean any = false;
        while (oldest != newest && done[oldest & SLOT_MASK]) {
            queue.finish(0);
            oldest++;
            any = true;
        }
        return any;
    }

    /** Takes the next chain; false when it has to wait. */
    private boolean take(DeviceQueue queue, long features, boolean mayLend) {
        if (newest - oldest == MOST_TAKEN) {
            return false;
        }
        queue.load();
        long frameBytes = queue.chain().readableBytes() - ClientHeader.BYTES;
        if (frameBytes < LEAST_FRAME_BYTES || frameBytes > MOST_FRAME_BYTES) {
            return drop(queue, ServeCounters.MALFORMED);
        }
        source.openReadable(queue);
        if (!source.copyTo(header.bytes, 0, ClientHeader.BYTES) || !gather((int) frameBytes)) {
            return drop(queue, ServeCounters.FAULTS);
        }
        long offload = header.offload(pieces, features);
        if (offload == ClientHeader.NONSENSE) {
            return drop(queue, ServeCounters.MALFORMED);
        }
        boolean isPosted = mayLend && name();
        if (!(isPosted ? post(offload) : copy(offload))) {
            blocked = true;
            return false;
        }
        keep(queue, !isPosted);
        counters.add(ServeCounters.SENT_FRAMES, 1);
        counters.add(ServeCounters.SENT_BYTES, frameBytes);
        counters.add(isPosted ? ServeCounters.LENT_FRAMES : ServeCounters.COPIED_FRAMES, 1);
        return true;
    }

    private boolean drop(DeviceQueue queue, int counter) {
        counters.add(counter, 1);
        keep(queue, true);
        return true;
    }

    /** The chain is ours until it is done, and all before it. */
    private void keep(DeviceQueue queue, boolean isDone) {
        done[newest & SLOT_MASK] = isDone;
        newest++;
        queue.take();
    }

    /** Finds the frame's pieces; false on a fault, or where they are absurdly many. */
    private boolean gather(int frameBytes) {
        pieces.clear();
        int left = frameBytes;
        while (left > 0) {
            if (source.lengthBytes == 0 && !source.next()) {
                return false;
            }
            int part = (int) Math.min(left, source.lengthBytes);
            if (!pieces.add(source.memory, source.offset, part)) {
                return false;
            }
            source.take(part);
            left -= part;
        }
        return true;
    }

    /** Names the pieces by where they are in physical memory; false where they are to be copied. */
    private boolean name() {
        if (pieces.count() > MOST_PARTS) {
            return false;
        }
        parts.clear();
        for (int i = 0; i < pieces.count(); i++) {
            long physical = lent.physicalAddress(pieces.memory(i), pieces.offset(i));
            if (physical == LentRegions.NONE) {
                return false;
            }
            parts.add(physical, pieces.lengthBytes(i));
        }
        return true;
    }

    private boolean post(long offload) {
        int token = session << 15 | newest & SLOT_MASK;
        boolean isTaken =
                parts.count() == 1
                        ? nic.post(parts.physicalAddress(0), parts.lengthBytes(0), offload, token)
                        : nic.post(parts, offload, token);
        posted += isTaken ? 1 : 0;
        return isTaken;
    }

    private boolean copy(long offload) {
        if (pieces.lengthBytes() > nic.capacityBytes()) {
            return copyLong(offload);
        }
        int buffer = nic.claim();
        if (buffer == TransmitQueue.NONE) {
            return false;
        }
        pieces.copyTo(nic.memory(), nic.offset(buffer));
        nic.commit(buffer, pieces.lengthBytes(), offload);
        return true;
    }

    private boolean copyLong(long offload) {
        if (freeCopyCount == 0) {
            return false;
        }
        int slot = freeCopies[freeCopyCount - 1];
        long at = (long) slot * COPY_BYTES;
        pieces.copyTo(copies.memory(), at);
        long physical = copies.physicalAddress() + at;
        if (!nic.post(physical, pieces.lengthBytes(), offload, COPY_BIT | slot)) {
            return false;
        }
        freeCopyCount--;
        copying++;
        return true;
    }

    /**
     * Waits until the device has none of the client's memory, or the time is over.
     *
     * @return whether it has none
     */
    boolean drain(long limitNanos) {
        long deadline = System.nanoTime() + limitNanos;
        while (posted > 0) {
            nic.flush();
            long left = deadline - System.nanoTime();
            if (posted > 0 && left <= 0) {
                return false;
            }
            if (posted > 0) {
                nic.await(Math.min(left, 1_000_000));
            }
        }
        return true;
    }

    /** The chains of a ring that stops are done, whatever became of their frames. */
    void forget() {
        Arrays.fill(done, false);
        begin();
    }

    @Override
    public void close() {
        copies.close();
    }
}
