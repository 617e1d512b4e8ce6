package dev.outboard.dma.window;

import dev.outboard.iommu.IoPage;
import java.util.Comparator;
import java.util.List;

/**
 * IOVA that no window can have.
 *
 * @param first as an unsigned number
 * @param last the last, which belongs to it
 */
public record ReservedRange(long first, long last) {
    /** Pages that can be used. */
    record Run(int first, int end) {
        int pages() {
            return end - first;
        }
    }

    /**
     * The longest run of pages that nothing reserved cuts into: strategies want one, and the ranges
     * that there are leave most of any table.
     *
     * @param firstPage of the table
     * @param endPage behind its last
     * @throws IllegalArgumentException if none is left
     */
    static Run longest(List<ReservedRange> reserved, int firstPage, int endPage) {
        List<ReservedRange> sorted =
                reserved.stream()
                        .sorted(Comparator.comparing(ReservedRange::first, Long::compareUnsigned))
                        .toList();
        Run best = new Run(firstPage, firstPage);
        long from = firstPage;
        for (ReservedRange range : sorted) {
            long start = Math.min(range.first >>> IoPage.SHIFT, endPage);
            if (start - from > best.pages()) {
                best = new Run((int) from, (int) start);
            }
            from = Math.max(from, (range.last >>> IoPage.SHIFT) + 1);
        }
        if (endPage - from > best.pages()) {
            best = new Run((int) from, endPage);
        }
        if (best.pages() == 0) {
            throw new IllegalArgumentException(
                    "all IOVA up to 0x%x is reserved: %s: take more (--table-entries)"
                            .formatted((long) endPage << IoPage.SHIFT, sorted));
        }
        return best;
    }

    @Override
    public String toString() {
        return "0x%x-0x%x".formatted(first, last);
    }
}
