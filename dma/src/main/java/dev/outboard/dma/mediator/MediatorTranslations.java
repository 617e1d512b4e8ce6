package dev.outboard.dma.mediator;

import dev.outboard.dma.DeviceStuckException;
import dev.outboard.dma.QuotaExceededException;
import dev.outboard.dma.SideFlush;
import dev.outboard.dma.Translations;
import dev.outboard.iommu.IovaAllocator;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.WaitPolicy;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.function.Supplier;

/**
 * Translations that the mediator holds: what is asked for is queued in a ring of shared memory, and
 * {@link #commit} and {@link #settle} wait, once for everything queued before them.
 *
 * <p>One thread, that of the mapping service. Allocates nothing, unless more than 256 runs are
 * mapped between two commits, or something is refused. While the mediator is awake no system call
 * is made.
 */
final class MediatorTranslations implements Translations {
    /** Clears that nobody waits for are handed over when there are so many. */
    private static final int UNASKED_LIMIT = 64;

    /**
     * A mediator that is awake begins with a batch when eight of it are there, while the rest is
     * being written: of batches of 32 that saves a tenth, and a sixth where the IOVA is so full
     * that nothing unmapped is a neighbour.
     */
    private static final int EARLY_MASK = 8 - 1;

    private static final int LOOKS_PER_CLOCK = 64;
    private static final long LIFE_SIGN_NANOS = 1_000_000_000;

    private final RemoteService service;
    private final RequestRing ring;
    private final EventDescriptor doorbell;
    private final UnixSocket signal;
    private final WaitPolicy wait;
    private final IovaAllocator iovas;
    private final Supplier<RemoteService> services;
    private final MemorySegment scratch = ControlMessage.buffer();

    private long put;

    /** Up to here the mediator was told, and woken if it slept. */
    private long published;

    /** Up to here it has answered. */
    private long answered;

    private long taken;

    /** Of a timer's thread, if there is one. */
    private MediatorSideFlush side;

    /** The slot of the last request if it is an unpublished clear that may yet be invalidated. */
    private long lastClear = -1;

    private long lastClearFirst;

    /** What was mapped and not cleared, by smallest entries: the table is the mediator's alone. */
    private final long[] frames;

    private final int granuleShift;
    private int flags;
    private int batch;
    private boolean asked;
    private Status failure = Status.DONE;

    /** First words of the maps since the last commit, of batches that were done before its last. */
    private long[] earlier = new long[Request.MAX_BATCH];

    private int logged;
    private int committed;
    private long flushes;
    private long waitedNanos;

    /**
     * @param services opens one more service of the domain, for a timer's thread
     */
    MediatorTranslations(
            RemoteService service,
            Supplier<RemoteService> services,
            WaitPolicy wait,
            IovaAllocator iovas) {
        this.service = service;
        this.services = services;
        this.wait = wait;
        this.iovas = iovas;
        ring = service.ring();
        doorbell = service.doorbell();
        signal = service.signal();
        granuleShift = service.options().format().granuleShift();
        frames = new long[Math.toIntExact(service.options().pages() >>> granuleShift)];
        Arrays.fill(frames, NO_FRAME);
    }

    @Override
    public int granuleShift() {
        return granuleShift;
    }

    @Override
    public long pages() {
        return service.options().pages();
    }

    @Override
    public IovaAllocator iovas() {
        return iovas;
    }

    @Override
    public void essential(boolean following) {
        flags = following ? Request.ESSENTIAL : 0;
    }

    @Override
    public void map(long page, long pageFrame, int pages, int access) {
        if (pages > Request.MAX_PAGES) {
            mapLong(page, pageFrame, pages, access);
            return;
        }
        if (batch == Request.MAX_BATCH) {
            endPartOfBatch();
        }
        note(page, pageFrame, pages);
        long first = Request.first(Request.MAP, page, pages);
        if (logged == earlier.length) {
            earlier = Arrays.copyOf(earlier, 2 * logged);
        }
        earlier[logged++] = first;
        if (failure == Status.DONE) {
            batch++;
            queue(first, Request.second(pageFrame, access, flags));
        }
    }

    private void note(long page, long pageFrame, int pages) {
        long first = page >>> granuleShift;
        long end = Math.min(frames.length, page + pages >>> granuleShift);
        for (long entry = Math.max(0, first); entry < end; entry++) {
            frames[(int) entry] = pageFrame + (entry - first << granuleShift);
        }
    }

