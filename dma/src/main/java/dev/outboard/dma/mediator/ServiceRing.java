package dev.outboard.dma.mediator;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.Resources;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The mediator's side of one request ring: copies a request, has the copy checked and obeyed,
 * answers.
 *
 * <p>A batch of maps is checked and charged request by request, and written to the table only when
 * all of it has passed, some of it in one turn and more in the next: no device ever sees a part of
 * a batch that is refused. If frames of it are taken away meanwhile, or the table is full, what was
 * written is cleared and flushed before that is answered.
 *
 * <p>The client wakes us by an eventfd, which is watched edge-triggered and never read: the client
 * shares its open file, could make it blocking, and empty it before we read. For the same reason we
 * wake the client by a socket, whose sends are told not to block one by one.
 *
 * <p>The mediator's thread alone; {@link #serve} allocates nothing.
 */
final class ServiceRing implements AutoCloseable {
    /** What requests cost, in the units of {@link Turns}, besides a unit for each page. */
    private static final int REQUEST_COST = 3;

    private static final int ANSWER_COST = 6;
    private static final int LOOK_COST = 12;
    private static final int SIGNAL_COST = 256;
    private static final int REFUSAL_COST = 8;
    private static final int FORGET_COST = 8;
    private static final int PAGES_PER_STAGE_COST_SHIFT = 5;
    private static final int MAPS_PER_SETTLE_COST_SHIFT = 2;
    private static final Descriptor[] NO_DESCRIPTORS = {};

    private final long id;
    private final SessionDomain domain;
    private final Resources owned = new Resources();
    private final MemoryFile file;
    private final RequestRing ring;
    private final EventDescriptor doorbell;
    private final UnixSocket signal;
    private final UnixSocket clientSignal;
    private final MemorySegment signalByte = Arena.ofAuto().allocate(1);

    /** The batch: first and second words of the maps that have passed. */
    private final long[] staged = new long[2 * Request.MAX_BATCH];

    private int stagedCount;

    /** How many of them are in the table. */
    private int appliedCount;

    /** The batch has passed, and is being written to the table, maybe for several turns. */
    private boolean committing;

    /** Of the domain's frames when the first of the batch was checked. */
    private long stagedEpoch;

    private Status batchStatus = Status.DONE;
    private Status clearStatus = Status.DONE;
    private long taken;

    /** What is answered when the devices have settled; null while nothing is waited for. */
    private Status afterSettling;

    private long settlingSinceNanos;
    private boolean stuck;

    /** The last request that was refused, for who asks. */
    private Status lastRefusal = Status.DONE;

    private long refusedFirst;
    private long refusedSecond;

    ServiceRing(long id, SessionDomain domain) {
        this.id = id;
        this.domain = domain;
        try {
            file =
                    owned.add(
                            MemoryFile.create(
                                    "outboard-requests", RequestRingDescriptor.LENGTH_BYTES));
            file.sealSize();
            Mapping mapping = owned.add(file.map(0, RequestRingDescriptor.LENGTH_BYTES, true));
            ring = new RequestRing(mapping.memory());
            doorbell = owned.add(EventDescriptor.create());
            UnixSocket[] ends = UnixSocket.pair(UnixSocket.Kind.SEQPACKET);
            signal = owned.add(ends[0]);
            clientSignal = owned.add(ends[1]);
        } catch (RuntimeException failure) {
            owned.closeAfter(failure);
            throw failure;
        }
    }

    long id() {
        return id;
    }

    SessionDomain domain() {
        return domain;
    }

    EventDescriptor doorbell() {
        return doorbell;
    }

    /** What the client gets: ring, doorbell, and its end of the signal. */
    Descriptor[] descriptors() {
        return new Descriptor[] {
            file.descriptor(), doorbell.descriptor(), clientSignal.descriptor()
        };
    }

    /** The client has its end: the end of the mediator is seen there. */
    void handedOver() {
        clientSignal.close();
    }

    /** Whether there is something to do now. */
    boolean isReady() {
        return !domain.isSwept()
                && (afterSettling != null || committing || ring.putAcquire() != taken);
    }

    /** Whether a device is waited for. */
    boolean isSettling() {
        return afterSettling != null;
    }

