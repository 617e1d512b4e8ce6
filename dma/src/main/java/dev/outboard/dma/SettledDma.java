package dev.outboard.dma;

/**
 * An unmap is over when no device reaches the buffer any more: it asks the devices to forget it,
 * and waits until they have. A batch asks for all of it and waits once.
 *
 * <p>With {@link #unmapAllLater} the wait is the caller's, who has other work meanwhile: runs of
 * such batches stand in a queue, and their IOVA is given back when the flush is found complete. If
 * a device is stuck, they stay there until a flush of everything succeeds. One thread; no
 * allocation, but where the queue grows.
 */
abstract class SettledDma extends TranslatedDma {
    private final PendingRuns pending = new PendingRuns();

    /** Batches whose unmapping was begun and not found complete, by tickets. */
    private long lastTicket;

    private long settledTicket;

    SettledDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
    }

    /** Whether one invalidation may name several neighbouring buffers. */
    abstract boolean invalidatesNeighbours();

    @Override
    final void releaseRun(long page, int pages) {
        reclaim(page, pages);
    }

    @Override
    final void releaseEntry(long entry) {
        reclaimEntry(entry);
    }

    @Override
    final void releaseAll(long[] iovas, int[] lengths, int count) {
        boolean settled = false;
        try {
            clearBatch(iovas, lengths, count, invalidatesNeighbours());
            settleOrNeedFlush();
            settled = true;
        } finally {
            giveBackBatch(settled);
        }
    }

    @Override
    final long releaseAllLater(long[] iovas, int[] lengths, int count) {
        clearBatch(iovas, lengths, count, invalidatesNeighbours());
        queueBatch(pending);
        lastTicket++;
        return isOver(lastTicket) ? UNMAPPED : lastTicket;
    }

    @Override
    final boolean isOver(long ticket) {
        if (ticket > settledTicket && isFlushed() && isSettled()) {
            giveBackPending();
        }
        return ticket <= settledTicket;
    }

    @Override
    final void awaitOver(long ticket) {
        if (ticket > settledTicket) {
            settlePending();
        }
    }

    private boolean isSettled() {
        boolean answered = false;
        try {
            boolean settled = translations.poll();
            answered = true;
            return settled;
        } finally {
            if (!answered) {
                needFlush();
            }
        }
    }

    /** After a flush that failed, whichever it was for, only one of everything tells. */
    private void settlePending() {
        if (isFlushed()) {
            settleOrNeedFlush();
            giveBackPending();
        } else {
            flushAll();
        }
    }

    private void giveBackPending() {
        settledTicket = lastTicket;
        while (!pending.isEmpty()) {
            free(pending.firstPage(), pending.pages());
            pending.drop();
        }
    }

    @Override
    boolean awaitRoom() {
        if (pending.isEmpty()) {
            return false;
        }
        settlePending();
        return true;
    }

    @Override
    void flushAll() {
        super.flushAll();
        giveBackPending();
    }
}
