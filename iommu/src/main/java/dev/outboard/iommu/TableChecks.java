package dev.outboard.iommu;

/** What a table cannot take, and what to say then; kept off the paths that write one page. */
final class TableChecks {
    private TableChecks() {}

    /** Refuses a run that is empty or not in the table. */
    static void requireRun(PageTable table, long page, long pages) {
        if (page < 0 || pages <= 0 || pages > table.pages() - page) {
            throw new IndexOutOfBoundsException(
                    "a run of pages=%d from page=0x%x is not in a %s table of pages=%d"
                            .formatted(pages, page, table.format().title(), table.pages()));
        }
    }

    /** Refuses a run, in the table, that the format's entries cannot express. */
    static void requireEncodable(
            TableFormat format, long page, long pageFrame, long pages, int access) {
        long lastFrame = pageFrame + pages - 1;
        long misfit = (pageFrame | lastFrame) & ~format.maxPageFrame();
        if (misfit != 0 || access <= Access.NONE || access > Access.READ_WRITE) {
            throw of(format, pageFrame, pages, access);
        }
        requireAligned(format, page | pageFrame, pages);
    }

    /** Refuses a run that does not consist of whole entries. */
    static void requireAligned(TableFormat format, long page, long pages) {
        long granuleMask = (1L << format.granuleShift()) - 1;
        if (((page | pages) & granuleMask) != 0) {
            throw new IllegalArgumentException(
                    ("a run of pages=%d is not aligned to the %d pages of a %s entry, in IOVA and"
                                    + " in memory")
                            .formatted(pages, granuleMask + 1, format.title()));
        }
    }

    /** Why a format cannot express a run of page frames with these rights. */
    static IllegalArgumentException of(TableFormat format, long pageFrame, long pages, int access) {
        if (access <= Access.NONE || access > Access.READ_WRITE) {
            return new IllegalArgumentException("access=" + access + " is not read, write or both");
        }
        boolean isFirst = pageFrame < 0 || pageFrame > format.maxPageFrame();
        return new IllegalArgumentException(
                "pageFrame=0x%x does not fit a %s entry (0 to 0x%x)"
                        .formatted(
                                isFirst ? pageFrame : pageFrame + pages - 1,
                                format.title(),
                                format.maxPageFrame()));
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
