package dev.outboard.perf.guest;

/**
 * One thing that is tried in the guest.
 *
 * @param name a sentence: what holds where it passes
 * @param work tries it, says in a few words what was seen, and throws where it does not hold
 */
record Check(String name, Work work) {
    /** What tries it. */
    interface Work {
        String run() throws Exception;
    }
}
