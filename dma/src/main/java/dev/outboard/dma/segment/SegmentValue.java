package dev.outboard.dma.segment;

/** What can be asked about a segment by its handle. */
enum SegmentValue {
    START,
    END,
    AVAIL_START,
    AVAIL_END,
    FREE_LIST,
    START_HINT
}
