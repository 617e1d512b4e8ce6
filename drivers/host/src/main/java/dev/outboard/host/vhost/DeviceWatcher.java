package dev.outboard.host.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Resources;
import dev.outboard.uio.Waits;
import dev.outboard.uio.vhost.BackEndChannel;

/**
 * Sees a device's socket hang up, within the time of a wake-up, whatever the driver is doing, and
 * hears what it tells by itself. Owns one daemon thread, which waits in the kernel.
 */
final class DeviceWatcher implements AutoCloseable {
    private static final int SOCKET = 0;
    private static final int END = 1;
    private static final int CHANNEL = 2;
    private static final long FOREVER = -1;

    private final Resources resources = new Resources();
    private final Epoll epoll;
    private final EventDescriptor end;
    private final Runnable onHangUp;
    private final Thread thread;
    private boolean done;

    /** What the device tells by itself; null while nobody listens. */
    private volatile BackEndChannel channel;

    private DeviceWatcher(String name, Descriptor socket, Runnable onHangUp) {
        this.onHangUp = onHangUp;
        try {
            epoll = resources.add(Epoll.create());
            end = resources.add(EventDescriptor.create());
            epoll.add(socket, Epoll.HANG_UP, SOCKET);
            epoll.add(end.descriptor(), Epoll.READABLE, END);
        } catch (RuntimeException e) {
            resources.closeAfter(e);
            throw e;
        }
        thread = Thread.ofPlatform().daemon().name(name + "-watcher").unstarted(this::watch);
    }

    /**
     * Watches until closed.
     *
     * @param onHangUp runs once, on the watcher's thread; short, and must not close the watcher
     */
    static DeviceWatcher start(String name, Descriptor socket, Runnable onHangUp) {
        var watcher = new DeviceWatcher(name, socket, onHangUp);
        watcher.thread.start();
        return watcher;
    }

    /**
     * Listens to the device from now on.
     *
     * @param opened closed with this
     */
    void listen(BackEndChannel opened) {
        resources.add(opened);
        channel = opened;
        epoll.add(opened.descriptor(), Epoll.READABLE, CHANNEL);
    }

    private void watch() {
        while (!done) {
            epoll.await(FOREVER, this::onReady);
        }
    }

    private void onReady(int token, int events) {
        if (token == END) {
            done = true;
        } else if (token == CHANNEL) {
            if (!channel.onReadable()) {
                // It says nothing more; whether it is gone, its socket tells.
                epoll.remove(channel.descriptor());
            }
        } else if ((events & (Epoll.HANG_UP | Epoll.ERROR)) != 0) {
            done = true;
            onHangUp.run();
        }
    }

    /** Ends the thread; must come before the socket is closed. */
    @Override
    public void close() {
        if (thread.isAlive()) {
            end.signal();
            Waits.forEnd(thread);
        }
        resources.close();
    }
}
