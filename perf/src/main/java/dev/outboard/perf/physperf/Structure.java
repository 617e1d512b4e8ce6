package dev.outboard.perf.physperf;

import dev.outboard.dma.segment.DirectorySegments;
import dev.outboard.dma.segment.RedBlackSegments;
import dev.outboard.dma.segment.SegmentMap;
import dev.outboard.dma.segment.SortedArraySegments;

/** What holds segments. */
enum Structure {
    SORTED_ARRAY("sorted array"),
    RED_BLACK("red-black tree"),
    DIRECTORY("directory");

    private final String title;

    Structure(String title) {
        this.title = title;
    }

    /** For people. */
    String title() {
        return title;
    }

    /** Empty. The array takes no more than its capacity, and is filled before memory is up. */
    SegmentMap create(int arrayCapacity) {
        return switch (this) {
            case SORTED_ARRAY -> SortedArraySegments.booting(arrayCapacity);
            case RED_BLACK -> new RedBlackSegments();
            case DIRECTORY -> new DirectorySegments();
        };
    }
}
