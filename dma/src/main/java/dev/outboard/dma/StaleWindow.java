package dev.outboard.dma;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * How many unmapped pages wait for a flush, which of them a flush has reached, and how long they
 * waited: measured, and what tells that a run of IOVA may be used again.
 *
 * <pre>
 *   pages ever unmapped    0 ────────── flushed ─────────── began ────────── queued
 *                            flushed            a flush is           wait for the
 *                                               under way            next flush
 * </pre>
 *
 * <p>{@link #add} belongs to the thread of the mapping service. Flushes are begun and completed by
 * that thread and by a timer's, maybe both at once: {@link #begin}, <em>then</em> the flush, then
 * {@link #complete}. Whoever reads {@link #flushed} has the pages below it flushed by a flush that
 * began after they were cleared. No allocation; no lock but where a flush begins and ends.
 */
final class StaleWindow {
    private static final VarHandle QUEUED;
    private static final VarHandle BEGAN;
    private static final VarHandle FLUSHED;
    private static final VarHandle STAMPED;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            QUEUED = lookup.findVarHandle(StaleWindow.class, "queued", long.class);
            BEGAN = lookup.findVarHandle(StaleWindow.class, "began", long.class);
            FLUSHED = lookup.findVarHandle(StaleWindow.class, "flushed", long.class);
            STAMPED = lookup.findVarHandle(StaleWindow.class, "stamped", long.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    // Written by the service's thread.
    private long queued;

    /** The value of {@link #queued} when the time was taken last, which is {@link #stampNanos}. */
    private long stamped = -1;

    private long stampNanos;

    // Written under the monitor.
    private long began;
    private long beganNanos;
    private long flushed;

    /** When the oldest page between {@link #flushed} and {@link #began} was unmapped. */
    private long oldestBegunNanos;

    private long windowEntries;
    private long windowNanos;

    /**
     * Service's thread: so many pages were cleared.
     *
     * @return whether they are the first that wait since a flush began: a timer may need to know
     */
    boolean add(long pages) {
        long before = queued;
        // Opaque: a late look only makes this page count from the beginning of that flush, which
        // is earlier than its unmapping.
        boolean first = before == (long) BEGAN.getOpaque(this);
        if (first) {
            stampNanos = System.nanoTime();
            // Release: who sees the mark sees the time. Partner: oldestWaitingNanos.
            STAMPED.setRelease(this, before);
        }
        // Release: who counts these pages among those it flushes sees their entries cleared.
        // Partner: the acquire in "begin".
        QUEUED.setRelease(this, before + pages);
        return first;
    }

    /** Pages that wait, or are in a flush that has not completed. Any thread. */
    long stalePages() {
        long done = flushed();
        return (long) QUEUED.getAcquire(this) - done;
    }

    /** Pages ever unmapped. Any thread. */
    long queued() {
        return (long) QUEUED.getAcquire(this);
    }

    /** Pages ever unmapped that are flushed: the oldest ones. Any thread. */
    long flushed() {
        // Acquire: the devices' last accesses by these pages are over. Partner: "complete".
        return (long) FLUSHED.getAcquire(this);
    }

    /** When the oldest page was unmapped that is stale; meaningless if none is. Any thread. */
    synchronized long oldestNanos() {
        return flushed == began ? oldestWaitingNanos() : oldestBegunNanos;
    }

    private long oldestWaitingNanos() {
        // Without a mark, the pages came while the last flush began: not before it.
        return (long) STAMPED.getAcquire(this) == began ? stampNanos : beganNanos;
    }

    /**
     * A flush is about to begin: it will cover the pages up to the answer, and is told to {@link
     * #complete}.
     */
    synchronized long begin(long nowNanos) {
        long oldest = oldestWaitingNanos();
        if (flushed == began) {
            oldestBegunNanos = oldest;
        }
        // Acquire: these pages' entries are cleared before the devices are asked.
        long reach = (long) QUEUED.getAcquire(this);
        beganNanos = nowNanos;
        BEGAN.setRelease(this, reach);
        return reach;
    }

    /**
     * A flush has succeeded.
     *
     * @param reach what {@link #begin} answered
     * @param begunNanos what it was told
     */
    synchronized void complete(long reach, long begunNanos, long nowNanos) {
        if (reach <= flushed) {
            return;
        }
        windowEntries = Math.max(windowEntries, queued() - flushed);
        windowNanos = Math.max(windowNanos, nowNanos - oldestBegunNanos);
        // What another flush has reached meanwhile was unmapped after this one began.
        oldestBegunNanos = begunNanos;
        // Release: the flush is over before its pages are used again. Partner: "flushed".
        FLUSHED.setRelease(this, reach);
    }

    /** The most pages that were stale at once. Any thread. */
    synchronized long windowEntries() {
        return Math.max(windowEntries, stalePages());
    }

    /** The longest that a page was stale, or is by now. Any thread. */
    synchronized long windowNanos() {
        if (stalePages() == 0) {
            return windowNanos;
        }
        return Math.max(windowNanos, System.nanoTime() - oldestNanos());
    }
}
