package dev.outboard.dma.segment;

/**
 * The segments that are shipped: {@link #find} costs the same with one segment and with 100,000
 * fragments, and takes the same few steps wherever the frame is.
 *
 * <p>A handle is a number that no other segment ever has. Any thread; a change allocates a few
 * kilobytes, however many segments there are, and one reference more for each 64 MiB of the segment
 * that it changes.
 */
public final class DirectorySegments extends PersistentSegments {
    private static final int FRAME_MASK = 63;
    private static final int BASES = 64;

    private volatile Directory directory;

    /** The next handles that nobody had; under the lock. */
    private long nextBase = BASES;

    /** No segments, with memory up. */
    public DirectorySegments() {
        directory = new Directory((SegmentArray) null);
    }

    private DirectorySegments(SegmentArray boot) {
        directory = new Directory(boot);
    }

    /** No segments, before memory is up. */
    public static DirectorySegments booting() {
        return new DirectorySegments(new SegmentArray(BOOT_SEGMENTS));
    }

    @Override
    public long find(long frame) {
        return directory.find(frame);
    }

    @Override
    Snapshot snapshot() {
        return directory;
    }

    @Override
    void publish(Snapshot next) {
        directory = (Directory) next;
    }

    @Override
    Snapshot none() {
        return new Directory((SegmentArray) null);
    }

    @Override
    long newHandle(Snapshot now, long frame) {
        long natural = ((Directory) now).handleFor(frame);
        if (natural >= 0) {
            return natural;
        }
        long base = nextBase;
        nextBase += BASES;
        return base + (frame & FRAME_MASK);
    }
}
