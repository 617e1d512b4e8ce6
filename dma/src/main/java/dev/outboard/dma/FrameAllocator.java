package dev.outboard.dma;

import java.util.Arrays;

/**
 * Which page frames of a segment are free, kept so that long and aligned runs of free frames stay
 * whole: a superpage maps a run of 2 MiB only if it is contiguous and aligned.
 *
 * <p>Frames are grouped in blocks of 2 MiB. Small requests fill blocks that are broken already, and
 * of these one whose longest free run is only just long enough; only if none is, a whole block is
 * broken, the lowest one. Requests of a block or more begin at a block, those of 1 GiB or more at 1
 * GiB, as long as there is such a place; then anywhere.
 *
 * <pre>
 *   block      0        1        2        3        4
 *           ┌────────┬────────┬────────┬────────┬────────┐
 *           │########│# ## # #│###   ##│        │        │
 *           └────────┴────────┴────────┴────────┴────────┘
 *             full     broken: longest free run  whole: kept for who wants one
 *                      1 frame   3 frames
 * </pre>
 *
 * <p>A small request takes constant time, as long as a broken or a whole block has room for it; a
 * block is eight words. Others search bits of blocks, and at last of frames. Owned by its {@link
 * PhysicalSegment}, under whose lock it is; allocates nothing after construction.
 */
final class FrameAllocator {
    /** No run of free frames is that long. */
    static final long NONE = -1;

    /** Log2 of the frames of a block, 2 MiB of them. */
    static final int BLOCK_SHIFT = 9;

    /** Frames of a block. */
    static final int BLOCK_FRAMES = 1 << BLOCK_SHIFT;

    private static final int BLOCK_MASK = BLOCK_FRAMES - 1;
    private static final int WORDS_SHIFT = BLOCK_SHIFT - 6;
    private static final int WORDS = 1 << WORDS_SHIFT;

    /** Frames of 1 GiB. */
    private static final int GIBIBYTE_FRAMES = 1 << 18;

    /** Blocks that are looked into for a run which need not be in them. */
    private static final int LOOKS = 8;

    private final long firstFrame;
    private final int frames;

    /** The first frame of the first block: the segment may begin within it. */
    private final long base;

    private final int blocks;

    /** A bit a frame, from {@link #base} on. */
    private final long[] allocated;

    /** Frames that are none of the segment's, or not any more: given to nobody. */
    private final long[] gone;

    /** For each block, its free frames and the longest run of them. */
    private final short[] freeOf;

    private final short[] longestOf;

    /** A bit a block: all its frames are free. */
    private final long[] whole;

    /** Broken blocks that have room, by log2 of their longest run: lists through these arrays. */
    private final int[] heads = new int[BLOCK_SHIFT];

    private final int[] next;
    private final int[] previous;
    private long freeFrames;
    private long allocatedFrames;

    /**
     * All frames free.
     *
     * @param firstFrame the frame number of the first
     */
    FrameAllocator(long firstFrame, int frames) {
        this.firstFrame = firstFrame;
        this.frames = frames;
        base = firstFrame & -BLOCK_FRAMES;
        blocks = Math.toIntExact(firstFrame + frames - base + BLOCK_MASK >>> BLOCK_SHIFT);
        allocated = new long[blocks << WORDS_SHIFT];
        gone = new long[blocks << WORDS_SHIFT];
        freeOf = new short[blocks];
        longestOf = new short[blocks];
        whole = new long[blocks + Long.SIZE - 1 >>> 6];
        next = new int[blocks];
        previous = new int[blocks];
        Arrays.fill(heads, -1);
        Arrays.fill(next, -1);
        Arrays.fill(previous, -1);
        Arrays.fill(gone, -1L);
        set(gone, index(firstFrame), frames, false);
        refresh(0, blocks);
    }

    private int index(long frame) {
        return (int) (frame - base);
    }

    /** The first of so many contiguous frames, now taken, or {@link #NONE}. */
    long take(int count) {
        if (count <= 0 || count > freeFrames) {
            return NONE;
        }
        int index = count < BLOCK_FRAMES ? findSmall(count) : findLarge(count);
        if (index < 0) {
            index = findAnywhere(count);
        }
        if (index < 0) {
            return NONE;
        }
        set(allocated, index, count, true);
        allocatedFrames += count;
        refreshAround(index, count);
        return base + index;
    }

