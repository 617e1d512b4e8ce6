package dev.outboard.dma.mediator;

/**
 * Frames of one client that another's domain may map. The mediator's thread.
 *
 * @param id its number, never used again
 * @param granter whose frames they are
 * @param domain who may map them
 * @param memory the segment they lie in
 * @param firstFrame and {@code frames}: the run
 * @param access the most they may be mapped for
 */
record Grant(
        long id,
        ClientSession granter,
        SessionDomain domain,
        ClientMemory memory,
        long firstFrame,
        long frames,
        int access) {
    long endFrame() {
        return firstFrame + frames;
    }
}
