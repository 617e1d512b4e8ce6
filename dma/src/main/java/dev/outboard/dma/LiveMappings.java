package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.util.Arrays;

/**
 * Which pages mappings begin in, for strategies that compute IOVAs instead of handing them out. One
 * thread; allocates nothing after construction.
 */
final class LiveMappings {
    private final long[] uses;

    LiveMappings(int pages) {
        uses = new long[pages];
    }

    /** One more begins in this page; false if there are too many already. */
    boolean add(int page, int lengthBytes) {
        long word = uses[page];
        if (Uses.isFull(word, lengthBytes)) {
            return false;
        }
        uses[page] = Uses.add(word, lengthBytes);
        return true;
    }

    /** One less; false, and nothing is changed, if there cannot be one of this length. */
    boolean remove(long page, int lengthBytes) {
        if (page < 0 || page >= uses.length) {
            return false;
        }
        long left = Uses.remove(uses[(int) page], lengthBytes);
        if (left == Uses.NONE) {
            return false;
        }
        uses[(int) page] = left;
        return true;
    }

    /**
     * Shows the mappings that may have any of some pages of a region: which begin in one page count
     * as one, as long as all of them and a page more, so too many may be shown.
     *
     * @param firstPage of the region, which leads to {@code firstFrame} and those after it
     * @param pages of the region
     */
    void visit(
            int firstPage, int pages, long firstFrame, FrameRange range, MappingVisitor visitor) {
        for (int at = 0; at < pages; at++) {
            long lengthBytes = Uses.lengths(uses[firstPage + at]);
            int shortest = (int) (lengthBytes + IoPage.OFFSET_MASK >>> IoPage.SHIFT);
            // Where in its page it begins is not known.
            int longest = Math.min(pages - at, shortest + 1);
            if (lengthBytes > 0 && range.overlaps(firstFrame + at, longest)) {
                visitor.mapping(firstPage + at, shortest, firstFrame + at, longest);
            }
        }
    }

    /** Whether a mapping begins in any of these pages. */
    boolean any(int page, int pages) {
        for (int at = page; at < page + pages; at++) {
            if (uses[at] != 0) {
                return true;
            }
        }
        return false;
    }

    /** Forgets what begins in a run of pages. */
    void clear(int page, int pages) {
        Arrays.fill(uses, page, page + pages, 0);
    }
}
