package dev.outboard.perf.attack;

import java.util.ArrayDeque;

/**
 * Mappings that were undone and whose window has not ended by the promise: oldest first. One
 * thread.
 */
final class StaleRuns {
    private record Stale(MappedRun run, long sinceNanos) {}

    private final ArrayDeque<Stale> oldestFirst = new ArrayDeque<>();
    private final Promise promise;
    private final Pool pool;
    private final IovaPages iovas;
    private long pages;
    private long closed;

    StaleRuns(Promise promise, Pool pool, IovaPages iovas) {
        this.promise = promise;
        this.pool = pool;
        this.iovas = iovas;
    }

    int count() {
        return oldestFirst.size();
    }

    /** How many were ever added: a place in their order. */
    long added() {
        return closed + oldestFirst.size();
    }

    /** Ends the windows of all that were added up to a place in their order. */
    void closeUpTo(long place) {
        close((int) Math.max(0, place - closed));
    }

    /** The unmap of it has returned. */
    void add(MappedRun run) {
        oldestFirst.addLast(new Stale(run, System.nanoTime()));
        pages += run.pages();
        if (promise.isOpenAlways() || promise.isGranted()) {
            // The pool as a whole is open: a mapping adds nothing to that.
            close(oldestFirst.size());
        } else {
            closeBounded();
        }
    }

    /** Ends windows that the promise bounds, by count or by the clock. */
    void closeBounded() {
        while (promise.closesByCount() && pages > promise.windowEntries()) {
            close(1);
        }
        if (promise.windowNanos() == Long.MAX_VALUE) {
            return;
        }
        long now = System.nanoTime();
        while (!oldestFirst.isEmpty()
                && now - oldestFirst.getFirst().sinceNanos() > promise.windowNanos()) {
            close(1);
        }
    }

    /** Ends the windows of the oldest so many. */
    void close(int count) {
        for (int index = 0; index < count; index++) {
            var run = oldestFirst.removeFirst().run();
            pages -= run.pages();
            closed++;
            iovas.close(run);
            for (int page = run.page(); page < run.page() + run.pages(); page++) {
                pool.closeStale(page, run.direction());
            }
        }
    }
}
