package dev.outboard.dma.pool;

import dev.outboard.dma.MemoryListener;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.IoPage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Pages of a {@link PhysicalMemory}, held ready: a path that may not block always gets one at once,
 * or is refused at once. See the package for the picture.
 *
 * <p>It owns its pages, also those that are taken, and one thread that refills it. Any thread may
 * call it; threads that take and give back each have a taker of their own. Taking and giving back
 * allocate nothing; the refill thread makes an object for each page that is new to the pool.
 *
 * <p>Of memory that is about to be unplugged it lets go by itself.
 */
public final class PagePool implements AutoCloseable {
    /** The most takers a pool has at once. */
    public static final int MAX_TAKERS = 1024;

    /** From so many on, pages that were given back are worth waking a thread that sleeps. */
    private static final int WORTH_WAKING = 64;

    /** How often a taker looks for pages that are being moved, before it is refused. */
    private static final int MOST_LOOKS = 8;

    private static final long SWEEP_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** How often memory that is unplugged is looked through, while pages of it are taken. */
    private static final int MOST_ATTEMPTS = 5;

    private static final long ATTEMPT_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final String name;
    private final PoolMarks marks;
    private final PageTable table = new PageTable();

    /** Wiped, for everybody: the level is that of this one. */
    private final PageStack free = PageStack.counted(table);

    /** Wiped, and looked through already while memory is to be left: for who may not block. */
    private final PageStack aside = PageStack.unbounded(table);

    /** Given back, not wiped yet. */
    private final PageStack returned = PageStack.unbounded(table);

    /** Pages in {@link #returned}, or about to be. */
    private final AtomicInteger returnedPages = new AtomicInteger();

    /** The lowest level since it was last asked for. */
    private final AtomicInteger lowest = new AtomicInteger();

    private final RefillSignal signal = new RefillSignal();
    private final Takers takers = new Takers();
    private final Sleepers sleepers = new Sleepers();
    private final PhysicalMemory memory;
    private final RefillThread refill;
    private final Thread thread;
    private final MemoryListener drainage =
            new MemoryListener() {
                @Override
                public void drain(long physicalAddress, long lengthBytes) {
                    releasePatiently(physicalAddress, lengthBytes);
                }
            };

    private volatile boolean closed;

    /** The refill thread has ended. */
    private volatile boolean ended;

    private PagePool(PhysicalMemory memory, String name, PoolMarks marks) {
        this.name = name;
        this.marks = marks;
        this.memory = memory;
        refill = new RefillThread(this, memory);
        thread = Thread.ofPlatform().daemon().name("refill-" + name).unstarted(refill);
    }

    /**
     * A pool with the marks that fit this memory, filled as a pool begins.
     *
     * @param name for messages and the thread, as {@code nic0}
     * @throws IllegalArgumentException if the memory has less than 16 pages
     */
    public static PagePool open(PhysicalMemory memory, String name) {
        return open(memory, name, PoolMarks.ofMemory(memory.lengthBytes() >>> IoPage.SHIFT));
    }

    /**
     * A pool with marks of one's own.
     *
     * @param memory borrowed: it is closed after the pool
     */
    public static PagePool open(PhysicalMemory memory, String name, PoolMarks marks) {
        PagePool pool = new PagePool(memory, name, marks);
        try {
            pool.refill.startUp();
            pool.lowest.set(pool.level());
            pool.thread.start();
            memory.addListener(pool.drainage);
            return pool;
        } catch (RuntimeException failure) {
            pool.closed = true;
            pool.refill.discardAll();
            pool.signal.close();
            throw failure;
        }
    }

    /** The marks it keeps to. */
    public PoolMarks marks() {
        return marks;
    }

    /** Pages that are free and wiped now. */
    public int level() {
        return free.count();
    }

    /**
     * A taker for a thread that may not block.
     *
     * @throws IllegalStateException if the pool is closed or has {@link #MAX_TAKERS}
     */
    public UrgentTaker openUrgent() {
        requireOpen();
        return takers.add(new UrgentTaker(this));
    }

    /**
     * A taker for a thread that may sleep.
     *
     * @throws IllegalStateException if the pool is closed or has {@link #MAX_TAKERS}
     */
    public PatientTaker openPatient() {
        return openPatient(Thread::yield);
    }

    /** The same, with a yield that a test can look into. */
    PatientTaker openPatient(Runnable slowDown) {
        requireOpen();
        return takers.add(new PatientTaker(this, PageStack.counted(table), slowDown));
    }

    void forget(UrgentTaker taker) {
        takers.remove(taker);
    }

