package dev.outboard.perf.disk;

import dev.outboard.driver.ClientContext;
import dev.outboard.perf.pattern.Pattern;
import java.lang.foreign.MemorySegment;

/**
 * Writes a region round and round with a pattern of seed, block and lap, and reads it back: every
 * byte compared. A block that a write never reached, or an older lap's, does not pass.
 */
final class PatternWork {
    private final Region region;
    private final Pattern pattern;
    private final ClientContext context;
    private long lap;
    private long position;
    private long corrupt;
    private String firstCorrupt = "";

    PatternWork(Region region, long seed, ClientContext context) {
        this.region = region;
        this.context = context;
        pattern = new Pattern(seed, region.blockBytes());
    }

    /** Writes for a time, the whole region at least once. */
    Work writing(long durationNanos) {
        return new Round(true, durationNanos);
    }

    /** Reads for a time, the whole region at least once. */
    Work reading(long durationNanos) {
        return new Round(false, durationNanos);
    }

    /** Blocks that were not what was written. */
    long corrupt() {
        return corrupt;
    }

    /** The first such block in words; empty where there was none. */
    String firstCorrupt() {
        return firstCorrupt;
    }

    /** The lap that wrote a block last: the present one has come as far as {@code position}. */
    private long lapOf(long index) {
        return index < position ? lap : lap - 1;
    }

    private final class Round implements Work {
        private final boolean write;
        private final long durationNanos;
        private final long startNanos = System.nanoTime();
        private long asked;
        private int underWay;
        private long readPosition;

        private Round(boolean write, long durationNanos) {
            this.write = write;
            this.durationNanos = durationNanos;
        }

        @Override
        public long next() {
            if (context.isStopping()
                    || (asked >= region.blocks()
                            && System.nanoTime() - startNanos >= durationNanos)) {
                return DONE;
            }
            if (write && position == region.blocks() && underWay > 0) {
                // A disk works in an order of its own: one lap's writes end before the next lap's.
                return LATER;
            }
            asked++;
            underWay++;
            return region.firstBlock() + (write ? nextWrite() : nextRead());
        }

        private long nextWrite() {
            if (position == region.blocks()) {
                position = 0;
                lap++;
            }
            return position++;
        }

        private long nextRead() {
            readPosition = readPosition == region.blocks() ? 0 : readPosition;
            return readPosition++;
        }

        @Override
        public boolean isWrite() {
            return write;
        }

        @Override
        public void fill(long block, MemorySegment memory, long offset) {
            pattern.fill(memory, offset, region.blockBytes(), key(block));
        }

        @Override
        public void done(long block, MemorySegment memory, long offset, long nanos) {
            underWay--;
            if (write) {
                return;
            }
            int mismatch = pattern.mismatch(memory, offset, region.blockBytes(), key(block));
            if (mismatch >= 0) {
                firstCorrupt =
                        corrupt == 0
                                ? "block %d of %d bytes is wrong, first at byte %d"
                                        .formatted(block, region.blockBytes(), mismatch)
                                : firstCorrupt;
                corrupt++;
            }
        }

        private long key(long block) {
            return pattern.key(block, lapOf(block - region.firstBlock()));
        }
    }
}