    private void noteCleared(long page, int pages) {
        long end = Math.min(frames.length, page + pages >>> granuleShift);
        for (long entry = Math.max(0, page >>> granuleShift); entry < end; entry++) {
            frames[(int) entry] = NO_FRAME;
        }
    }

    private boolean isAllMapped(long page, int pages) {
        long end = Math.min(frames.length, page + pages >>> granuleShift);
        boolean all = true;
        for (long entry = Math.max(0, page >>> granuleShift); entry < end; entry++) {
            all &= frames[(int) entry] != NO_FRAME;
        }
        return all;
    }

    /**
     * Clears what is left of a run: of what was revoked under its driver the mediator knows no
     * mapping any more, and would say so.
     */
    private void clearMapped(long page, int pages) {
        int granule = 1 << granuleShift;
        int done = 0;
        while (done < pages) {
            int run = 0;
            while (done + run < pages && isAllMapped(page + done + run, granule)) {
                run += granule;
            }
            if (run > 0) {
                clear(page + done, run);
            }
            done += run + granule;
        }
    }

    @Override
    public long frame(long page) {
        long frame = frames[(int) (page >>> granuleShift)];
        return frame == NO_FRAME ? NO_FRAME : frame + (page & (1 << granuleShift) - 1);
    }

    private void mapLong(long page, long pageFrame, int pages, int access) {
        for (int done = 0; done < pages; done += Request.MAX_PAGES) {
            int part = Math.min(Request.MAX_PAGES, pages - done);
            map(page + done, pageFrame + done, part, access);
        }
    }

    /** Too many for one batch: this part is mapped now, and cleared again if a later one fails. */
    private void endPartOfBatch() {
        batch = 0;
        if (failure == Status.DONE) {
            failure = ask(Request.COMMIT);
            if (failure == Status.DONE) {
                committed = logged;
            }
        }
    }

    @Override
    public void commit() {
        if (batch > 0) {
            endPartOfBatch();
        }
        Status status = failure;
        int done = committed;
        if (status != Status.DONE) {
            for (int index = done; index < logged; index++) {
                noteCleared(Request.page(earlier[index]), Request.pages(earlier[index]));
            }
        }
        failure = Status.DONE;
        logged = 0;
        committed = 0;
        if (status != Status.DONE) {
            RuntimeException refusal = refusal(status);
            undo(done, refusal);
            throw refusal;
        }
    }

    private void undo(int count, RuntimeException refusal) {
        if (count == 0) {
            return;
        }
        for (int index = 0; index < count; index++) {
            long first = earlier[index];
            clear(Request.page(first), Request.pages(first));
            invalidate(Request.page(first), Request.pages(first));
        }
        try {
            settle();
        } catch (DeviceStuckException stuck) {
            refusal.addSuppressed(stuck);
        }
    }

    @Override
    public void clear(long page, int pages) {
        if (!isAllMapped(page, pages)) {
            clearMapped(page, pages);
            return;
        }
        noteCleared(page, pages);
        int done = 0;
        for (; pages - done > Request.MAX_PAGES; done += Request.MAX_PAGES) {
            queue(Request.first(Request.CLEAR, page + done, Request.MAX_PAGES), 0);
        }
        long first = Request.first(Request.CLEAR, page + done, pages - done);
        queue(first, 0);
        if (put - published >= UNASKED_LIMIT) {
            publish();
        } else if (side != null) {
            // The timer's thread has it flushed, whatever this one does next; that one wakes the
            // mediator.
            ring.setPutRelease(put);
        } else if (done == 0) {
            lastClear = put - 1;
            lastClearFirst = first;
        }
    }

    @Override
    public void invalidate(long page, int pages) {
        asked = true;
        if (lastClear == put - 1 && lastClearFirst == Request.first(Request.CLEAR, page, pages)) {
            // Not published yet: the clear itself can say so.
            ring.write(lastClear, lastClearFirst, Request.INVALIDATE);
            return;
        }
        for (int done = 0; done < pages; done += Request.MAX_PAGES) {
            int part = Math.min(Request.MAX_PAGES, pages - done);
            queue(Request.first(Request.FORGET, page + done, part), 0);
        }
    }

    @Override
    public void invalidateAll() {
        asked = true;
        queue(Request.first(Request.FORGET_ALL, 0, 0), 0);
    }

    @Override
    public void settle() {
        if (!asked && put == answered) {
            return;
        }
        if (asked) {
            flushes++;
        }
        asked = false;
        Status status = ask(Request.SETTLE);
        if (status != Status.DONE) {
            throw refusal(status);
        }
    }

