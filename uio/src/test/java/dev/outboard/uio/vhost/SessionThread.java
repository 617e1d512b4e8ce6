package dev.outboard.uio.vhost;

import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;

/** A device's loop on a thread of its own: one session until it ends, or the loop is closed. */
final class SessionThread implements AutoCloseable {
    private final EventDescriptor stop = EventDescriptor.create();
    private final Thread thread;
    private volatile String reason;

    private SessionThread(Runnable loop) {
        thread = Thread.ofPlatform().unstarted(loop);
    }

    /** Serves a connected socket. */
    static SessionThread serve(UnixSocket socket, VhostBackEnd backEnd) {
        SessionThread[] self = new SessionThread[1];
        self[0] = new SessionThread(() -> self[0].loop(new VhostSession(socket, backEnd)));
        self[0].thread.start();
        return self[0];
    }

    /** Serves the first who connects. */
    static SessionThread serve(UnixServer server, VhostBackEnd backEnd) {
        SessionThread[] self = new SessionThread[1];
        self[0] = new SessionThread(() -> self[0].accept(server, backEnd));
        self[0].thread.start();
        return self[0];
    }

    private void accept(UnixServer server, VhostBackEnd backEnd) {
        try (Epoll epoll = Epoll.create()) {
            epoll.add(server.descriptor(), Epoll.READABLE, 0);
            epoll.add(stop.descriptor(), Epoll.READABLE, 1);
            UnixSocket socket = null;
            while (socket == null && !stop.await(0)) {
                epoll.await(-1, (token, events) -> {});
                socket = server.accept();
            }
            if (socket != null) {
                loop(new VhostSession(socket, backEnd));
            }
        }
    }

    private void loop(VhostSession session) {
        try (session;
                Epoll epoll = Epoll.create()) {
            epoll.add(session.descriptor(), Epoll.READABLE, 0);
            epoll.add(stop.descriptor(), Epoll.READABLE, 1);
            while (session.reason() == null && !stop.await(0)) {
                epoll.await(
                        -1,
                        (token, events) -> {
                            if (token == 0) {
                                session.onReadable();
                            }
                        });
            }
            reason = session.reason();
        }
    }

    /** Waits until the session has ended by itself; why it did. */
    String awaitEnd() throws InterruptedException {
        thread.join(20_000);
        return reason;
    }

    @Override
    public void close() throws InterruptedException {
        stop.signal();
        thread.join();
        stop.close();
    }
}
