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
     * Finds physical addresses for memory that another process made, as {@link #make} does for what
     * it makes; given back by {@link #takeBack}.
     *
     * @param lengthBytes a multiple of the page size
     * @throws IllegalStateException if others' memory cannot stand beside this, in a sentence
     * @throws IllegalArgumentException if there are no addresses for so much
     */
    default long place(long lengthBytes) {
        throw new IllegalStateException(
                "this memory is somebody else's to give, who takes none of other processes");
    }

    /**
     * Some of what was made, all of it or a part, is about to be unplugged: nobody here has any of
     * it, and everybody here who must agree has agreed.
     *
     * @throws RuntimeException if whoever made it does not let it go; then it stays
     */
    default void release(long physicalAddress, long lengthBytes, Unplug how) {}

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