    private void queue(long first, long second) {
        if (put - taken >= RequestRingDescriptor.SLOTS) {
            awaitSpace();
        }
        ring.write(put, first, second);
        if ((put & EARLY_MASK) == EARLY_MASK) {
            // Without this one, which may be a clear that is to be invalidated yet. No fence and no
            // doorbell: a mediator that sleeps is woken by the request that is waited for.
            ring.setPutRelease(put);
        }
        put++;
    }

    private void publish() {
        published = put;
        lastClear = -1;
        ring.setPutRelease(put);
        // Full fence: "put" is visible before "asleep" is read. Partner: the fence in
        // Mediator.sleep, between its "asleep" and its last look.
        VarHandle.fullFence();
        if (ring.isMediatorAsleep()) {
            doorbell.signal();
        }
    }

    /** The ring itself, for who wants to write there what no client writes. */
    RequestRing ring() {
        return ring;
    }

    EventDescriptor doorbell() {
        return doorbell;
    }

    private Status ask(int code) {
        queue(Request.first(code, 0, 0), 0);
        publish();
        long answer = ring.answerAcquire();
        for (int look = 0; answer >>> RequestRingDescriptor.STATUS_BITS != put; look++) {
            if (look == LOOKS_PER_CLOCK) {
                answer = awaitAnswer();
                break;
            }
            if (wait.pause()) {
                Thread.onSpinWait();
            }
            answer = ring.answerAcquire();
        }
        answered = put;
        return Status.of(answer);
    }

    /** The answer did not come at once: looks at the clock, later sleeps. */
    private long awaitAnswer() {
        long started = System.nanoTime();
        try {
            while (true) {
                for (int look = 0; look < LOOKS_PER_CLOCK; look++) {
                    long answer = ring.answerAcquire();
                    if (answer >>> RequestRingDescriptor.STATUS_BITS == put) {
                        return answer;
                    }
                    if (wait.pause()) {
                        Thread.onSpinWait();
                    }
                }
                if (System.nanoTime() - started >= wait.spinNanos()) {
                    sleep(put);
                }
                service.requireThere();
            }
        } finally {
            waitedNanos += System.nanoTime() - started;
        }
    }

    /** Asks for the signal, looks again, sleeps. */
    private void sleep(long sequence) {
        ring.setClientAsleep(true);
        // Full fence: "asleep" is visible before the last look. Partner: the fence in
        // SessionRing.answer, between the answer and its look at "asleep".
        VarHandle.fullFence();
        if (ring.answerAcquire() >>> RequestRingDescriptor.STATUS_BITS != sequence
                && signal.awaitReadable(LIFE_SIGN_NANOS)) {
            int length = signal.receive(scratch, 0, scratch.byteSize(), null, false);
            if (length == UnixSocket.END_OF_STREAM) {
                ring.setClientAsleep(false);
                throw service.gone();
            }
        }
        ring.setClientAsleep(false);
    }

    /** The ring is full of what nobody waits for. */
    private void awaitSpace() {
        taken = ring.takenAcquire();
        if (put - taken < RequestRingDescriptor.SLOTS) {
            return;
        }
        publish();
        long started = System.nanoTime();
        while (put - taken >= RequestRingDescriptor.SLOTS) {
            for (int look = 0; look < LOOKS_PER_CLOCK; look++) {
                taken = ring.takenAcquire();
                if (put - taken < RequestRingDescriptor.SLOTS) {
                    break;
                }
            }
            if (System.nanoTime() - started >= wait.spinNanos()) {
                // The mediator does not tell of space: others need the processor meanwhile.
                Thread.yield();
            }
            service.requireThere();
        }
        waitedNanos += System.nanoTime() - started;
    }

    private RuntimeException refusal(Status status) {
        String why = service.explain(status);
        return switch (status) {
            case ENTRIES_QUOTA, MAPPINGS_QUOTA -> new QuotaExceededException(why);
            case DEVICE_STUCK -> new DeviceStuckException(why);
            default -> new IllegalArgumentException(why);
        };
    }

    @Override
    public SideFlush sideFlush() {
        side = MediatorSideFlush.of(service, services.get());
        return side;
    }

    @Override
    public long flushes() {
        return flushes + (side == null ? 0 : side.flushes());
    }

    @Override
    public long waitedNanos() {
        return waitedNanos;
    }

    @Override
    public void close() {
        service.close();
    }
}
