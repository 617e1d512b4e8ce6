package dev.outboard.dma.segment;

import java.util.Arrays;

/**
 * One change of a directory: copies what it touches, once, and shares the rest. Used by the one
 * thread that changes, and then forgotten; the directory it began with stays as it was.
 */
final class DirectoryEdit {
    private static final int BLOCK_MASK = (1 << Directory.BLOCK_SHIFT) - 1;

    /** Tells which leaves are copies of this edit. */
    private final Object token = new Object();

    private long firstFrame;
    private Leaf[][] blocks;

    /** Which blocks are copies of this edit. */
    private boolean[] copied;

    private HandleTable handles;
    private int count;

    DirectoryEdit(Directory present) {
        firstFrame = present.firstFrame;
        blocks = present.blocks.clone();
        copied = new boolean[blocks.length];
        handles = present.handles;
        count = present.count;
    }

    /** Adds a segment that overlaps none. */
    void add(Segment segment) {
        reach(segment.mark(), segment.end());
        enter(segment);
        handles = handles.with(segment);
        count++;
    }

    /** Takes a segment out. */
    void remove(Segment segment) {
        leave(segment);
        handles = handles.without(segment.handle());
        count--;
    }

    /** Replaces a segment by a version of it that is no larger. */
    void replace(Segment segment, Segment version) {
        leave(segment);
        enter(version);
        handles = handles.with(version);
    }

    /** The directory as it is now. */
    Directory finish() {
        int from = 0;
        int to = blocks.length;
        for (int block = 0; block < blocks.length; block++) {
            prune(block);
        }
        while (from < to && blocks[from] == Directory.EMPTY_BLOCK) {
            from++;
        }
        while (to > from && blocks[to - 1] == Directory.EMPTY_BLOCK) {
            to--;
        }
        return new Directory(
                null,
                handles,
                count,
                firstFrame + ((long) from << Directory.BLOCK_SHIFT),
                Arrays.copyOfRange(blocks, from, to));
    }

    /** Lets go of leaves and of a block where nothing is left. */
    private void prune(int block) {
        if (!copied[block]) {
            return;
        }
        boolean isEmpty = true;
        var leaves = blocks[block];
        for (int at = 0; at < leaves.length; at++) {
            if (leaves[at] != Leaf.EMPTY && leaves[at].isEmpty()) {
                leaves[at] = Leaf.EMPTY;
            }
            isEmpty &= leaves[at] == Leaf.EMPTY;
        }
        if (isEmpty) {
            blocks[block] = Directory.EMPTY_BLOCK;
        }
    }

    /** Makes room for frames that the directory does not reach yet. */
    private void reach(long start, long end) {
        long low = start & ~(long) BLOCK_MASK;
        long high = end + BLOCK_MASK & ~(long) BLOCK_MASK;
        if (blocks.length > 0) {
            low = Math.min(low, firstFrame);
            high = Math.max(high, firstFrame + ((long) blocks.length << Directory.BLOCK_SHIFT));
        }
        int length = (int) (high - low >>> Directory.BLOCK_SHIFT);
        if (length == blocks.length) {
            return;
        }
        int shift = blocks.length == 0 ? 0 : (int) (firstFrame - low >>> Directory.BLOCK_SHIFT);
        var more = new Leaf[length][];
        var moreCopied = new boolean[length];
        Arrays.fill(more, Directory.EMPTY_BLOCK);
        System.arraycopy(blocks, 0, more, shift, blocks.length);
        System.arraycopy(copied, 0, moreCopied, shift, copied.length);
        blocks = more;
        copied = moreCopied;
        firstFrame = low;
    }

    private void enter(Segment segment) {
        var alone = Row.of(segment);
        Leaf within = null;
        Leaf[] blockWithin = null;
        for (long frame = segment.mark(); frame < segment.end(); ) {
            if (isCovered(segment, frame, BLOCK_MASK)) {
                within = within == null ? Leaf.within(segment) : within;
                blockWithin = blockWithin == null ? Directory.blockOf(within) : blockWithin;
                setBlock(frame, blockWithin);
                frame += BLOCK_MASK + 1;
            } else if (isCovered(segment, frame, Leaf.FRAMES - 1)) {
                within = within == null ? Leaf.within(segment) : within;
                setLeaf(frame, within);
                frame += Leaf.FRAMES;
            } else {
                long to = Math.min(segment.end(), (frame | Leaf.FRAMES - 1) + 1);
                enterPart(editable(frame), segment, frame, to, alone);
                frame = to;
            }
        }
    }

    private static void enterPart(Leaf leaf, Segment segment, long from, long to, Row alone) {
        for (long frame = from; frame < to; ) {
            long wordEnd = Math.min(to, Leaf.wordEnd(frame));
            leaf.enter(segment, frame, wordEnd, alone);
            frame = wordEnd;
        }
    }

    private void leave(Segment segment) {
        for (long frame = segment.mark(); frame < segment.end(); ) {
            if (isCovered(segment, frame, BLOCK_MASK)) {
                setBlock(frame, Directory.EMPTY_BLOCK);
                frame += BLOCK_MASK + 1;
            } else if (isCovered(segment, frame, Leaf.FRAMES - 1)) {
                setLeaf(frame, Leaf.EMPTY);
                frame += Leaf.FRAMES;
            } else {
                long to = Math.min(segment.end(), (frame | Leaf.FRAMES - 1) + 1);
                leavePart(editable(frame), segment, frame, to);
                frame = to;
            }
        }
    }

    private static void leavePart(Leaf leaf, Segment segment, long from, long to) {
        for (long frame = from; frame < to; ) {
            long wordEnd = Math.min(to, Leaf.wordEnd(frame));
            leaf.leave(segment, frame, wordEnd);
            frame = wordEnd;
        }
    }

    /** Whether a segment that begins below has all of the leaf or block that begins here. */
    private static boolean isCovered(Segment segment, long frame, int mask) {
        return (frame & mask) == 0 && frame > segment.mark() && frame + mask < segment.end();
    }

    private int block(long frame) {
        return (int) (frame - firstFrame >>> Directory.BLOCK_SHIFT);
    }

    private void setBlock(long frame, Leaf[] leaves) {
        blocks[block(frame)] = leaves;
        copied[block(frame)] = false;
    }

    private void setLeaf(long frame, Leaf leaf) {
        leaves(frame)[leafIndex(frame)] = leaf;
    }

    private Leaf editable(long frame) {
        var leaves = leaves(frame);
        var leaf = leaves[leafIndex(frame)].editable(token);
        leaves[leafIndex(frame)] = leaf;
        return leaf;
    }

    private static int leafIndex(long frame) {
        return (int) (frame >>> Leaf.SHIFT) & Directory.LEAF_MASK;
    }

    private Leaf[] leaves(long frame) {
        int block = block(frame);
        if (!copied[block]) {
            blocks[block] = blocks[block].clone();
            copied[block] = true;
        }
        return blocks[block];
    }
}
