package dev.outboard.dma.pool;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.OutOfDmaMemoryException;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.IoPage;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * What the refill thread of a {@link PagePool} does: wipes pages that were given back, gets new
 * ones under the low mark, 16 at a time, gives up those beyond the high mark, and blocks only when
 * it has nothing else to do. The one who adds to the free pages, and to the table.
 *
 * <p>It may wait for locks, and allocates an object for each new page: that is what it is for.
 */
final class RefillThread implements Runnable {
    private static final System.Logger LOG = System.getLogger(RefillThread.class.getName());

    /** While there was work lately, it looks again by itself, so that takers need not wake it. */
    private static final long DOZE_NANOS = 250_000;

    private static final long DOZING_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long STARVED_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long MOST_STARVED_NANOS = TimeUnit.MILLISECONDS.toNanos(64);
    private static final int MOST_LEAVING = 64;
    private static final PageRange[] NONE = {};

    private final PagePool pool;
    private final PhysicalMemory memory;
    private final PoolPage[] batch = new PoolPage[UrgentTaker.BATCH];
    private final PoolPage[] wiping = new PoolPage[UrgentTaker.BATCH];

    /** What pages are given up of; never changed, replaced: grown under the monitor only. */
    private volatile PageRange[] leaving = NONE;

    /** Sweeps asked for, and done: under the monitor, but for a look. */
    private volatile int sweepsAsked;

    private int sweepsDone;

    /** Free pages are being moved. */
    private volatile boolean isSweeping;

    private long lastWorkNanos = System.nanoTime();
    private long starvedUntilNanos = lastWorkNanos;
    private long starvedNanos = STARVED_NANOS;
    private boolean isStarved;
    private boolean isTold;
    private volatile int pages;
    private volatile long batches;
    private volatile long allocated;
    private volatile long wiped;
    private volatile long givenUp;
    private volatile long starvations;

    RefillThread(PagePool pool, PhysicalMemory memory) {
        this.pool = pool;
        this.memory = memory;
    }

    /** What a pool begins with, or as much of it as there is. */
    void startUp() {
        while (!isStarved && pool.level() < pool.marks().startUp()) {
            allocateBatch(pool.marks().startUp() - pool.level());
        }
    }

    @Override
    public void run() {
        while (!pool.isClosed()) {
            try {
                if (work()) {
                    lastWorkNanos = System.nanoTime();
                } else {
                    sleep();
                }
            } catch (RuntimeException defect) {
                tell(defect);
                starve();
            }
        }
        synchronized (this) {
            notifyAll();
        }
    }

    /** Once, until pages can be had again: it is tried many times a second. */
    private void tell(RuntimeException defect) {
        if (!isTold) {
            isTold = true;
            LOG.log(System.Logger.Level.ERROR, pool + " could not be refilled", defect);
        }
    }

    /** One step of each kind that is due; false if none was. */
    private boolean work() {
        boolean worked = sweepIfAsked();
        worked |= wipeBatch();
        if (pool.isLow() && !isStarving()) {
            worked |= allocateBatch(batchPages());
        }
        return worked;
    }

    private boolean isDue() {
        return pool.isClosed()
                || sweepsAsked != sweepsDone
                || !pool.returned().isEmpty()
                || pool.isLow() && !isStarving();
    }

    private void sleep() {
        long now = System.nanoTime();
        RefillSignal signal = pool.signal();
        int how = RefillSignal.ASLEEP;
        long timeoutNanos = -1;
        if (pool.isLow()) {
            how = RefillSignal.STARVED;
            timeoutNanos = Math.max(1, starvedUntilNanos - now);
        } else if (now - lastWorkNanos < DOZING_NANOS) {
            how = RefillSignal.DOZING;
            timeoutNanos = DOZE_NANOS;
        }
        signal.announce(how);
        // Looks again after it has said that it sleeps: partner of PagePool.afterTaking.
        if (isDue()) {
            signal.stay(how);
        } else {
            signal.sleep(how, timeoutNanos);
        }
    }

    /** Wipes some of the pages that were given back, and adds them. */
    private boolean wipeBatch() {
        int got = pool.returned().pop(wiping, batchPages(), 0);
        if (got == 0) {
            return false;
        }
        pool.returnedPages().addAndGet(-got);
        int kept = 0;
        boolean isHigh = pool.isHigh();
        for (int index = 0; index < got; index++) {
            PoolPage page = wiping[index];
            if (isHigh || isLeaving(page) || !page.wipe()) {
                giveUp(page);
            } else {
                wiping[kept++] = page;
            }
        }
        wiped += kept;
        add(wiping, kept);
        return true;
    }

    /** Where only the reserve is left, none is held back while others are made ready. */
    private int batchPages() {
        return pool.level() < pool.marks().reserve() ? 1 : UrgentTaker.BATCH;
    }

    private void add(PoolPage[] from, int count) {
        if (count > 0) {
            batches++;
            pool.free().push(from, 0, count);
            pool.sleepers().wakeIfAny();
        }
    }

