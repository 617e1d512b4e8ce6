package dev.outboard.dma;

import dev.outboard.uio.MemoryFile;

/**
 * Where a {@link PhysicalMemory} gets further segments from: this process, or the mediator. Any
 * thread, one change at a time.
 */
public interface SegmentSource {
    /**
     * Memory that was made, and where it is.
     *
     * @param file of just its length, taken over by who gets it
     * @param kind what its pages are: never {@link PageKind#AUTO}
     */
    record Made(long physicalAddress, MemoryFile file, PageKind kind) {}

    /**
     * Makes memory for a segment.
     *
     * @param lengthBytes a multiple of the page size
     * @throws QuotaExceededException if there is not that much
     * @throws IllegalArgumentException or {@link IllegalStateException} if it cannot be
     */
    Made make(long lengthBytes, PageKind kind);

    /**
     * All of what was made there is used by nobody any more, and nobody remembers it: its addresses
     * may come again.
     */
    void takeBack(long physicalAddress, long lengthBytes);

    /**
     * No further segments.
     *
     * @param why in a sentence, with the remedy
     */
    static SegmentSource none(String why) {
        return new SegmentSource() {
            @Override
            public Made make(long lengthBytes, PageKind kind) {
                throw new IllegalStateException(why);
            }

            @Override
            public void takeBack(long physicalAddress, long lengthBytes) {
                // Whoever made the first segments takes them back with the memory.
            }
        };
    }
}
