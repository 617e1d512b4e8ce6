package dev.outboard.iommu;

/** What to say when a table cannot take a run; kept off the paths that write entries. */
final class Unencodable {
    private Unencodable() {}

    /** Why a format cannot express a run of page frames with these rights. */
    static IllegalArgumentException of(TableFormat format, long pageFrame, long pages, int access) {
        if (access <= Access.NONE || access > Access.READ_WRITE) {
            return new IllegalArgumentException("access=" + access + " is not read, write or both");
        }
        long unfit =
                pageFrame < 0 || pageFrame > format.maxPageFrame()
                        ? pageFrame
                        : pageFrame + pages - 1;
        if (unfit < 0 || unfit > format.maxPageFrame()) {
            return new IllegalArgumentException(
                    "pageFrame=0x%x does not fit a %s entry (0 to 0x%x)"
                            .formatted(unfit, format.title(), format.maxPageFrame()));
        }
        return new IllegalArgumentException(
                "a run of pages=%d to pageFrame=0x%x is not aligned to the %d pages of a %s entry"
                        .formatted(pages, pageFrame, 1L << format.granuleShift(), format.title()));
    }

    /** Why a run cannot be cleared. */
    static IllegalArgumentException unaligned(TableFormat format, long page, long pages) {
        return new IllegalArgumentException(
                "a run of pages=%d from page=0x%x is not aligned to the %d pages of a %s entry"
                        .formatted(pages, page, 1L << format.granuleShift(), format.title()));
    }

    /**
     * Refuses to clear a run that holds a part of an entry, of which {@code page} is one page: the
     * rest of the entry, or an IOTLB that got it by the rest, would still let the run through.
     */
    static void requireUncut(PageTable table, long page, long first, long run) {
        int order = Translation.order(table.walk(page));
        long entryPage = page & -(1L << order);
        if (entryPage < first || entryPage + (1L << order) > first + run) {
            throw cut(first, run, entryPage, order);
        }
    }

    private static IllegalArgumentException cut(long page, long pages, long cutPage, int order) {
        return new IllegalArgumentException(
                ("a run of pages=%d from page=0x%x cuts the entry of %d pages at page=0x%x:"
                                + " clear runs as they were mapped")
                        .formatted(pages, page, 1L << order, cutPage));
    }

    /** Why a run is not in a table. */
    static IndexOutOfBoundsException run(TableFormat format, long page, long pages, long limit) {
        return new IndexOutOfBoundsException(
                "a run of pages=%d from page=0x%x is not in a %s table of pages=%d"
                        .formatted(pages, page, format.title(), limit));
    }

    /** Refuses a size that no table of the format has, or memory of another length. */
    static void requireTable(TableFormat format, long memoryBytes, int entries) {
        if (!format.isTableSize(entries)) {
            throw new IllegalArgumentException(
                    "entries=%d is no size of a %s table (at most %d)"
                            .formatted(entries, format.title(), format.maxEntries()));
        }
        if (memoryBytes != format.tableBytes(entries)) {
            throw new IllegalArgumentException(
                    "lengthBytes=%d of memory, but %d %s entries take %d"
                            .formatted(
                                    memoryBytes,
                                    entries,
                                    format.title(),
                                    format.tableBytes(entries)));
        }
    }
}
