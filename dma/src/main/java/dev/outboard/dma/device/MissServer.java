package dev.outboard.dma.device;

import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.Waits;
import dev.outboard.uio.vhost.BackEndChannel;
import dev.outboard.uio.vhost.VhostFrontEnd;
import dev.outboard.uio.vhost.VhostProtocolException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Hears what a device asks on its back-end channel, and hands it to the domain. Owns the channel
 * and one daemon thread, which waits in the kernel. What a device sends ends its channel at worst.
 */
final class MissServer implements AutoCloseable {
    private static final int CHANNEL = 0;
    private static final int END = 1;
    private static final int WAKE = 2;
    private static final long FOREVER = -1;
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final VhostFrontEnd frontEnd;
    private final DeviceDomain domain;
    private final Consumer<RuntimeException> onFailure;
    private final Resources resources = new Resources();
    private final BackEndChannel channel;
    private final Epoll epoll;
    private final EventDescriptor end;
    private final EventDescriptor wake;
    private final Thread thread;
    private boolean done;

    private MissServer(
            VhostFrontEnd frontEnd, DeviceDomain domain, Consumer<RuntimeException> onFailure) {
        this.frontEnd = frontEnd;
        this.domain = domain;
        this.onFailure = onFailure;
        try {
            epoll = resources.add(Epoll.create());
            end = resources.add(EventDescriptor.create());
            wake = resources.add(EventDescriptor.create());
            channel = resources.add(frontEnd.openBackEndChannel(new Asked()));
            epoll.add(channel.descriptor(), Epoll.READABLE, CHANNEL);
            epoll.add(end.descriptor(), Epoll.READABLE, END);
            epoll.add(wake.descriptor(), Epoll.READABLE, WAKE);
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
        thread = Thread.ofPlatform().daemon().name(domain.name() + "-iotlb").unstarted(this::serve);
    }

    /**
     * Serves until closed.
     *
     * @param onFailure told, on the server's thread, when the channel ends before that
     */
    static MissServer start(
            VhostFrontEnd frontEnd, DeviceDomain domain, Consumer<RuntimeException> onFailure) {
        MissServer server = new MissServer(frontEnd, domain, onFailure);
        server.thread.start();
        return server;
    }

    /** Has the server look, though nobody asks. Any thread, as long as it is open. */
    void wake() {
        wake.signal();
    }

    private final class Asked implements BackEndChannel.Listener {
        @Override
        public boolean iotlbMissed(long iova, int access) {
            return domain.missed(iova, access);
        }

        @Override
        public void accessFailed(long iova, int access) {
            domain.accessFailed(iova, access);
        }
    }

    private void serve() {
        Epoll.ReadyHandler handler = this::onReady;
        while (!done) {
            // While pages are being cleared it looks now and then: see ClearedPages.
            if (epoll.await(domain.cleared().isQuiet() ? FOREVER : LOOK_NANOS, handler) == 0) {
                domain.cleared().foundEmpty();
            }
        }
    }

    private void onReady(int token, int events) {
        if (token == WAKE) {
            wake.drain();
        } else if (token == END) {
            done = true;
        } else if (!done && !channel.onReadable()) {
            done = true;
            RuntimeException why = why();
            if (why != null) {
                onFailure.accept(why);
            }
        }
    }

    /**
     * Why the channel ended; null if we end ourselves. Of a process that dies, one descriptor
     * closes before the other: if the connection follows soon, that is all there is to say.
     */
    private RuntimeException why() {
        long deadline = System.nanoTime() + GRACE_NANOS;
        while (System.nanoTime() < deadline) {
            if (frontEnd.isPeerGone()) {
                return new PeerGoneException("the device closed the connection");
            }
            if (end.await(STEP_NANOS)) {
                return null;
            }
        }
        return new VhostProtocolException("its channel for misses ended: " + channel.reason());
    }

    /** Ends the thread, and the channel; twice does no harm. */
    @Override
    public void close() {
        if (thread.isAlive()) {
            end.signal();
            Waits.forEnd(thread);
        }
        resources.close();
    }
}
