package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class FrameAllocatorTest {
    private static final int BLOCK = FrameAllocator.BLOCK_FRAMES;
    private static final long FIRST = 1L << 20;

    private record Run(long first, int frames) {}

    @Test
    void shouldFillBrokenBlocksBeforeItBreaksAWholeOne() {
        FrameAllocator frames = new FrameAllocator(FIRST, 4 * BLOCK);
        for (int frame = 0; frame < BLOCK; frame++) {
            assertThat(frames.take(1)).isLessThan(FIRST + BLOCK);
        }
        assertThat(frames.wholeBlocks()).isEqualTo(3);
        long next = frames.take(3);
        assertThat(next).isEqualTo(FIRST + BLOCK);
        frames.giveBack(FIRST + 7, 1);
        assertThat(frames.take(1)).as("the hole, not the broken block").isEqualTo(FIRST + 7);
    }

    @Test
    void shouldAlignWhatIsTwoMebibytesOrMore() {
        FrameAllocator frames = new FrameAllocator(FIRST, 5 * BLOCK);
        frames.take(1);
        assertThat(frames.take(BLOCK)).isEqualTo(FIRST + BLOCK);
        assertThat(frames.take(2 * BLOCK + 10)).isEqualTo(FIRST + 2 * BLOCK);
        assertThat(frames.take(BLOCK)).isEqualTo(FrameAllocator.NONE);
        assertThat(frames.longestRun()).isEqualTo(BLOCK - 1);
    }

    @Test
    void shouldAlignToOneGibibyteWhatIsThatLongAndSettleForLessWhereItMust() {
        int gibibyte = 1 << 18;
        long first = FIRST + BLOCK;
        FrameAllocator frames = new FrameAllocator(first, 2 * gibibyte);
        long aligned = frames.take(gibibyte);
        assertThat(aligned).isEqualTo(FIRST + gibibyte);
        frames.giveBack(aligned, gibibyte);
        frames.withhold(aligned, 1);
        assertThat(frames.take(gibibyte)).isEqualTo(aligned + BLOCK);
    }

    @Test
    void shouldTakeARunThatIsNowhereAlignedRatherThanNone() {
        FrameAllocator frames = new FrameAllocator(FIRST + 100, BLOCK + 50);
        assertThat(frames.wholeBlocks()).isZero();
        assertThat(frames.take(BLOCK + 50)).isEqualTo(FIRST + 100);
        frames.giveBack(FIRST + 100, BLOCK + 50);
        assertThat(frames.take(BLOCK + 51)).isEqualTo(FrameAllocator.NONE);
        assertThat(frames.freeFrames()).isEqualTo(BLOCK + 50);
    }

    @Test
    void shouldRefuseToTakeBackWhatWasNotTaken() {
        FrameAllocator frames = new FrameAllocator(FIRST, BLOCK);
        long taken = frames.take(4);
        assertThatThrownBy(() -> frames.giveBack(taken + 1, 4))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("were not taken");
        assertThat(frames.allocatedFrames()).isEqualTo(4);
        assertThat(frames.take(0)).isEqualTo(FrameAllocator.NONE);
        assertThat(frames.take(-1)).isEqualTo(FrameAllocator.NONE);
    }

    @Test
    void shouldGiveWithheldFramesToNobodyUntilTheyAreReadmitted() {
        FrameAllocator frames = new FrameAllocator(FIRST, BLOCK);
        long taken = frames.take(8);
        frames.withhold(FIRST, BLOCK / 2);
        assertThat(frames.freeFrames()).isEqualTo(BLOCK / 2);
        assertThat(frames.presentFrames()).isEqualTo(BLOCK / 2);
        assertThat(frames.allocatedIn(FIRST, BLOCK / 2)).isEqualTo(8);
        frames.giveBack(taken, 8);
        assertThat(frames.freeFrames()).as("they are gone").isEqualTo(BLOCK / 2);
        assertThat(frames.take(BLOCK / 2)).isEqualTo(FIRST + BLOCK / 2);
        assertThat(frames.take(1)).isEqualTo(FrameAllocator.NONE);
        frames.readmit(FIRST, BLOCK / 2);
        assertThat(frames.take(BLOCK / 2)).isEqualTo(FIRST);
    }

    @Test
    void shouldTakeNeverWhatIsTakenAndAlwaysWhatIsThere() {
        long seed = Long.getLong("dev.outboard.seed", System.nanoTime());
        try {
            churn(new Random(seed));
        } catch (AssertionError failure) {
            throw new AssertionError("seed=" + seed, failure);
        }
    }

    /** Against a bit a frame, with what a first-fit search of it finds. */
    private static void churn(Random random) {
        long first = FIRST + random.nextInt(BLOCK);
        int count = 6 * BLOCK + random.nextInt(BLOCK);
        FrameAllocator frames = new FrameAllocator(first, count);
        BitSet taken = new BitSet(count);
        BitSet gone = new BitSet(count);
        List<Run> runs = new ArrayList<>();
        List<Run> withheld = new ArrayList<>();
        for (int step = 0; step < 20_000; step++) {
            int what = random.nextInt(100);
            if (what < 52) {
                take(random, frames, first, count, taken, gone, runs);
            } else if (what < 97 && !runs.isEmpty()) {
                Run run = runs.remove(random.nextInt(runs.size()));
                frames.giveBack(run.first, run.frames);
                taken.clear((int) (run.first - first), (int) (run.first - first) + run.frames);
            } else if (withheld.size() < 3) {
                int from = random.nextInt(count);
                int length = 1 + random.nextInt(Math.min(count - from, 2 * BLOCK));
                if (gone.get(from, from + length).isEmpty()) {
                    frames.withhold(first + from, length);
                    gone.set(from, from + length);
                    withheld.add(new Run(first + from, length));
                }
            } else {
                Run run = withheld.remove(0);
                frames.readmit(run.first, run.frames);
                gone.clear((int) (run.first - first), (int) (run.first - first) + run.frames);
            }
            check(frames, count, taken, gone);
        }
    }

    private static void take(
            Random random,
            FrameAllocator frames,
            long first,
            int count,
            BitSet taken,
            BitSet gone,
            List<Run> runs) {
        int wanted = 1 + random.nextInt(1 << random.nextInt(11));
        BitSet used = (BitSet) taken.clone();
        used.or(gone);
        long at = frames.take(wanted);
        if (at == FrameAllocator.NONE) {
            assertThat(longest(used, count)).as("wanted=" + wanted).isLessThan(wanted);
            return;
        }
        int index = (int) (at - first);
        assertThat(index).isBetween(0, count - wanted);
        assertThat(used.get(index, index + wanted).isEmpty()).isTrue();
        taken.set(index, index + wanted);
        runs.add(new Run(at, wanted));
    }

    private static int longest(BitSet used, int count) {
        int longest = 0;
        for (int at = used.nextClearBit(0); at < count; at = used.nextClearBit(at)) {
            int end = used.nextSetBit(at);
            end = end < 0 ? count : Math.min(end, count);
            longest = Math.max(longest, end - at);
            at = end;
        }
        return longest;
    }

    private static void check(FrameAllocator frames, int count, BitSet taken, BitSet gone) {
        BitSet used = (BitSet) taken.clone();
        used.or(gone);
        assertThat(frames.allocatedFrames()).isEqualTo(taken.cardinality());
        assertThat(frames.freeFrames()).isEqualTo(count - used.cardinality());
        assertThat(frames.presentFrames()).isEqualTo(count - gone.cardinality());
        assertThat(frames.longestRun()).isEqualTo(longest(used, count));
    }

    /**
     * What the order of allocation is for: when half of the memory was given back by random pages
     * of random ages, runs of 2 MiB are still whole, which a search from the last place on, as
     * before, leaves hardly any of.
     */
    @Test
    void shouldKeepRunsWholeUnderChurn() {
        long seed = Long.getLong("dev.outboard.seed", System.nanoTime());
        Random random = new Random(seed);
        int blocks = 64;
        FrameAllocator frames = new FrameAllocator(FIRST, blocks * BLOCK);
        List<Long> pages = new ArrayList<>();
        for (int step = 0; step < 400_000; step++) {
            boolean grow = pages.size() < blocks * BLOCK / 4 || random.nextInt(100) < 48;
            if (grow && pages.size() < blocks * BLOCK / 2) {
                pages.add(frames.take(1));
            } else {
                int index = random.nextInt(pages.size());
                Collections.swap(pages, index, pages.size() - 1);
                frames.giveBack(pages.removeLast(), 1);
            }
        }
        int used = pages.size() / BLOCK + 1;
        assertThat(frames.wholeBlocks())
                .as("seed=%d, of %d blocks as many pages as fit %d are taken", seed, blocks, used)
                .isGreaterThanOrEqualTo((blocks - used) / 2);
        long run = frames.take(BLOCK);
        assertThat(run & BLOCK - 1).isZero();
        assertThat(Arrays.asList(run)).doesNotContain(FrameAllocator.NONE);
    }
}
