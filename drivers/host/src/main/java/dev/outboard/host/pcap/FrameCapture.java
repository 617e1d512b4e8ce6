package dev.outboard.host.pcap;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.driver.net.FrameQueue;
import dev.outboard.driver.net.NetworkService;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A capture of a running interface: every frame of every queue, both ways, in the order in which
 * they passed, as a pcap file that Wireshark and tcpdump open.
 *
 * <pre>
 *   queue's thread ── copies into ──► CaptureRing ─┐
 *   queue's thread ── copies into ──► CaptureRing ─┼─ oldest first ──► read ──► whoever looks on
 *   queue's thread ── copies into ──► CaptureRing ─┘
 * </pre>
 *
 * <p>The queues never wait for it: what finds no room is dropped, and counted. Without one a queue
 * looks at one field a batch. One thread reads; {@link #close} ends it, and the queues forget it.
 */
public final class FrameCapture implements AutoCloseable {
    /** The least that is kept of a frame: its Ethernet header. */
    public static final int LEAST_SNAP_BYTES = 14;

    /** The most: a frame that is cut into segments later. */
    public static final int MOST_SNAP_BYTES = 1 << 17;

    private static final int RING_BYTES = 4 << 20;

    private final Arena arena = Arena.ofAuto();
    private final List<FrameQueue> queues = new ArrayList<>();
    private final List<CaptureRing> rings = new ArrayList<>();
    private final long epochNanos;
    private final int snapBytes;
    private boolean hasBegun;

    /** Written by the reader. */
    private volatile long frames;

    private volatile boolean isOver;

    private FrameCapture(int snapBytes) {
        this.snapBytes = snapBytes;
        var now = Instant.now();
        epochNanos =
                TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano() - System.nanoTime();
    }

    /**
     * Begins to capture.
     *
     * @param memory what the service's frames are in
     * @param snapBytes the most that is kept of a frame
     * @throws IllegalArgumentException if that is not 14 to 131072
     * @throws UnsupportedOperationException if this driver's queues cannot be looked at
     * @throws IllegalStateException if somebody captures already
     */
    public static FrameCapture begin(NetworkService network, PhysicalMemory memory, int snapBytes) {
        if (snapBytes < LEAST_SNAP_BYTES || snapBytes > MOST_SNAP_BYTES) {
            throw new IllegalArgumentException(
                    "snap=%d is not %d to %d bytes"
                            .formatted(snapBytes, LEAST_SNAP_BYTES, MOST_SNAP_BYTES));
        }
        var capture = new FrameCapture(snapBytes);
        // Their memory first, which takes a while: then both directions begin together.
        for (int queue = 0; queue < 2 * network.queuePairs(); queue++) {
            capture.rings.add(
                    new CaptureRing(
                            capture.arena, new MemoryLookup(memory), RING_BYTES, snapBytes));
        }
        try {
            for (int pair = 0; pair < network.queuePairs(); pair++) {
                capture.watch(network.transmitQueue(pair), 2 * pair);
                capture.watch(network.receiveQueue(pair), 2 * pair + 1);
            }
        } catch (RuntimeException refused) {
            capture.close();
            throw refused;
        }
        return capture;
    }

    private void watch(FrameQueue queue, int ring) {
        queue.witness(rings.get(ring));
        queues.add(queue);
    }

    /**
     * Takes what was captured, oldest first; the file's header before the first.
     *
     * @param bytes for whole records: of {@link #MOST_SNAP_BYTES} and more
     * @return how many frames
     */
    public int read(ByteBuffer bytes) {
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        if (!hasBegun) {
            hasBegun = true;
            bytes.putInt(PcapDescriptor.MAGIC_NANOS)
                    .putShort(PcapDescriptor.MAJOR)
                    .putShort(PcapDescriptor.MINOR)
                    .putLong(0)
                    .putInt(snapBytes)
                    .putInt(PcapDescriptor.LINK_ETHERNET);
        }
        int count = 0;
        var oldest = oldest();
        while (oldest != null && oldest.take(bytes, epochNanos)) {
            count++;
            oldest = oldest();
        }
        frames = frames + count;
        return count;
    }

    /**
     * Looks twice: while the rings are gone through, a frame may come into one that was passed, and
     * its answer into one that was not. Whoever sees the answer in the first look sees in the
     * second all that the same thread captured before.
     */
    private CaptureRing oldest() {
        return look() == null ? null : look();
    }

    private CaptureRing look() {
        CaptureRing found = null;
        for (int i = 0; i < rings.size(); i++) {
            var ring = rings.get(i);
            if (ring.hasNext() && (found == null || ring.nextNanos() - found.nextNanos() < 0)) {
                found = ring;
            }
        }
        return found;
    }

    /** Frames taken so far. Any thread. */
    public long frames() {
        return frames;
    }

    /** Frames that found no room so far. Any thread. */
    public long dropped() {
        long sum = 0;
        for (int i = 0; i < rings.size(); i++) {
            sum += rings.get(i).dropped();
        }
        return sum;
    }

    /** Nothing more comes: the driver ends. Any thread. */
    public void end() {
        isOver = true;
    }

    /** Whether nothing more comes. */
    public boolean isOver() {
        return isOver;
    }

    /**
     * The queues forget it. The memory goes with the last who reaches it: a queue may be in the
     * middle of a frame.
     */
    @Override
    public void close() {
        queues.forEach(queue -> queue.witness(null));
        queues.clear();
    }
}
