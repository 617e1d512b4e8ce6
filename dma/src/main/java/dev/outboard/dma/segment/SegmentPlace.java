package dev.outboard.dma.segment;

/**
 * Where a frame is: its segment and the offset in it. Whoever looks up owns it and fills it again
 * and again; one thread. Empty until a look-up succeeded.
 */
public final class SegmentPlace {
    private long handle = SegmentMap.INVALID;
    private long startFrame;
    private long endFrame;
    private long offsetFrames;

    /** Empty. */
    public SegmentPlace() {
        // Filled by look-ups.
    }

    void set(long handle, long startFrame, long endFrame, long offsetFrames) {
        this.handle = handle;
        this.startFrame = startFrame;
        this.endFrame = endFrame;
        this.offsetFrames = offsetFrames;
    }

    /** The segment's handle; {@link SegmentMap#INVALID} before the first look-up that succeeded. */
    public long handle() {
        return handle;
    }

    /** The segment's first frame. */
    public long startFrame() {
        return startFrame;
    }

    /** After the segment's last frame. */
    public long endFrame() {
        return endFrame;
    }

    /** The frame that was looked up, counted from the segment's first. */
    public long offsetFrames() {
        return offsetFrames;
    }
}