    /** Gets new pages of the physical memory, and adds them; false if it has none. */
    private boolean allocateBatch(int wanted) {
        int got = 0;
        try {
            while (got < Math.min(wanted, batch.length)) {
                PoolPage page = allocate();
                if (page == null) {
                    starve();
                    break;
                }
                batch[got++] = page;
            }
        } finally {
            if (got > 0) {
                allocated += got;
                isStarved = false;
                isTold = false;
                starvedNanos = STARVED_NANOS;
            }
            add(batch, got);
        }
        return got > 0;
    }

    private PoolPage allocate() {
        int index = pool.table().nextIndex();
        if (index == 0) {
            return null;
        }
        DmaMemory buffer;
        try {
            buffer = memory.allocate(IoPage.BYTES);
        } catch (OutOfDmaMemoryException none) {
            pool.table().vacate(index);
            return null;
        } catch (RuntimeException failure) {
            pool.table().vacate(index);
            throw failure;
        }
        PoolPage page = new PoolPage(pool, buffer, index);
        pool.table().add(page);
        pages++;
        if (isLeaving(page)) {
            // The memory hands it out again: so it stays after all.
            leaving = NONE;
        }
        return page;
    }

    private boolean isStarving() {
        return isStarved && System.nanoTime() - starvedUntilNanos < 0;
    }

    /** The physical memory has nothing: what the dead had may help, else it is asked later. */
    private void starve() {
        starvations++;
        pool.takers().takeOverAbandoned();
        isStarved = true;
        starvedUntilNanos = System.nanoTime() + starvedNanos;
        starvedNanos = Math.min(2 * starvedNanos, MOST_STARVED_NANOS);
    }

    private void giveUp(PoolPage page) {
        pool.table().remove(page);
        pages--;
        givenUp++;
        try {
            page.buffer().close();
        } catch (RuntimeException gone) {
            // The memory ended before its pool: then the page is nobody's.
            tell(gone);
        }
    }

    private boolean isLeaving(PoolPage page) {
        for (PageRange range : leaving) {
            if (page.isWithin(range.physicalAddress(), range.lengthBytes())) {
                return true;
            }
        }
        return false;
    }

    /** Any thread but this one: see {@link PagePool#release}. */
    synchronized int sweep(PageRange range, long timeoutNanos) {
        if (leaving.length == MOST_LEAVING) {
            // What leaves for good has left by now.
            leaving = NONE;
        }
        PageRange[] more = Arrays.copyOf(leaving, leaving.length + 1);
        more[leaving.length] = range;
        leaving = more;
        int asked = ++sweepsAsked;
        pool.signal().wake();
        long deadline = System.nanoTime() + timeoutNanos;
        boolean interrupted = false;
        while (sweepsDone - asked < 0 && !pool.isClosed()) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                throw new IllegalStateException(
                        pool + " did not let go of its pages within " + timeoutNanos + " ns");
            }
            try {
                TimeUnit.NANOSECONDS.timedWait(this, Math.max(left, 1_000_000));
            } catch (InterruptedException asks) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return pool.table().countWithin(range.physicalAddress(), range.lengthBytes());
    }

    private boolean sweepIfAsked() {
        int asked = sweepsAsked;
        if (asked == sweepsDone) {
            return false;
        }
        pool.takers().takeOverAbandoned();
        pool.takers().emptyCaches(pool);
        isSweeping = true;
        sweepFree();
        isSweeping = false;
        while (wipeBatch()) {
            // Pages of the range are given up on the way.
        }
        synchronized (this) {
            sweepsDone = asked;
            notifyAll();
        }
        return true;
    }

    /** Looks through the free pages; those that stay are within reach of the urgent meanwhile. */
    private void sweepFree() {
        int got = pool.free().pop(wiping, wiping.length, 0);
        while (got > 0) {
            for (int index = 0; index < got; index++) {
                if (isLeaving(wiping[index])) {
                    giveUp(wiping[index]);
                } else {
                    pool.aside().push(wiping[index]);
                }
            }
            got = pool.free().pop(wiping, wiping.length, 0);
        }
        got = pool.aside().pop(wiping, wiping.length, 0);
        while (got > 0) {
            add(wiping, got);
            got = pool.aside().pop(wiping, wiping.length, 0);
        }
    }

    /** Discards everything that is in no taker's hands. The thread has ended, or never began. */
    synchronized void discardAll() {
        for (PageStack stack : new PageStack[] {pool.free(), pool.aside(), pool.returned()}) {
            PoolPage page = stack.pop();
            while (page != null) {
                giveUp(page);
                page = stack.pop();
            }
        }
    }

    boolean isSweeping() {
        return isSweeping;
    }

    int pages() {
        return pages;
    }

    long batches() {
        return batches;
    }

    long allocated() {
        return allocated;
    }

    long wiped() {
        return wiped;
    }

    long givenUp() {
        return givenUp;
    }

    long starvations() {
        return starvations;
    }
}
