package dev.outboard.dma;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * What is granted at a moment, to be searched by address; never changed, only replaced. Pieces may
 * overlap, for one page may be granted several times.
 */
final class GrantedRegions {
    static final GrantedRegions NONE = new GrantedRegions(List.of());

    private final long[] starts;
    private final long[] ends;

    /** The last end of this piece and all before it: where a search may stop. */
    private final long[] lastEnds;

    /** What turns a physical address of a piece into its IOVA. */
    private final long[] shifts;

    private final int[] accesses;

    /**
     * Who ends a piece: its grant, who gives an allocation back, another process, or who unplugs
     * the segment that was lent.
     */
    enum Origin {
        GRANT,
        ALLOCATION,
        RECEIVED,
        LENT
    }

    /** A piece, its IOVA pages, and what a device may do with it. */
    record Region(
            long start,
            long lengthBytes,
            DmaDirection direction,
            long page,
            int pages,
            long shift,
            Origin origin,
            long sinceNanos) {
        long end() {
            return start + lengthBytes;
        }
    }

    GrantedRegions(List<Region> regions) {
        Region[] sorted = regions.toArray(Region[]::new);
        Arrays.sort(sorted, Comparator.comparingLong(Region::start));
        starts = Arrays.stream(sorted).mapToLong(Region::start).toArray();
        ends = Arrays.stream(sorted).mapToLong(Region::end).toArray();
        shifts = Arrays.stream(sorted).mapToLong(Region::shift).toArray();
        accesses = Arrays.stream(sorted).mapToInt(region -> region.direction().access()).toArray();
        lastEnds = ends.clone();
        for (int index = 1; index < lastEnds.length; index++) {
            lastEnds[index] = Math.max(lastEnds[index], lastEnds[index - 1]);
        }
    }

    /** Whether a piece holds all these bytes and allows that; any index will do. */
    boolean fits(int index, long address, int lengthBytes, int access) {
        return index < starts.length
                && address >= starts[index]
                && address <= ends[index] - lengthBytes
                && (accesses[index] & access) == access;
    }

    /** A piece that {@link #fits}, or -1. */
    int find(long address, int lengthBytes, int access) {
        int low = 0;
        int high = starts.length;
        while (low < high) {
            int middle = low + high >>> 1;
            if (starts[middle] <= address) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        for (int index = low - 1; index >= 0 && lastEnds[index] > address; index--) {
            if (fits(index, address, lengthBytes, access)) {
                return index;
            }
        }
        return -1;
    }

    long shift(int index) {
        return shifts[index];
    }
}
