package dev.outboard.uio.vfio;

import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Resources;
import dev.outboard.uio.Waits;
import java.util.function.Consumer;

/**
 * Hears that a function has failed, or is wanted back by the kernel, as when it is unplugged or
 * bound to another driver. Owned by the function; a daemon thread, which sleeps in the kernel.
 */
final class LossWatch implements AutoCloseable {
    private static final int FAILED = 0;
    private static final int WANTED = 1;
    private static final int END = 2;
    private static final long FOREVER = -1;

    private final Resources resources = new Resources();
    private final Epoll epoll;
    private final EventDescriptor failed;
    private final EventDescriptor wanted;
    private final EventDescriptor end;
    private final String name;
    private final Consumer<String> onLoss;
    private final Thread thread;
    private boolean done;

    private LossWatch(String name, VfioInterrupts interrupts, Consumer<String> onLoss) {
        this.name = name;
        this.onLoss = onLoss;
        try {
            epoll = resources.add(Epoll.create());
            failed = resources.add(EventDescriptor.create());
            wanted = resources.add(EventDescriptor.create());
            end = resources.add(EventDescriptor.create());
            epoll.add(failed.descriptor(), Epoll.READABLE, FAILED);
            epoll.add(wanted.descriptor(), Epoll.READABLE, WANTED);
            epoll.add(end.descriptor(), Epoll.READABLE, END);
            // A function without error reporting has no such interrupt, an old kernel no request.
            interrupts.notify(VfioDescriptor.ERROR, failed);
            interrupts.notify(VfioDescriptor.REQUEST, wanted);
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
        thread = Thread.ofPlatform().daemon().name(name + "-loss").unstarted(this::watch);
    }

    /**
     * Watches until closed.
     *
     * @param onLoss told once and in words, on the watch's thread; short, and must not close it
     */
    static LossWatch start(String name, VfioInterrupts interrupts, Consumer<String> onLoss) {
        var watch = new LossWatch(name, interrupts, onLoss);
        watch.thread.start();
        return watch;
    }

    private void watch() {
        while (!done) {
            epoll.await(FOREVER, (token, events) -> onReady(token));
        }
    }

    private void onReady(int token) {
        if (done) {
            return;
        }
        done = true;
        if (token == FAILED) {
            onLoss.accept(name + " has failed: its bus reports an error that cannot be corrected");
        } else if (token == WANTED) {
            onLoss.accept(
                    name + " is wanted back: it is being unplugged or bound to another driver");
        }
    }

    @Override
    public void close() {
        if (thread.isAlive()) {
            end.signal();
            Waits.forEnd(thread);
        }
        resources.close();
    }
}
