package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * How many mappings of a service let a device reach each page frame of its memory. Written by the
 * service's thread, when a mapping is made or gone; read by any.
 */
final class ReachableFrames {
    private final long[] firstFrames;
    private final AtomicIntegerArray[] counts;

    ReachableFrames(PhysicalMemory memory) {
        List<PhysicalSegment> segments = memory.segments();
        firstFrames = new long[segments.size()];
        counts = new AtomicIntegerArray[segments.size()];
        for (int index = 0; index < counts.length; index++) {
            PhysicalSegment segment = segments.get(index);
            firstFrames[index] = segment.physicalAddress() >>> IoPage.SHIFT;
            counts[index] =
                    new AtomicIntegerArray(Math.toIntExact(segment.lengthBytes() >>> IoPage.SHIFT));
        }
    }

    /** One more mapping, or with -1 one less, of a run of frames; others' frames do not count. */
    void add(long firstFrame, int pages, int change) {
        for (int index = 0; index < counts.length; index++) {
            AtomicIntegerArray count = counts[index];
            long from = Math.max(0, firstFrame - firstFrames[index]);
            long to = Math.min(count.length(), firstFrame + pages - firstFrames[index]);
            for (int at = (int) from; at < to; at++) {
                // Release: who finds none finds what was done before it fell. One thread writes.
                count.setRelease(at, count.getPlain(at) + change);
            }
        }
    }

    /** Whether any of these frames can be reached. */
    boolean any(long firstFrame, int pages) {
        for (int index = 0; index < counts.length; index++) {
            AtomicIntegerArray count = counts[index];
            long from = Math.max(0, firstFrame - firstFrames[index]);
            long to = Math.min(count.length(), firstFrame + pages - firstFrames[index]);
            for (int at = (int) from; at < to; at++) {
                if (count.getAcquire(at) != 0) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Nothing can be reached. */
    void clear() {
        for (AtomicIntegerArray count : counts) {
            for (int at = 0; at < count.length(); at++) {
                count.setRelease(at, 0);
            }
        }
    }
}