    private int findSmall(int count) {
        int least = log2(count);
        int block = heads[least];
        for (int look = 0; block >= 0 && look < LOOKS; look++) {
            if (longestOf[block] >= count) {
                return findIn(block, count);
            }
            block = next[block];
        }
        for (int size = least + 1; size < BLOCK_SHIFT; size++) {
            if (heads[size] >= 0) {
                return findIn(heads[size], count);
            }
        }
        int lowest = nextWhole(0);
        return lowest < 0 ? -1 : lowest << BLOCK_SHIFT;
    }

    private int findIn(int block, int count) {
        return findRun(block << BLOCK_SHIFT, (block + 1) << BLOCK_SHIFT, count);
    }

    private int findLarge(int count) {
        int index = count >= GIBIBYTE_FRAMES ? findAligned(count, GIBIBYTE_FRAMES) : -1;
        return index >= 0 ? index : findAligned(count, BLOCK_FRAMES);
    }

    /** Whole blocks, and at their end as much of the next as the rest needs. */
    private int findAligned(int count, int alignment) {
        int wanted = count >>> BLOCK_SHIFT;
        int rest = count & BLOCK_MASK;
        int block = nextWhole(0);
        while (block >= 0) {
            int end = nextBroken(block);
            long misaligned = base + ((long) block << BLOCK_SHIFT) & alignment - 1;
            int start = misaligned == 0 ? block : block + (int) (alignment - misaligned >>> 9);
            for (; start + wanted <= end; start += alignment >>> BLOCK_SHIFT) {
                int after = start + wanted;
                if (rest == 0 || after < blocks && isFree(after << BLOCK_SHIFT, rest)) {
                    return start << BLOCK_SHIFT;
                }
            }
            block = nextWhole(end);
        }
        return -1;
    }

    private boolean isFree(int index, int count) {
        return findRun(index, index + count, count) >= 0;
    }

    private int findAnywhere(int count) {
        return findRun(0, blocks << BLOCK_SHIFT, count);
    }

    /** The first free run of that length which lies between two indexes, or -1. */
    private int findRun(int from, int to, int count) {
        int at = nextFree(from, to);
        while (at >= 0 && at + count <= to) {
            int end = nextTaken(at, to);
            if (end - at >= count) {
                return at;
            }
            at = nextFree(end, to);
        }
        return -1;
    }

    private int nextFree(int from, int to) {
        int word = from >>> 6;
        long free = from < to ? ~(allocated[word] | gone[word]) & -1L << from : 0;
        while (free == 0) {
            if (++word << 6 >= to) {
                return -1;
            }
            free = ~(allocated[word] | gone[word]);
        }
        int at = (word << 6) + Long.numberOfTrailingZeros(free);
        return at < to ? at : -1;
    }

    private int nextTaken(int from, int to) {
        int word = from >>> 6;
        long taken = (allocated[word] | gone[word]) & -1L << from;
        while (taken == 0) {
            if (++word << 6 >= to) {
                return to;
            }
            taken = allocated[word] | gone[word];
        }
        return Math.min(to, (word << 6) + Long.numberOfTrailingZeros(taken));
    }

    private int nextWhole(int from) {
        for (int word = from >>> 6; word < whole.length; word++) {
            long bits = word == from >>> 6 ? whole[word] & -1L << from : whole[word];
            if (bits != 0) {
                return (word << 6) + Long.numberOfTrailingZeros(bits);
            }
        }
        return -1;
    }

    private int nextBroken(int from) {
        int block = from;
        while (block < blocks && (whole[block >>> 6] >>> block & 1) != 0) {
            block++;
        }
        return block;
    }

    /**
     * Gives frames back; those that are gone stay so.
     *
     * @throws IllegalStateException if one of them was not taken; nothing is changed
     */
    void giveBack(long first, int count) {
        int index = index(first);
        if (count(allocated, index, count) != count) {
            throw new IllegalStateException(
                    "frame=0x%x frames=%d are given back and were not taken"
                            .formatted(first, count));
        }
        set(allocated, index, count, false);
        allocatedFrames -= count;
        refreshAround(index, count);
    }

    /** Gives these frames to nobody any more; those that are taken are so until they come back. */
    void withhold(long first, int count) {
        set(gone, index(first), count, true);
        refreshAround(index(first), count);
    }

    /** Takes {@link #withhold} back. */
    void readmit(long first, int count) {
        set(gone, index(first), count, false);
        refreshAround(index(first), count);
    }

    /** Which of these frames are taken. */
    int allocatedIn(long first, int count) {
        return count(allocated, index(first), count);
    }

