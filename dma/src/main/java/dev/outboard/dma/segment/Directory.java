package dev.outboard.dma.segment;

import java.util.Arrays;

/**
 * Segments in a directory of three levels over the frame number: blocks of 4 GiB, leaves of 64 MiB,
 * words of 64 frames.
 *
 * <pre>
 *   frame - firstFrame:   | block | leaf 6 bits | word 8 bits | bit 6 bits |
 *                             │         │             │             │
 *                         blocks[] ► leaves[] ► Leaf.words ► marks up to it: base, or carry
 * </pre>
 *
 * <p>Leaves that one segment covers from end to end are one and the same, as are blocks, so memory
 * in one piece takes a few kilobytes. 4 GiB with a hole at every eighth frame takes 384 KiB of
 * words, which fit the second-level cache of a core. Immutable.
 */
final class Directory extends Snapshot {
    static final int BLOCK_SHIFT = 20;
    static final int BLOCK_LEAVES = 1 << BLOCK_SHIFT - Leaf.SHIFT;
    static final int LEAF_MASK = BLOCK_LEAVES - 1;

    static final Leaf[] EMPTY_BLOCK = blockOf(Leaf.EMPTY);

    private static final int WORD_MASK = Leaf.WORDS - 1;
    private static final int BIT_MASK = 63;

    /** Of the first block. */
    final long firstFrame;

    final Leaf[][] blocks;

    Directory(SegmentArray boot) {
        this(boot, HandleTable.NONE, 0, 0, new Leaf[0][]);
    }

    Directory(SegmentArray boot, HandleTable handles, int count, long firstFrame, Leaf[][] blocks) {
        super(boot, handles, count);
        this.firstFrame = firstFrame;
        this.blocks = blocks;
    }

    /** A block of one leaf again and again. */
    static Leaf[] blockOf(Leaf leaf) {
        var block = new Leaf[BLOCK_LEAVES];
        Arrays.fill(block, leaf);
        return block;
    }

    @Override
    long find(long frame) {
        long offset = frame - firstFrame;
        // A frame below the first block gives a huge number, too.
        long block = offset >>> BLOCK_SHIFT;
        if (block >= blocks.length) {
            return findInBoot(frame);
        }
        var leaf = blocks[(int) block][(int) (offset >>> Leaf.SHIFT) & LEAF_MASK];
        var words = leaf.words;
        int word = (int) (offset >>> Leaf.WORD_SHIFT) & WORD_MASK;
        int at = Leaf.LONGS * word;
        long base = words[at + Leaf.BASE];
        if (base < 0) {
            return listed(leaf, frame);
        }
        // The marks up to this frame, the nearest of them first.
        long marks = words[at + Leaf.MARKS] << ~frame;
        long handle =
                marks == 0
                        ? words[Leaf.CARRIES + word]
                        : base + (frame & BIT_MASK) - Long.numberOfLeadingZeros(marks);
        // No branch: in fragmented memory, whether a frame is there is chance.
        return handle | (words[at + Leaf.PLUGGED] >>> frame & 1) - 1;
    }

    private static long listed(Leaf leaf, long frame) {
        var segment = leaf.at(frame);
        return segment == null ? SegmentMap.INVALID : segment.handle();
    }

    private Leaf leaf(long offset) {
        return blocks[(int) (offset >>> BLOCK_SHIFT)][(int) (offset >>> Leaf.SHIFT) & LEAF_MASK];
    }

    private boolean isWithin(long offset) {
        return offset >>> BLOCK_SHIFT < blocks.length;
    }

    @Override
    Segment at(long frame) {
        long offset = frame - firstFrame;
        return isWithin(offset) ? leaf(offset).at(frame) : null;
    }

    @Override
    Segment from(long frame) {
        long offset = Math.max(0, frame - firstFrame);
        while (isWithin(offset)) {
            if (blocks[(int) (offset >>> BLOCK_SHIFT)] == EMPTY_BLOCK) {
                offset = (offset >>> BLOCK_SHIFT) + 1 << BLOCK_SHIFT;
                continue;
            }
            long leafStart = offset & -Leaf.FRAMES;
            var leaf = leaf(offset);
            int next =
                    leaf == Leaf.EMPTY ? Leaf.FRAMES : leaf.firstFrom((int) (offset - leafStart));
            if (next < Leaf.FRAMES) {
                return leaf.at(firstFrame + leafStart + next);
            }
            offset = leafStart + Leaf.FRAMES;
        }
        return null;
    }

    @Override
    Segment upTo(long frame) {
        long offset = Math.min(frame - firstFrame, ((long) blocks.length << BLOCK_SHIFT) - 1);
        while (offset >= 0) {
            if (blocks[(int) (offset >>> BLOCK_SHIFT)] == EMPTY_BLOCK) {
                offset = (offset >>> BLOCK_SHIFT << BLOCK_SHIFT) - 1;
                continue;
            }
            long leafStart = offset & -Leaf.FRAMES;
            var leaf = leaf(offset);
            int next = leaf == Leaf.EMPTY ? -1 : leaf.lastUpTo((int) (offset - leafStart));
            if (next >= 0) {
                return leaf.at(firstFrame + leafStart + next);
            }
            offset = leafStart - 1;
        }
        return null;
    }

    /**
     * The handle for a segment born at a frame if a look-up finds it by its word; or Row.LISTED.
     */
    long handleFor(long frame) {
        long offset = frame - firstFrame;
        return isWithin(offset) ? leaf(offset).handleFor(frame) : Row.LISTED;
    }

    @Override
    Directory plugged(Segment segment) {
        var edit = new DirectoryEdit(this);
        var next = from(segment.end());
        if (next != null && next.mark() < segment.end()) {
            edit.replace(next, next.markedAtStart());
        }
        edit.add(segment);
        return edit.finish();
    }

    @Override
    Directory unplugged(Segment segment, Segment lower, Segment upper) {
        var edit = new DirectoryEdit(this);
        if (lower == null) {
            edit.remove(segment);
        } else {
            edit.replace(segment, lower);
        }
        if (upper != null) {
            edit.add(upper);
        }
        return edit.finish();
    }
}
