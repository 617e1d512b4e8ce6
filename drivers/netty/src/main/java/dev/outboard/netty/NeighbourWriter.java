package dev.outboard.netty;

import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.net.NoRouteToHostException;
import java.util.concurrent.TimeUnit;

/**
 * Sends to neighbours, and finds first who is not known: what waits for an answer is kept, a few
 * datagrams for each neighbour, as a kernel does. Owned by the event loop.
 */
final class NeighbourWriter {
    private static final long ASK_MILLIS = 1_000;

    /** A little later than the moment from which a neighbour may be asked again. */
    private static final long LATER_MILLIS = 10;

    private final DriverIoHandler loop;
    private final NeighbourProtocol protocol;
    private final Counters counters;

    NeighbourWriter(DriverIoHandler loop, NeighbourProtocol protocol, Counters counters) {
        this.loop = loop;
        this.protocol = protocol;
        this.counters = counters;
    }

    /**
     * Sends, or keeps until the neighbour is found. The content is still the caller's.
     *
     * @return false where the queue is full
     * @throws NoRouteToHostException where the neighbour did not answer a moment ago
     */
    boolean send(DriverDatagramChannel channel, ByteBuf content, Destination to, int port)
            throws IOException {
        var neighbour = to.neighbour();
        long mac = neighbour.mac();
        if (mac >= 0) {
            if (neighbour.isStale(loop.nanos())) {
                ask(neighbour);
            }
            return channel.send(content, to, mac, port);
        }
        if (neighbour.hasFailed(System.nanoTime())) {
            throw new NoRouteToHostException(
                    "%s does not answer: is it on this network?".formatted(neighbour.address()));
        }
        var datagram = new Delayed(channel, content.retain(), to, port);
        if (!neighbour.await(datagram)) {
            datagram.dropped();
        }
        if (ask(neighbour)) {
            askAgain(channel, neighbour);
        }
        return true;
    }

    private boolean ask(Neighbour neighbour) {
        boolean isAsked = neighbour.isToBeAsked(System.nanoTime());
        if (isAsked) {
            protocol.ask(neighbour);
        }
        return isAsked;
    }

    /** Until it answers, or has not for too often. */
    private void askAgain(DriverDatagramChannel channel, Neighbour neighbour) {
        channel.eventLoop()
                .schedule(
                        () -> {
                            if (neighbour.mac() >= 0) {
                                return;
                            }
                            if (ask(neighbour)) {
                                askAgain(channel, neighbour);
                            } else {
                                neighbour.drop();
                            }
                        },
                        ASK_MILLIS + LATER_MILLIS,
                        TimeUnit.MILLISECONDS);
    }

    /** A datagram that waits until its neighbour has answered. */
    private final class Delayed implements Neighbour.Waiting {
        private final DriverDatagramChannel channel;
        private final ByteBuf content;
        private final Destination to;
        private final int port;

        Delayed(DriverDatagramChannel channel, ByteBuf content, Destination to, int port) {
            this.channel = channel;
            this.content = content;
            this.to = to;
            this.port = port;
        }

        @Override
        public void found() {
            if (loop.isCurrent()) {
                sendNow();
            } else {
                channel.eventLoop().execute(this::sendNow);
            }
        }

        private void sendNow() {
            try {
                long mac = to.neighbour().mac();
                if (!channel.isOpen() || !channel.send(content, to, mac, port)) {
                    counters.unreachable.increment();
                }
            } finally {
                content.release();
            }
        }

        @Override
        public void dropped() {
            counters.unreachable.increment();
            content.release();
        }
    }
}
