package dev.outboard.perf.attack;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.Grant;
import dev.outboard.dma.Strategy;
import dev.outboard.host.cli.CommandException;
import dev.outboard.perf.setup.IovaFile;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/**
 * A driver that maps and unmaps at random while its device attacks, and the oracle that watches its
 * memory. One thread; everything random comes from the seed.
 */
final class DriverUnderAttack {
    private static final int PAGE_BYTES = 4096;
    private static final int MOST_LIVE = 32;
    private static final int MOST_RUN = 4;
    private static final int MOST_STALE = 6_000;
    private static final int SWEEPS = 20;
    private static final int LOOKS = 50;
    private static final int MOST_REFUSED = 10_000;
    private static final long PATIENCE_NANOS = 50_000;
    private static final DmaDirection[] DIRECTIONS = DmaDirection.values();

    private final Dma dma;
    private final DmaMemory memory;
    private final Promise promise;

    /** Memory has to be granted before it can be mapped, whatever is promised of it. */
    private final boolean isGranting;

    private final Board board;
    private final SplittableRandom random;
    private final BooleanSupplier isStopping;
    private final Violations violations = new Violations();
    private final Pool pool;
    private final IovaPages iovas;
    private final StaleRuns stale;
    private final List<MappedRun> live = new ArrayList<>();

    /**
     * A batch whose unmapping is under way: its pages are open until the service says otherwise.
     */
    private final List<MappedRun> leaving = new ArrayList<>();

    private long leavingTicket;
    private long leavingFlushes;
    private final long[] batchIovas = new long[MOST_LIVE];
    private final int[] batchLengths = new int[MOST_LIVE];
    private Grant grant;
    private long mapped;
    private long tried;
    private int refused;
    private long lateBatches;

    /**
     * @param memory the driver's pages; of the same physical memory as the service
     * @param iovaPages pages of the table
     */
    DriverUnderAttack(
            Dma dma,
            DmaMemory memory,
            int iovaPages,
            Promise promise,
            IovaFile file,
            long seed,
            BooleanSupplier isStopping) {
        this.dma = dma;
        this.memory = memory;
        this.promise = promise;
        isGranting = dma.strategy() == Strategy.GRANTED;
        this.isStopping = isStopping;
        random = new SplittableRandom(seed);
        board = new Board(dma, file);
        pool = new Pool(memory.memory(), promise.isCopied(), violations);
        iovas = new IovaPages(iovaPages);
        stale = new StaleRuns(promise, pool, iovas);
    }

    /** So many mappings; then what was seen. */
    Verdict run(long mappings) {
        open();
        long sweepEvery = Math.max(1, mappings / SWEEPS);
        long nextSweep = sweepEvery;
        while (mapped < mappings && !isStopping.getAsBoolean()) {
            step();
            if (mapped >= nextSweep) {
                nextSweep += sweepEvery;
                sweep();
                end();
                sweep();
                lookAgain();
                open();
            }
        }
        unmapAllLive();
        awaitLeaving();
        end();
        sweep();
        lookAgain();
        var statistics = dma.statistics();
        board.order(Order.END);
        board.takeLeaks(violations);
        var verdict =
                Verdict.of(
                        promise,
                        statistics,
                        board,
                        violations,
                        pool.writesInside(),
                        mapped,
                        tried,
                        lateBatches);
        board.close();
        return verdict;
    }

    private void open() {
        if (promise.isGranted() || promise.isOpenAlways() && mapped == 0) {
            // Marked open before it is: the device reads as soon as it can.
            pool.openAll();
        }
        if (isGranting) {
            grant =
                    dma.grant(
                            memory.physicalAddress(),
                            memory.lengthBytes(),
                            DmaDirection.BIDIRECTIONAL);
        }
    }

    /** Ends all windows, by whatever ends them. */
    private void end() {
        awaitLeaving();
        if (isGranting) {
            unmapAllLive();
            awaitLeaving();
            grant.close();
        }
        if (promise.isGranted()) {
            pool.closeAll();
        } else if (promise.closesWhenAsked()) {
            dma.flush();
            stale.close(stale.count());
        }
    }

    private void step() {
        long flushes = flushes();
        long before = stale.added();
        if (!leaving.isEmpty() && dma.isUnmapped(leavingTicket)) {
            haveLeft();
        }
        if (live.isEmpty() || live.size() < MOST_LIVE && random.nextInt(8) < 5) {
            map();
        } else if (random.nextInt(8) == 0) {
            unmapAllLive();
        } else {
            unmap(live.remove(random.nextInt(live.size())));
        }
        if (promise.closesWithFlushes() && flushes() > flushes) {
            // Those that were stale before this step: the flush began after their unmap.
            stale.closeUpTo(before);
        }
        stale.closeBounded();
        if (stale.count() > MOST_STALE && promise.closesWhenAsked()) {
            end();
        }
        if (random.nextInt(8) == 0) {
            pool.checkTarget(random.nextInt(pool.pages()));
        }
    }

    private long flushes() {
        return dma.statistics().flushes();
    }

