package dev.outboard.dma.segment;

/** The structures that hold segments, for tests that run on each. */
enum Structure {
    SORTED_ARRAY,
    RED_BLACK,
    DIRECTORY;

    private static final int CAPACITY = 4096;

    /** Empty, with memory up. */
    SegmentMap create() {
        return switch (this) {
            case SORTED_ARRAY -> new SortedArraySegments(CAPACITY);
            case RED_BLACK -> new RedBlackSegments();
            case DIRECTORY -> new DirectorySegments();
        };
    }

    /** Empty, before memory is up, with room for {@link SegmentMap#BOOT_SEGMENTS}. */
    SegmentMap booting() {
        return switch (this) {
            case SORTED_ARRAY -> SortedArraySegments.booting(SegmentMap.BOOT_SEGMENTS);
            case RED_BLACK -> RedBlackSegments.booting();
            case DIRECTORY -> DirectorySegments.booting();
        };
    }

    /** Whether a handle stays while its segment lives. */
    boolean keepsHandles() {
        return this != SORTED_ARRAY;
    }
}
