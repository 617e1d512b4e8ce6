package dev.outboard.iommu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/** Tables of every format and structure, for tests that hold for all of them. */
final class TestTables {
    /** Pages of IOVA where there is a choice: room for two pages of 1 GiB. */
    private static final int PAGES = 512 * 1024;

    /** One table as its owner and as a device sees it. */
    record Pair(PageTable owner, PageTable walker, MemorySegment memory) {}

    private TestTables() {}

    /** Every format, and every number of levels that differs in kind. */
    static List<String> titles() {
        return List.of(
                "calgary",
                "dart",
                "papr",
                "papr:2",
                "papr:3",
                "papr:5",
                "papr-64k",
                "papr-64k:2",
                "papr-2m",
                "papr-2m:4",
                "papr-16m",
                "papr-16m:5",
                "vtd",
                "vtd:4",
                "amdv1",
                "amdv1:2",
                "amdv1:6",
                "vhpt");
    }

    static Pair create(TableFormat format, Arena arena) {
        return create(format, format.entriesFor(PAGES), arena);
    }

    static Pair create(TableFormat format, int entries, Arena arena) {
        MemorySegment memory = arena.allocate(format.tableBytes(entries), IoPage.BYTES);
        return new Pair(
                format.create(memory, entries), format.open(memory.asReadOnly(), entries), memory);
    }

    /** The orders of page that a format has, from its specification. */
    static int[] orders(TableFormat format) {
        if (format instanceof VtdFormat) {
            return new int[] {0, 9, 18};
        }
        if (format instanceof AmdV1Format) {
            return IntStream.range(0, 9 * format.levels()).toArray();
        }
        if (format == VhptFormat.INSTANCE) {
            return new int[] {0, 1, 2, 4, 6, 8, 10, 12, 14, 16};
        }
        return new int[] {format.granuleShift()};
    }
}
