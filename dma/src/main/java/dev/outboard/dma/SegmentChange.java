package dev.outboard.dma;

import java.util.concurrent.TimeUnit;

/**
 * A segment that comes to or goes from the devices of a domain, until all of them have said so or
 * are gone. The owner's thread counts, another waits.
 */
final class SegmentChange implements SegmentMove {
    private final PhysicalSegment segment;
    private final boolean adds;
    private final boolean own;
    private boolean begun;
    private RuntimeException refused;
    private String waitingFor = "the owner's thread";
    private int waiting;

    /**
     * @param adds whether it comes, else it goes
     */
    SegmentChange(PhysicalSegment segment, boolean adds) {
        this(segment, adds, false);
    }

    private SegmentChange(PhysicalSegment segment, boolean adds, boolean own) {
        this.segment = segment;
        this.adds = adds;
        this.own = own;
    }

    /** Of the memory that the domain was claimed with, which itself tells of it. */
    static SegmentChange ofOwn(PhysicalSegment segment, boolean adds) {
        return new SegmentChange(segment, adds, true);
    }

    PhysicalSegment segment() {
        return segment;
    }

    boolean adds() {
        return adds;
    }

    boolean isOwn() {
        return own;
    }

    /** A device is about to be told. */
    synchronized void expect(String device) {
        waiting++;
        waitingFor = device;
    }

    /** Every device that is attached has been told. */
    synchronized void begin() {
        begun = true;
        notifyAll();
    }

    /** It cannot be; no device was told. */
    synchronized void refuse(RuntimeException why) {
        refused = why;
        begin();
    }

    /** A device that was told has done it, or is gone. */
    synchronized void done() {
        waiting--;
        notifyAll();
    }

    @Override
    public synchronized boolean isTold() {
        if (refused != null) {
            throw refused;
        }
        return begun;
    }

    @Override
    public synchronized boolean isDone() {
        return isTold() && waiting == 0;
    }

    /**
     * Waits until it has happened everywhere.
     *
     * @return null if it has; else, after that time, who was told last
     * @throws RuntimeException if it was refused
     */
    synchronized String await(long timeoutNanos) {
        long deadline = System.nanoTime() + timeoutNanos;
        boolean interrupted = false;
        while (!begun || waiting > 0) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                break;
            }
            try {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            } catch (InterruptedException wakened) {
                // The wait is bounded, and half a change is none: go on, and tell afterwards.
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (refused != null) {
            throw refused;
        }
        return begun && waiting == 0 ? null : waitingFor;
    }
}
