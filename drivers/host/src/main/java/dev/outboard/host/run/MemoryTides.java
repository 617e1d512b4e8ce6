package dev.outboard.host.run;

import dev.outboard.dma.MemoryListener;
import dev.outboard.dma.MemoryReport;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import java.util.concurrent.TimeUnit;

/**
 * Tells a driver's client that memory has come, or is wanted back, and waits for it to let go: the
 * client looks at a count between its requests.
 *
 * <pre>
 *   plug     came ──► newest, count up ──► client: gives back, takes from the newest
 *   unplug   drain ─► count up ──────────► client: gives back, takes from elsewhere
 *              └────► waits until nothing of it is allocated, or patience ends
 * </pre>
 *
 * <p>One thread changes memory, any may look. Nothing here allocates for who only looks.
 */
final class MemoryTides implements MemoryListener {
    private static final long LOOK_MILLIS = 2;

    private final PhysicalMemory memory;
    private volatile long changes;

    /** What came last and stays, as far as anybody knows; null for none. */
    private volatile PhysicalSegment newest;

    private volatile boolean ended;
    private volatile boolean forced;
    private volatile long patienceNanos;

    MemoryTides(PhysicalMemory memory) {
        this.memory = memory;
    }

    /** What it tells of. */
    PhysicalMemory memory() {
        return memory;
    }

    /** How often memory came, or was wanted back. */
    long changes() {
        return changes;
    }

    /** Where buffers are best taken from; null for anywhere. */
    PhysicalSegment newest() {
        return newest;
    }

    /** How long the next drain waits; with 0 nobody is asked to let go. */
    void waitFor(long nanos) {
        patienceNanos = nanos;
    }

    /** Memory may be taken from whoever uses it from now on. */
    void force() {
        forced = true;
    }

    /** Whether memory may have been taken from whoever used it. */
    boolean isForced() {
        return forced;
    }

    /** Waits for nobody any more. */
    void end() {
        ended = true;
    }

    @Override
    public void came(PhysicalSegment segment) {
        if (segment.isLent()) {
            // Nobody is allocated any of it.
            return;
        }
        newest = segment;
        turn();
    }

    @Override
    public void drain(long physicalAddress, long lengthBytes) {
        long patience = patienceNanos;
        if (patience == 0) {
            return;
        }
        var best = newest;
        if (best != null && holds(best.physicalAddress(), best.lengthBytes(), physicalAddress)) {
            newest = null;
        }
        turn();
        long deadline = System.nanoTime() + patience;
        while (!ended && isAllocated(physicalAddress) && System.nanoTime() - deadline < 0) {
            try {
                TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    /** Only the thread that changes memory writes it, so nothing is lost. */
    @SuppressWarnings("NonAtomicVolatileUpdate")
    private void turn() {
        changes = changes + 1;
    }

    /**
     * Whether buffers of the segment are in use. What devices may still reach after it was given
     * back does not count: its mapping service lets go of it next.
     */
    private boolean isAllocated(long physicalAddress) {
        long allocated = 0;
        for (MemoryReport.Segment segment : memory.report().segments()) {
            if (holds(segment.physicalAddress(), segment.lengthBytes(), physicalAddress)) {
                allocated = segment.allocatedFrames();
            }
        }
        return allocated > MemoryFields.frames(memory.heldBytes());
    }

    private static boolean holds(long start, long lengthBytes, long physicalAddress) {
        return physicalAddress >= start && physicalAddress - start < lengthBytes;
    }
}
