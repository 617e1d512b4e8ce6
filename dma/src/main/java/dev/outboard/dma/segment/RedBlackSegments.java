package dev.outboard.dma.segment;

/**
 * Segments in a red-black tree, as the paper has them, to compare with. A handle is a number that
 * no other segment ever has. Any thread; a change allocates a few nodes for each level of the tree.
 */
public final class RedBlackSegments extends PersistentSegments {
    private volatile RedBlackTree tree;

    /** The next handle that nobody had; under the lock. */
    private long nextHandle = 1;

    /** No segments, with memory up. */
    public RedBlackSegments() {
        this(null);
    }

    private RedBlackSegments(SegmentArray boot) {
        tree = new RedBlackTree(boot);
    }

    /** No segments, before memory is up. */
    public static RedBlackSegments booting() {
        return new RedBlackSegments(new SegmentArray(BOOT_SEGMENTS));
    }

    @Override
    public long find(long frame) {
        return tree.find(frame);
    }

    @Override
    RedBlackTree snapshot() {
        return tree;
    }

    @Override
    void publish(Snapshot next) {
        tree = (RedBlackTree) next;
    }

    @Override
    Snapshot none() {
        return new RedBlackTree(null);
    }

    @Override
    long newHandle(Snapshot now, long frame) {
        return nextHandle++;
    }
}
