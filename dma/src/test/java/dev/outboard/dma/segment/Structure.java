package dev.outboard.dma.segment;

/** The structures that hold segments, for tests that run on each. */
enum Structure {
    DIRECTORY;

    /** Empty, with memory up. */
    SegmentMap create() {
        return switch (this) {
            case DIRECTORY -> new DirectorySegments();
        };
    }

    /** Empty, before memory is up. */
    SegmentMap booting() {
        return switch (this) {
            case DIRECTORY -> DirectorySegments.booting();
        };
    }

    /** Whether a handle stays while its segment lives. */
    boolean keepsHandles() {
        return true;
    }
}