    /** Frames that can be taken. */
    long freeFrames() {
        return freeFrames;
    }

    /** Frames that are taken, also of those that are gone. */
    long allocatedFrames() {
        return allocatedFrames;
    }

    /** Frames of the segment, less those that are gone. */
    long presentFrames() {
        return frames - count(gone, index(firstFrame), frames);
    }

    /** Blocks of 2 MiB, aligned, of which every frame is free. */
    int wholeBlocks() {
        int count = 0;
        for (long word : whole) {
            count += Long.bitCount(word);
        }
        return count;
    }

    /** Runs of free frames. */
    int freeRuns() {
        int runs = 0;
        int end = blocks << BLOCK_SHIFT;
        for (int at = nextFree(0, end); at >= 0; at = nextFree(nextTaken(at, end), end)) {
            runs++;
        }
        return runs;
    }

    /** Frames of the longest run of free ones. */
    int longestRun() {
        int longest = 0;
        int end = blocks << BLOCK_SHIFT;
        int at = nextFree(0, end);
        while (at >= 0) {
            int after = nextTaken(at, end);
            longest = Math.max(longest, after - at);
            at = nextFree(after, end);
        }
        return longest;
    }

    private static void set(long[] bits, int from, int count, boolean value) {
        int at = from;
        int end = from + count;
        while (at < end) {
            int inWord = Math.min(end - at, Long.SIZE - (at & Long.SIZE - 1));
            long mask = -1L >>> Long.SIZE - inWord << at;
            if (value) {
                bits[at >>> 6] |= mask;
            } else {
                bits[at >>> 6] &= ~mask;
            }
            at += inWord;
        }
    }

    private static int count(long[] bits, int from, int count) {
        int found = 0;
        int at = from;
        int end = from + count;
        while (at < end) {
            int inWord = Math.min(end - at, Long.SIZE - (at & Long.SIZE - 1));
            found += Long.bitCount(bits[at >>> 6] & -1L >>> Long.SIZE - inWord << at);
            at += inWord;
        }
        return found;
    }

    private void refreshAround(int index, int count) {
        refresh(index >>> BLOCK_SHIFT, (index + count + BLOCK_MASK) >>> BLOCK_SHIFT);
    }

    private void refresh(int fromBlock, int toBlock) {
        for (int block = fromBlock; block < toBlock; block++) {
            unlist(block);
            freeFrames -= freeOf[block];
            measure(block);
            freeFrames += freeOf[block];
            list(block);
        }
    }

    /** Counts a block's free frames and its longest run of them. */
    private void measure(int block) {
        int free = 0;
        int longest = 0;
        int run = 0;
        for (int word = block << WORDS_SHIFT; word < block + 1 << WORDS_SHIFT; word++) {
            long bits = ~(allocated[word] | gone[word]);
            if (bits == -1L) {
                free += Long.SIZE;
                run += Long.SIZE;
            } else {
                free += Long.bitCount(bits);
                longest = Math.max(longest, run + Long.numberOfTrailingZeros(~bits));
                longest = Math.max(longest, longestWithin(bits));
                run = Long.numberOfLeadingZeros(~bits);
            }
        }
        freeOf[block] = (short) free;
        longestOf[block] = (short) Math.max(longest, run);
    }

    /** The longest run of ones in a word: each round shortens all runs by one. */
    private static int longestWithin(long word) {
        int length = 0;
        for (long bits = word; bits != 0; bits &= bits << 1) {
            length++;
        }
        return length;
    }

    private void list(int block) {
        if (freeOf[block] == BLOCK_FRAMES) {
            whole[block >>> 6] |= 1L << block;
        } else if (longestOf[block] > 0) {
            int size = log2(longestOf[block]);
            previous[block] = -1;
            next[block] = heads[size];
            if (next[block] >= 0) {
                previous[next[block]] = block;
            }
            heads[size] = block;
        }
    }

    private void unlist(int block) {
        if (freeOf[block] == BLOCK_FRAMES) {
            whole[block >>> 6] &= ~(1L << block);
        } else if (longestOf[block] > 0) {
            if (previous[block] >= 0) {
                next[previous[block]] = next[block];
            } else {
                heads[log2(longestOf[block])] = next[block];
            }
            if (next[block] >= 0) {
                previous[next[block]] = previous[block];
            }
        }
    }

    private static int log2(int value) {
        return Integer.SIZE - 1 - Integer.numberOfLeadingZeros(value);
    }
}