    void setMediatorAsleep(boolean asleep) {
        ring.setMediatorAsleep(asleep);
    }

    /**
     * Obeys what was asked, up to a limit.
     *
     * @return what it cost, in the units of {@link Turns}; less than nothing if all that was done
     *     is a look at a device that has not settled; 0 if there was nothing to do
     * @throws IllegalArgumentException if the ring's index is out of range: end the session
     */
    int serve(int limit) {
        if (domain.isSwept()) {
            return 0;
        }
        int cost = 0;
        if (afterSettling != null) {
            if (!isSettled()) {
                return -LOOK_COST;
            }
            cost = ANSWER_COST;
        } else if (committing) {
            cost = commitMore(limit);
        }
        long put = ring.putAcquire();
        long ready = put - taken;
        if (ready < 0 || ready > RequestRingDescriptor.SLOTS) {
            throw new IllegalArgumentException(
                    "put=%d of the request ring, of which %d were taken".formatted(put, taken));
        }
        if (ready == 0) {
            return cost;
        }
        while (taken != put && cost < limit && afterSettling == null && !committing) {
            // Each word is read once: what is checked is what is obeyed.
            long first = ring.firstOpaque(taken);
            long second = ring.secondOpaque(taken);
            taken++;
            cost += obey(first, second, limit - cost);
        }
        // Release: the slots were copied before the client may write them again.
        ring.setTakenRelease(taken);
        return cost;
    }

    private int obey(long first, long second, int limit) {
        switch (Request.code(first)) {
            case Request.MAP -> {
                return stage(first, second);
            }
            case Request.COMMIT -> {
                return commit(limit);
            }
            case Request.CLEAR -> {
                return noteClear(domain.clear(first, second), first, second);
            }
            case Request.FORGET -> {
                noteClear(domain.forget(first), first, second);
                return FORGET_COST;
            }
            case Request.FORGET_ALL -> {
                domain.forgetAll();
                return REQUEST_COST;
            }
            case Request.SETTLE -> {
                return settle();
            }
            default -> {
                return noteClear(Status.MALFORMED, first, second);
            }
        }
    }

    private int stage(long first, long second) {
        if (batchStatus != Status.DONE) {
            return REQUEST_COST;
        }
        if (stagedCount == 0) {
            stagedEpoch = domain.frames().epoch();
        }
        Status status =
                stagedCount == Request.MAX_BATCH ? Status.MALFORMED : domain.stage(first, second);
        if (status == Status.DONE) {
            staged[2 * stagedCount] = first;
            staged[2 * stagedCount + 1] = second;
            stagedCount++;
            return REQUEST_COST + (Request.pages(first) >> PAGES_PER_STAGE_COST_SHIFT);
        }
        int cost = REFUSAL_COST + stagedCount;
        unstage(0, stagedCount);
        stagedCount = 0;
        batchStatus = status;
        refuse(status, first, second);
        return cost;
    }

    private void unstage(int from, int to) {
        for (int index = from; index < to; index++) {
            domain.unstage(staged[2 * index]);
        }
    }

    private int commit(int limit) {
        Status status = batchStatus;
        batchStatus = Status.DONE;
        if (status != Status.DONE) {
            return answer(status);
        }
        committing = true;
        return commitMore(limit);
    }

    /** Writes the batch to the table, or as much of it as a turn is for. */
    private int commitMore(int limit) {
        Status status = Status.DONE;
        if (stagedEpoch != domain.frames().epoch()) {
            status = checkAgain();
        }
        int cost = 0;
        while (status == Status.DONE && appliedCount < stagedCount) {
            if (cost >= limit) {
                return cost;
            }
            cost += REQUEST_COST + Request.pages(staged[2 * appliedCount]);
            status = apply(staged[2 * appliedCount], staged[2 * appliedCount + 1]);
        }
        committing = false;
        return cost + (status == Status.DONE ? finish() : unwind(status));
    }

    private Status apply(long first, long second) {
        try {
            domain.apply(first, second);
            appliedCount++;
            return Status.DONE;
        } catch (IllegalArgumentException | IllegalStateException full) {
            refuse(Status.TABLE_FULL, first, second);
            return Status.TABLE_FULL;
        }
    }

