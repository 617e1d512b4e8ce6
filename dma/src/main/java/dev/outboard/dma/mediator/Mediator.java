package dev.outboard.dma.mediator;

import dev.outboard.dma.IommuOwner;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Resources;
import dev.outboard.uio.Waits;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * The mediator: owns memory and tables, and writes the tables for clients, each of which reaches
 * only what is its own or was granted to it.
 *
 * <p>One thread of its own does all of it; devices are attached by the thread of its {@link
 * IommuOwner}. Any thread may call what is public. It never waits for a client or a device: clients
 * have turns, of a bounded amount of work each and as {@link Turns} says whose the next is; what
 * takes longer, as a flush, is looked at again in a later one. Requests of the rings allocate
 * nothing.
 */
public final class Mediator implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Mediator.class.getName());

    private static final int PASSES_PER_CLOCK = 32;
    private static final long CONTROL_NANOS = 50_000;
    private static final long SETTLING_LOOK_NANOS = 20_000;
    private static final long HOUSEKEEPING_NANOS = 100_000_000;

    private final MediatorOptions options;
    private final Resources owned = new Resources();
    private final Epoll epoll;
    private final EventDescriptor wake;
    private final IommuOwner owner;
    private final ControlPlane control;
    private final Turns turns = new Turns(System::nanoTime);
    private final Thread thread;
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private volatile boolean stopping;
    private int passes;
    private long idleSinceNanos;
    private boolean idle;
    private long controlAtNanos;

    private Mediator(MediatorOptions options, MediatorListener listener) {
        this.options = options;
        try {
            epoll = owned.add(Epoll.create());
            wake = owned.add(EventDescriptor.create());
            epoll.add(wake.descriptor(), Epoll.READABLE, ControlPlane.WAKE_TOKEN);
            owned.add(this::closeMemory);
            owner = owned.add(IommuOwner.listen(options.iommu()));
            control = owned.add(new ControlPlane(options, owner, epoll, listener, this::submit));
        } catch (RuntimeException failure) {
            owned.closeAfter(failure);
            throw failure;
        }
        thread = Thread.ofPlatform().daemon().name("mediator").unstarted(this::run);
    }

    /**
     * Listens; a daemon thread serves clients from then on.
     *
     * @param listener told of clients
     * @throws RuntimeException if a path cannot be listened at; the message says what to do
     */
    public static Mediator listen(MediatorOptions options, MediatorListener listener) {
        Mediator mediator = new Mediator(options, listener);
        mediator.thread.start();
        return mediator;
    }

    /** The clients at one moment. */
    public List<ClientReport> clients() {
        CompletableFuture<List<ClientReport>> reports = new CompletableFuture<>();
        synchronized (tasks) {
            if (stopping) {
                throw new IllegalStateException("the mediator is closed");
            }
            submit(() -> reports.complete(control.reports()));
        }
        return reports.join();
    }

    private void submit(Runnable task) {
        tasks.add(task);
        wake.signal();
    }

    private void run() {
        try {
            while (!stopping) {
                if (pass()) {
                    idle = false;
                } else {
                    rest();
                }
            }
        } catch (RuntimeException defect) {
            LOG.log(System.Logger.Level.ERROR, "the mediator stops", defect);
        } finally {
            finish();
        }
    }

    /** One client has its turn; false if nothing was done. */
    private boolean pass() {
        boolean worked = false;
        ClientSession next = turns.next(control.sessions());
        if (next != null) {
            worked = serve(next);
        }
        if (++passes % PASSES_PER_CLOCK == 0) {
            long now = System.nanoTime();
            turns.setNow(now);
            if (now - controlAtNanos >= 0) {
                worked |= control(now);
            }
        }
        return worked;
    }

    private boolean serve(ClientSession session) {
        try {
            return turns.serve(session);
        } catch (RuntimeException wrong) {
            control.end(session, wrong.getMessage());
            return true;
        }
    }

    /** Sockets, taking back, tasks: now and then, so that rings are not held up. */
    private boolean control(long now) {
        controlAtNanos = now + CONTROL_NANOS;
        int served = turns.tick(now, control.sessions());
        epoll.await(0, this::onReady);
        runTasks();
        return control.step(now, served > 0);
    }

    private void onReady(int token, int events) {
        if (token == ControlPlane.WAKE_TOKEN) {
            wake.drain();
        } else {
            control.onReady(token, events);
        }
    }

    private void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }

    /** Nothing to do: looks for a while, then sleeps. */
    private void rest() {
        if (!idle) {
            idle = true;
            idleSinceNanos = System.nanoTime();
        } else if (passes % PASSES_PER_CLOCK == 0
                && System.nanoTime() - idleSinceNanos >= options.waiting().spinNanos()) {
            sleep();
            return;
        }
        if (options.waiting().pause()) {
            Thread.onSpinWait();
        }
    }

    /** Asks for doorbells, looks again, sleeps. */
    private void sleep() {
        setAsleep(true);
        // Full fence: "asleep" is visible before the last look at "put". Partner: the fence in
        // MediatorTranslations.publish.
        VarHandle.fullFence();
        long now = System.nanoTime();
        long limit = untilTurn(now);
        if (limit != 0 && !stopping) {
            epoll.await(sooner(limit, control.sleepNanos(HOUSEKEEPING_NANOS)), this::onReady);
        }
        setAsleep(false);
        now = System.nanoTime();
        turns.setNow(now);
        control(now);
        idle = false;
    }

    /** The shorter of two times to sleep; less than nothing is for ever. */
    private static long sooner(long oneNanos, long otherNanos) {
        return oneNanos < 0 || otherNanos >= 0 && otherNanos < oneNanos ? otherNanos : oneNanos;
    }

    /** How long until somebody may have a turn who wants one; 0 for now, -1 if nobody wants one. */
    private long untilTurn(long now) {
        long limit = Long.MAX_VALUE;
        for (ClientSession session : control.sessions()) {
            for (ServiceRing ring : session.rings()) {
                if (ring.isSettling()) {
                    limit = Math.min(limit, SETTLING_LOOK_NANOS);
                } else if (ring.isReady()) {
                    limit = Math.min(limit, session.share().waitNanos(now));
                }
            }
        }
        return limit == Long.MAX_VALUE ? -1 : limit;
    }

    private void setAsleep(boolean asleep) {
        for (ClientSession session : control.sessions()) {
            for (ServiceRing ring : session.rings()) {
                ring.setMediatorAsleep(asleep);
            }
        }
    }

    private void finish() {
        synchronized (tasks) {
            stopping = true;
        }
        runTasks();
        owned.close();
    }

    private void closeMemory() {
        if (control != null) {
            control.closeMemory();
        }
    }

    /** Ends all connections, of clients and devices, and the thread. Twice does no harm. */
    @Override
    public void close() {
        synchronized (tasks) {
            if (!stopping) {
                stopping = true;
                wake.signal();
            }
        }
        Waits.forEnd(thread);
    }
}