    void forget(PatientTaker taker) {
        takers.remove(taker);
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException(this + " is closed");
        }
    }

    boolean isClosed() {
        return closed;
    }

    boolean isLow() {
        return free.count() < marks.low();
    }

    boolean isHigh() {
        return free.count() >= marks.high();
    }

    /** Pages for who may not block, down to the last; 0 if there is none anywhere. */
    int takeUrgently(PoolPage[] into, int wanted) {
        int got = free.pop(into, wanted, 0);
        for (int look = 0; got == 0 && look < MOST_LOOKS; look++) {
            got = scavenge(into);
            if (got > 0 || free.isEmpty() && !refill.isSweeping()) {
                break;
            }
            // What is nowhere was on its way from where we had not looked to where we had.
            got = free.pop(into, wanted, 0);
        }
        afterTaking();
        return got;
    }

    /** One page that is not free, yet nobody's. */
    private int scavenge(PoolPage[] into) {
        PoolPage page = aside.pop();
        if (page == null) {
            page = takers.popCached();
        }
        if (page == null) {
            page = returned.pop();
            if (page == null) {
                return 0;
            }
            returnedPages.getAndDecrement();
        }
        if (!page.wipe()) {
            // Its memory was taken away by force: the refill thread gives it up.
            giveBack(page);
            return 0;
        }
        into[0] = page;
        return 1;
    }

    /** Pages for who may sleep: one at a time where there are few, none of the reserve. */
    int takePatiently(PoolPage[] into, int wanted) {
        int plenty = free.pop(into, wanted, marks.low());
        int got = plenty > 0 ? plenty : free.pop(into, 1, marks.reserve());
        afterTaking();
        return got;
    }

    /** Notes the level, and wakes the refill thread if it is too low to let it sleep. */
    private void afterTaking() {
        int level = free.count();
        noteLevel(level);
        if (level < marks.low()) {
            int how = signal.state();
            boolean isSoonEnough = how == RefillSignal.DOZING && level >= marks.reserve();
            if (how != RefillSignal.STARVED && !isSoonEnough) {
                signal.wake(how);
            }
        }
    }

    private void noteLevel(int level) {
        int seen = lowest.getOpaque();
        while (level < seen && !lowest.weakCompareAndSetVolatile(seen, level)) {
            seen = lowest.getOpaque();
        }
    }

    /** The lowest level that a taker left since this was last called. Any thread. */
    public int lowestLevel() {
        return lowest.getAndSet(level());
    }

    /** Pages come back: the refill thread wipes them. */
    void giveBack(PoolPage[] pages, int from, int to) {
        if (from < to) {
            int waiting = returnedPages.addAndGet(to - from);
            returned.push(pages, from, to);
            afterGivingBack(waiting);
        }
    }

    void giveBack(PoolPage page) {
        int waiting = returnedPages.incrementAndGet();
        returned.push(page);
        afterGivingBack(waiting);
    }

    private void afterGivingBack(int waiting) {
        if (ended) {
            // Nobody else does it now: "ended" was set before the stacks were emptied.
            refill.discardAll();
            return;
        }
        int how = signal.state();
        boolean isWanted =
                switch (how) {
                    case RefillSignal.STARVED -> true;
                    case RefillSignal.DOZING -> free.count() < marks.reserve();
                    case RefillSignal.ASLEEP -> waiting >= WORTH_WAKING || isLow();
                    default -> false;
                };
        if (isWanted) {
            signal.wake(how);
        }
    }

    /** Moves what a taker put aside to the pages that were given back. */
    void empty(PageStack cache, PoolPage[] passing) {
        int got = cache.pop(passing, passing.length, 0);
        while (got > 0) {
            giveBack(passing, 0, got);
            got = cache.pop(passing, passing.length, 0);
        }
    }

    /** Waits until who may sleep can have a page; false if the time was up. */
    boolean awaitMoreThanReserve(long deadlineNanos) throws InterruptedException {
        signal.wake(signal.state());
        return sleepers.await(
                () -> closed || free.count() > marks.reserve(), deadlineNanos, this::requireOpen);
    }

    /**
     * Lets go of a range of memory that the physical memory hands nothing out of any more: free
     * pages of it go back at once, taken ones when they are given back. If the physical memory
     * hands out pages of it again, they are the pool's as before.
     *
     * <p>Takers that may not block are not refused for it. Pages in the magazine of a thread that
     * does nothing stay there until its next step.
     *
     * @param physicalAddress of the first byte
     * @return pages of the range that the pool still has, taken or in a magazine
     * @throws IllegalStateException if the pool is closed
     */
    public int release(long physicalAddress, long lengthBytes) {
        requireOpen();
        takers.recall();
        return refill.sweep(new PageRange(physicalAddress, lengthBytes), SWEEP_NANOS);
    }

    /** Gives threads whose magazines are asked for the time to make their next step. */
    private void releasePatiently(long physicalAddress, long lengthBytes) {
        for (int attempt = 0; attempt < MOST_ATTEMPTS && !closed; attempt++) {
            if (release(physicalAddress, lengthBytes) == 0) {
                return;
            }
            LockSupport.parkNanos(ATTEMPT_NANOS);
        }
    }

    /** What it has counted. Any thread; allocates. */
    public PoolStatistics statistics() {
        return takers.statistics(level(), marks, refill, signal.wakeUps());
    }

    /** How often takers that may not block were refused. Any thread, without allocating. */
    public long refusals() {
        return takers.refusals();
    }

    /** How often takers that may sleep were slowed down. Any thread, without allocating. */
    public long slowDowns() {
        return takers.slowDowns();
    }

    /** Pages that were taken so far. Any thread, without allocating. */
    public long taken() {
        return takers.taken();
    }

    PageTable table() {
        return table;
    }

    PageStack free() {
        return free;
    }

    PageStack aside() {
        return aside;
    }

    PageStack returned() {
        return returned;
    }

    AtomicInteger returnedPages() {
        return returnedPages;
    }

    RefillSignal signal() {
        return signal;
    }

    Takers takers() {
        return takers;
    }

    Sleepers sleepers() {
        return sleepers;
    }

    /**
     * Ends the refill thread and gives every page back to the physical memory; a page that is taken
     * follows when it is given back. Takers should be closed by then: one that waits is woken, and
     * every one refuses. What a thread put aside that is alive and has not closed its taker, it
     * gives back when it does. Closing twice does no harm.
     */
    @Override
    public void close() {
        synchronized (takers) {
            if (closed) {
                return;
            }
            closed = true;
        }
        memory.removeListener(drainage);
        signal.wake();
        sleepers.wakeAll();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException asked) {
                // The thread ends by itself, soon, and the descriptor is its.
                interrupted = true;
            }
        }
        ended = true;
        takers.recall();
        takers.takeOverAbandoned();
        takers.emptyCaches(this);
        refill.discardAll();
        signal.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        return "page pool " + name;
    }
}
