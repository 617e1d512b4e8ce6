package dev.outboard.dma;

import dev.outboard.dma.segment.DirectorySegments;
import dev.outboard.dma.segment.SegmentMap;
import dev.outboard.dma.segment.SegmentPlace;

/**
 * Which page frames are plugged, in contiguous pieces: looked up from any thread without a lock and
 * without allocating, while one thread at a time plugs and unplugs.
 *
 * <p>The map never joins neighbours: a piece that was unplugged and came back is a segment of its
 * own there, and contiguous here all the same.
 */
final class PluggedFrames {
    private final SegmentMap map = new DirectorySegments();

    /** Whether these frames, at least one, are all plugged, one after the other. */
    boolean contains(long firstFrame, long lastFrame) {
        long frame = firstFrame;
        while (frame <= lastFrame) {
            long handle = map.find(frame);
            if (handle < 0) {
                return false;
            }
            long end = map.end(handle);
            if (end > frame) {
                frame = end;
            }
            // Else the segment was cut between both looks: the frame is another's now, or gone.
        }
        return firstFrame <= lastFrame;
    }

    /** The frames from this one to the end of its piece, or null if it is not plugged. */
    FrameRange pieceAt(long first) {
        SegmentPlace place = new SegmentPlace();
        long end = first;
        while (map.find(end, place)) {
            end = place.endFrame();
        }
        return end == first ? null : new FrameRange(first, end);
    }

    /** How many pieces lie in a range, whole or in part. */
    int piecesIn(FrameRange range) {
        SegmentPlace place = new SegmentPlace();
        int pieces = 0;
        long end = -1;
        for (long handle = map.first(); handle >= 0; handle = map.next(handle)) {
            if (map.segment(handle, place)
                    && range.overlaps(place.startFrame(), place.endFrame() - place.startFrame())) {
                pieces += place.startFrame() == end ? 0 : 1;
                end = place.endFrame();
            }
        }
        return pieces;
    }

    /**
     * These frames come; none of them is plugged.
     *
     * @throws IllegalStateException if there is no memory to note it
     */
    void plug(FrameRange range) {
        if (map.plug(range.first(), range.end()) < 0) {
            throw noMemory(range);
        }
    }

    /**
     * These frames, all plugged, go; if it fails half-way, none has gone.
     *
     * @throws IllegalStateException if there is no memory to note it
     */
    void unplug(FrameRange range) {
        SegmentPlace place = new SegmentPlace();
        long at = range.first();
        while (at < range.end() && map.find(at, place)) {
            long end = Math.min(range.end(), place.endFrame());
            if (!map.unplug(at, end - at)) {
                if (at > range.first()) {
                    plug(new FrameRange(range.first(), at));
                }
                throw noMemory(range);
            }
            at = end;
        }
    }

    private static IllegalStateException noMemory(FrameRange range) {
        return new IllegalStateException(
                "no memory of this process is left to note a change of %d page frames at 0x%x"
                        .formatted(range.frames(), range.physicalAddress()));
    }
}
