package dev.outboard.dma.device;

import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Tells a miss that came late from a fault. A device may ask for a page, be told of it by a push
 * that crossed its question, use it, and finish, all before the question is read here: by then the
 * page may be unmapped, and nobody did wrong.
 *
 * <p>Hence this counts how often the channel of questions was found empty, and notes the count at
 * which a page was cleared. What is read after it was found empty was asked after it was.
 *
 * <pre>
 *   clears                        hears
 *   note count c of the page      found empty
 *   clear, INVALIDATE, answer     count = c + 1     maybe looked before the clearing
 *                                 found empty
 *                                 count = c + 2     looked after it
 *                                 read a question   asked after the clearing: a fault
 * </pre>
 *
 * <p>Pages are noted by the threads of mapping services, the rest is the thread's that hears. No
 * allocation.
 */
final class ClearedPages {
    private static final int LOOKS = 2;

    private final AtomicIntegerArray notes;
    private final Runnable onUnrest;
    private volatile int count = LOOKS;
    private volatile int lastNote;

    /**
     * @param onUnrest told when pages are cleared again after a while: somebody should look
     */
    ClearedPages(int pages, Runnable onUnrest) {
        notes = new AtomicIntegerArray(pages);
        this.onUnrest = onUnrest;
    }

    /** A run is about to be cleared. */
    void note(long page, int pages) {
        int now = count;
        for (int index = (int) page; index < page + pages; index++) {
            notes.setRelease(index, now);
        }
        boolean wasQuiet = now - lastNote >= LOOKS;
        if (wasQuiet || lastNote != now) {
            lastNote = now;
        }
        if (wasQuiet) {
            onUnrest.run();
        }
    }

    /** The channel was found empty. */
    void foundEmpty() {
        // One thread writes: the increment need not be atomic.
        count = count + 1;
    }

    /** Whether no look is needed to tell every question from a late one. */
    boolean isQuiet() {
        return count - lastNote >= LOOKS;
    }

    /** Whether what was asked of a page now heard of may have been asked before it was cleared. */
    boolean mayBeLate(long page) {
        // Wraps around after two thousand million looks: then one fault may pass for a late miss.
        return count - notes.getAcquire((int) page) < LOOKS;
    }
}