    /** All of it is in the table: from now on it may be cleared. */
    private int finish() {
        int count = stagedCount;
        settleApplied();
        stagedCount = 0;
        return (count >> MAPS_PER_SETTLE_COST_SHIFT) + answer(Status.DONE);
    }

    private void settleApplied() {
        for (int index = 0; index < appliedCount; index++) {
            domain.settle(staged[2 * index]);
        }
        appliedCount = 0;
    }

    /** Frames were taken away since the batch began: whether any of those in it. */
    private Status checkAgain() {
        for (int index = 0; index < stagedCount; index++) {
            long first = staged[2 * index];
            long second = staged[2 * index + 1];
            if (!domain.mayStillMap(first, second)) {
                refuse(Status.FOREIGN_FRAMES, first, second);
                return Status.FOREIGN_FRAMES;
            }
        }
        stagedEpoch = domain.frames().epoch();
        return Status.DONE;
    }

    /** Not all of it can be mapped: what was written is cleared and flushed, then answered. */
    private int unwind(Status status) {
        for (int index = 0; index < appliedCount; index++) {
            domain.unapply(staged[2 * index]);
        }
        int count = stagedCount;
        unstage(0, count);
        stagedCount = 0;
        boolean written = appliedCount > 0;
        appliedCount = 0;
        return REFUSAL_COST + count + (written ? settleThen(status) : answer(status));
    }

    private int noteClear(Status status, long first, long second) {
        if (status == Status.DONE) {
            return REQUEST_COST + Request.pages(first);
        }
        clearStatus = status;
        refuse(status, first, second);
        return REFUSAL_COST;
    }

    private int settle() {
        Status status = clearStatus;
        clearStatus = Status.DONE;
        return settleThen(status);
    }

    private int settleThen(Status status) {
        domain.beginSettling();
        if (domain.isSettled()) {
            stuck = false;
            return answer(status);
        }
        afterSettling = status;
        settlingSinceNanos = System.nanoTime();
        return ANSWER_COST;
    }

    /** Looks again at the devices; true when the ring goes on. */
    private boolean isSettled() {
        Status status = afterSettling;
        if (!domain.isSettled()) {
            long limit = stuck ? Sweep.PROBE_NANOS : domain.held().options().flushLimitNanos();
            if (System.nanoTime() - settlingSinceNanos < limit) {
                return false;
            }
            stuck = true;
            status = Status.DEVICE_STUCK;
            refuse(status, Request.first(Request.SETTLE, 0, 0), 0);
        } else {
            stuck = false;
        }
        afterSettling = null;
        answer(status);
        return true;
    }

    private int answer(Status status) {
        ring.setAnswerRelease(taken, status);
        // Full fence: the answer is visible before "asleep" is read. Partner: the fence in
        // MediatorTranslations.sleep.
        VarHandle.fullFence();
        if (!ring.isClientAsleep()) {
            return ANSWER_COST;
        }
        // If it would block there are signals enough that the client has not read.
        signal.trySend(signalByte, 0, 1, NO_DESCRIPTORS);
        return SIGNAL_COST;
    }

    private void refuse(Status status, long first, long second) {
        lastRefusal = status;
        refusedFirst = first;
        refusedSecond = second;
        domain.session().countRefusal(status);
    }

    /** What was refused last, and why, for people. */
    String explain() {
        long pages = Request.pages(refusedFirst);
        String request = Request.describe(refusedFirst, refusedSecond);
        String name = domain.held().name();
        return switch (lastRefusal) {
            case DONE -> "nothing was refused";
            case ENTRIES_QUOTA -> domain.session().entries().refusal(pages);
            case MAPPINGS_QUOTA -> domain.session().mappings().refusal(1);
            default ->
                    "%s of domain=%s: %s: %s"
                            .formatted(request, name, lastRefusal.cause(), lastRefusal.remedy());
        };
    }

    /** Takes back what was staged and is not in the table, and everything it has. */
    @Override
    public void close() {
        unstage(appliedCount, stagedCount);
        settleApplied();
        stagedCount = 0;
        owned.close();
    }
}