    private void map() {
        int pages = promise.isCopied() ? 1 : 1 + random.nextInt(MOST_RUN);
        int lengthBytes =
                promise.isCopied()
                        ? Marks.LENGTH_BYTES + random.nextInt(Marks.MIDDLE_OFFSET - 15)
                        : (pages - 1) * PAGE_BYTES + 1 + random.nextInt(PAGE_BYTES);
        int page = random.nextInt(pool.pages() - pages + 1);
        if (promise.isCopied() && isLivePage(page)) {
            return;
        }
        var direction = DIRECTIONS[random.nextInt(DIRECTIONS.length)];
        for (int index = page; index < page + pages; index++) {
            pool.beginMap(index, direction);
        }
        long physicalAddress = memory.physicalAddress() + (long) page * PAGE_BYTES;
        long iova = dma.map(physicalAddress, lengthBytes, direction);
        if (iova == Dma.NO_IOVA) {
            for (int index = page; index < page + pages; index++) {
                pool.cancelMap(index, direction);
            }
            makeRoom();
            return;
        }
        mapped++;
        var run = new MappedRun(page, pages, lengthBytes, iova, direction, -1);
        if (promise.isToldByPages() && iovas.map(run, flushes())) {
            violations.reused(iova);
        }
        board.post(iova, lengthBytes, direction);
        live.add(random.nextInt(4) == 0 ? letIn(run) : run);
    }

    /** Copies of one page that come back in any order would change it: the driver's own mistake. */
    private boolean isLivePage(int page) {
        return live.stream().anyMatch(run -> run.page() == page)
                || leaving.stream().anyMatch(run -> run.page() == page);
    }

    private void makeRoom() {
        unmapAllLive();
        end();
        open();
        refused++;
        if (refused > MOST_REFUSED) {
            throw new CommandException("the service has no IOVA left: mapped=" + mapped);
        }
    }

    /** Lets the device try it first, so that it is in its IOTLB; checks what it read. */
    private MappedRun letIn(MappedRun run) {
        if (!board.awaitTried(PATIENCE_NANOS)) {
            return run;
        }
        tried++;
        long expected = pool.secret(run.page());
        if (Pool.reads(run.direction()) && board.readValue() != expected) {
            violations.misled(run.iova(), expected, board.readValue());
        }
        return new MappedRun(
                run.page(),
                run.pages(),
                run.lengthBytes(),
                run.iova(),
                run.direction(),
                pool.onlyWriter(run.page()));
    }

    private void unmap(MappedRun run) {
        pool.checkTarget(run.page());
        long flushes = flushes();
        dma.unmap(run.iova(), run.lengthBytes());
        hasEnded(run, flushes);
        if (random.nextInt(8) == 0) {
            // The instant after the unmap is when a slip would show.
            for (int look = 0; look < LOOKS; look++) {
                pool.checkTarget(run.page());
            }
        }
    }

    private void unmapAllLive() {
        if (live.isEmpty()) {
            return;
        }
        for (int index = 0; index < live.size(); index++) {
            pool.checkTarget(live.get(index).page());
            batchIovas[index] = live.get(index).iova();
            batchLengths[index] = live.get(index).lengthBytes();
        }
        awaitLeaving();
        leavingFlushes = flushes();
        leaving.addAll(live);
        live.clear();
        if (random.nextBoolean()) {
            leavingTicket = dma.unmapAllLater(batchIovas, batchLengths, leaving.size());
        } else {
            dma.unmapAll(batchIovas, batchLengths, leaving.size());
            leavingTicket = Dma.UNMAPPED;
        }
        if (dma.isUnmapped(leavingTicket)) {
            haveLeft();
        } else {
            lateBatches++;
        }
    }

    private void awaitLeaving() {
        dma.awaitUnmapped(leavingTicket);
        haveLeft();
    }

    private void haveLeft() {
        leaving.forEach(run -> hasEnded(run, leavingFlushes));
        leaving.clear();
        leavingTicket = Dma.UNMAPPED;
    }

    private void hasEnded(MappedRun run, long flushes) {
        if (run.writer() >= 0
                && Pool.writes(run.direction())
                && pool.onlyWriter(run.page()) == run.writer()
                && pool.target(run.page()) != Marks.signature(run.iova())) {
            violations.misled(run.iova(), Marks.signature(run.iova()), pool.target(run.page()));
        }
        for (int page = run.page(); page < run.page() + run.pages(); page++) {
            pool.endMap(page, run.direction());
        }
        if (promise.isToldByPages()) {
            iovas.unmap(run, flushes);
            stale.add(run);
        } else {
            for (int page = run.page(); page < run.page() + run.pages(); page++) {
                pool.closeStale(page, run.direction());
            }
        }
    }

    /** The device tries all IOVAs, while nothing changes; and all pages are looked at. */
    private void sweep() {
        awaitLeaving();
        board.order(Order.SWEEP);
        pool.checkAll();
        if (!promise.isToldByPages()) {
            return;
        }
        long open = 0;
        for (int page = 0; page < iovas.count(); page++) {
            if (board.covers(page)) {
                continue;
            }
            open += !iovas.isLive(page) && isOpen(page) ? 1 : 0;
            long iova = (long) page * PAGE_BYTES;
            if (board.isOpen(BoardDescriptor.READABLE_OFFSET, page) && !iovas.mayRead(page)) {
                violations.reached(iova, "read");
            }
            if (board.isOpen(BoardDescriptor.WRITABLE_OFFSET, page) && !iovas.mayWrite(page)) {
                violations.reached(iova, "write");
            }
        }
        if (open > promise.windowEntries()) {
            violations.tooMany(open, promise.windowEntries());
        }
    }

    private boolean isOpen(int page) {
        return board.isOpen(BoardDescriptor.READABLE_OFFSET, page)
                || board.isOpen(BoardDescriptor.WRITABLE_OFFSET, page);
    }

    /** Waits a moment in which the device goes on attacking, and looks once more. */
    private void lookAgain() {
        for (int look = 0; look < LOOKS; look++) {
            pool.checkAll();
        }
    }
}
