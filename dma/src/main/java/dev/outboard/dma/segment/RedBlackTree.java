package dev.outboard.dma.segment;

/**
 * Segments in a red-black tree over their frames, as in the paper; but its nodes never change, so
 * that nobody who searches it meets a rotation half done.
 *
 * <p>A change makes the nodes of one path again, by joins: G. Blelloch, D. Ferizovic, Y. Sun, "Just
 * Join for Parallel Ordered Sets" (2016). No path has two red nodes in a row, all have as many
 * black ones. Immutable; looking up allocates nothing.
 */
final class RedBlackTree extends Snapshot {
    private final Node root;

    /**
     * A segment, with what a search reads beside it.
     *
     * @param blackHeight black nodes on each way down, this one counted
     */
    private record Node(
            long start,
            long end,
            long handle,
            Node left,
            Node right,
            boolean isRed,
            int blackHeight,
            Segment segment) {

        static Node of(Node left, Segment segment, Node right, boolean isRed) {
            return new Node(
                    segment.start(),
                    segment.end(),
                    segment.handle(),
                    left,
                    right,
                    isRed,
                    height(left) + (isRed ? 0 : 1),
                    segment);
        }

        Node with(Node newLeft, Node newRight) {
            return of(newLeft, segment, newRight, isRed);
        }

        Node black() {
            return isRed ? of(left, segment, right, false) : this;
        }
    }

    RedBlackTree(SegmentArray boot) {
        this(boot, HandleTable.NONE, 0, null);
    }

    private RedBlackTree(SegmentArray boot, HandleTable handles, int count, Node root) {
        super(boot, handles, count);
        this.root = root;
    }

    @Override
    long find(long frame) {
        var node = root;
        while (node != null) {
            if (frame < node.start) {
                node = node.left;
            } else if (frame < node.end) {
                return node.handle;
            } else {
                node = node.right;
            }
        }
        return findInBoot(frame);
    }

    @Override
    Segment at(long frame) {
        var next = from(frame);
        return next != null && next.start() <= frame ? next : null;
    }

    @Override
    Segment from(long frame) {
        Segment next = null;
        for (var node = root; node != null; ) {
            if (frame < node.end) {
                next = node.segment;
                node = node.left;
            } else {
                node = node.right;
            }
        }
        return next;
    }

    @Override
    Segment upTo(long frame) {
        Segment last = null;
        for (var node = root; node != null; ) {
            if (frame >= node.start) {
                last = node.segment;
                node = node.right;
            } else {
                node = node.left;
            }
        }
        return last;
    }

    @Override
    RedBlackTree plugged(Segment segment) {
        var grown = insert(root, segment).black();
        return new RedBlackTree(null, handles.with(segment), count + 1, grown);
    }

    @Override
    RedBlackTree unplugged(Segment segment, Segment lower, Segment upper) {
        if (lower == null) {
            var shrunk = delete(root, segment);
            var fewer = handles.without(segment.handle());
            return new RedBlackTree(null, fewer, count - 1, shrunk == null ? null : shrunk.black());
        }
        var left = new RedBlackTree(null, handles.with(lower), count, replace(root, lower));
        return upper == null ? left : left.plugged(upper);
    }

    private static boolean isRed(Node node) {
        return node != null && node.isRed;
    }

    private static int height(Node node) {
        return node == null ? 0 : node.blackHeight;
    }

    private static Node insert(Node node, Segment segment) {
        if (node == null) {
            return Node.of(null, segment, null, true);
        }
        return segment.start() < node.start
                ? join(insert(node.left, segment), node.segment, node.right)
                : join(node.left, node.segment, insert(node.right, segment));
    }

    /** Another version of the segment that overlaps it, in the same place. */
    private static Node replace(Node node, Segment version) {
        if (version.end() <= node.start) {
            return node.with(replace(node.left, version), node.right);
        }
        if (version.start() >= node.end) {
            return node.with(node.left, replace(node.right, version));
        }
        return Node.of(node.left, version, node.right, node.isRed);
    }

    private static Node delete(Node node, Segment segment) {
        if (segment.start() < node.start) {
            return join(delete(node.left, segment), node.segment, node.right);
        }
        if (segment.start() > node.start) {
            return join(node.left, node.segment, delete(node.right, segment));
        }
        if (node.left == null) {
            return node.right;
        }
        var last = node.left;
        while (last.right != null) {
            last = last.right;
        }
        return join(delete(node.left, last.segment), last.segment, node.right);
    }

    /** All of {@code left}, a segment above it, all of {@code right}. */
    private static Node join(Node left, Segment middle, Node right) {
        if (height(left) > height(right)) {
            var joined = joinRight(left, middle, right);
            return joined.isRed && isRed(joined.right) ? joined.black() : joined;
        }
        if (height(left) < height(right)) {
            var joined = joinLeft(left, middle, right);
            return joined.isRed && isRed(joined.left) ? joined.black() : joined;
        }
        return Node.of(left, middle, right, !isRed(left) && !isRed(right));
    }

    /** Puts a tree that is no higher at the right end of another. */
    private static Node joinRight(Node left, Segment middle, Node right) {
        if (!isRed(left) && height(left) == height(right)) {
            return Node.of(left, middle, right, true);
        }
        var joined = left.with(left.left, joinRight(left.right, middle, right));
        boolean hasTwoRed = isRed(joined.right) && isRed(joined.right.right);
        return joined.isRed || !hasTwoRed ? joined : rotatedLeft(joined);
    }

    private static Node rotatedLeft(Node node) {
        var up = node.right;
        return up.with(node.with(node.left, up.left), up.right.black());
    }

    /** The mirror image of {@link #joinRight}. */
    private static Node joinLeft(Node left, Segment middle, Node right) {
        if (!isRed(right) && height(left) == height(right)) {
            return Node.of(left, middle, right, true);
        }
        var joined = right.with(joinLeft(left, middle, right.left), right.right);
        boolean hasTwoRed = isRed(joined.left) && isRed(joined.left.left);
        return joined.isRed || !hasTwoRed ? joined : rotatedRight(joined);
    }

    private static Node rotatedRight(Node node) {
        var up = node.left;
        return up.with(up.left.black(), node.with(up.right, node.right));
    }

    /**
     * Whether it is a red-black tree: for tests.
     *
     * @throws IllegalStateException if not, with the frames where it is not one
     */
    void requireBalanced() {
        if (isRed(root)) {
            throw new IllegalStateException("the root is red");
        }
        requireBalanced(root);
    }

    private static void requireBalanced(Node node) {
        if (node == null) {
            return;
        }
        requireBalanced(node.left);
        requireBalanced(node.right);
        boolean hasTwoRed = node.isRed && (isRed(node.left) || isRed(node.right));
        boolean isEven = height(node.left) == height(node.right);
        boolean isCounted = node.blackHeight == height(node.left) + (node.isRed ? 0 : 1);
        if (hasTwoRed || !isEven || !isCounted) {
            throw new IllegalStateException("no red-black tree at frame %#x".formatted(node.start));
        }
    }
}
