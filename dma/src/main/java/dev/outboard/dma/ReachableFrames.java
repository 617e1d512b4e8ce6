package dev.outboard.dma;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * How many mappings of a service let a device reach each page frame of its memory. Written by the
 * service's thread, when a mapping is made or gone; read by any. Memory that comes is added by
 * whoever has the service alone; what has gone is kept, for its addresses may come again.
 */
final class ReachableFrames {
    private volatile Counts[] all = {};

    /** The frames of a segment. */
    private record Counts(long firstFrame, AtomicIntegerArray counts) {
        long from(long frame) {
            return Math.max(0, frame - firstFrame);
        }

        long to(long endFrame) {
            return Math.min(counts.length(), endFrame - firstFrame);
        }
    }

    /** These frames can be mapped from now on. */
    void come(FrameRange range) {
        List<Counts> more = new ArrayList<>(List.of(all));
        AtomicIntegerArray counts = new AtomicIntegerArray(range.frames());
        for (Counts before : all) {
            if (range.overlaps(before.firstFrame(), before.counts().length())) {
                copy(before, range, counts);
                more.remove(before);
            }
        }
        more.add(new Counts(range.first(), counts));
        all = more.toArray(Counts[]::new);
    }

    /** A segment has gone: it is forgotten, unless a mapping that was revoked is still counted. */
    void go(FrameRange range) {
        List<Counts> fewer = new ArrayList<>();
        for (Counts counts : all) {
            boolean within =
                    counts.firstFrame() >= range.first()
                            && counts.firstFrame() + counts.counts().length() <= range.end();
            if (!within || any(counts.firstFrame(), counts.counts().length())) {
                fewer.add(counts);
            }
        }
        all = fewer.toArray(Counts[]::new);
    }

    /** A segment stays: it is counted, as before or anew. */
    void stay(FrameRange range) {
        for (Counts counts : all) {
            if (range.overlaps(counts.firstFrame(), counts.counts().length())) {
                return;
            }
        }
        come(range);
    }

    /** Mappings that were revoked may be counted until they are unmapped. */
    private static void copy(Counts before, FrameRange range, AtomicIntegerArray counts) {
        int to = (int) before.to(range.end());
        for (int at = (int) before.from(range.first()); at < to; at++) {
            counts.setRelease(
                    (int) (before.firstFrame() + at - range.first()), before.counts().get(at));
        }
    }

    /** One more mapping, or with -1 one less, of a run of frames; others' frames do not count. */
    void add(long firstFrame, int pages, int change) {
        for (Counts counts : all) {
            AtomicIntegerArray count = counts.counts();
            int to = (int) counts.to(firstFrame + pages);
            for (int at = (int) counts.from(firstFrame); at < to; at++) {
                // Release: who finds none finds what was done before it fell. One thread writes.
                count.setRelease(at, count.getPlain(at) + change);
            }
        }
    }

    /** Whether any of these frames can be reached. */
    boolean any(long firstFrame, int pages) {
        for (Counts counts : all) {
            AtomicIntegerArray count = counts.counts();
            int to = (int) counts.to(firstFrame + pages);
            for (int at = (int) counts.from(firstFrame); at < to; at++) {
                if (count.getAcquire(at) != 0) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Nothing can be reached. */
    void clear() {
        for (Counts counts : all) {
            for (int at = 0; at < counts.counts().length(); at++) {
                counts.counts().setRelease(at, 0);
            }
        }
    }
}
