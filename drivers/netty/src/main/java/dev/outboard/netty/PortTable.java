package dev.outboard.netty;

import java.net.BindException;
import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Which channels have which ports. Any thread binds; looking is a read of an array that is replaced
 * and never changed.
 */
final class PortTable {
    private static final int PORTS = 1 << Short.SIZE;
    private static final int FIRST_FREE = 49_152;
    private static final DriverDatagramChannel[] NOBODY = {};

    private final AtomicReferenceArray<DriverDatagramChannel[]> channels =
            new AtomicReferenceArray<>(PORTS);

    /** Those that have the port; not to be changed. */
    DriverDatagramChannel[] at(int port) {
        var found = channels.getAcquire(port);
        return found == null ? NOBODY : found;
    }

    /**
     * Gives a channel a port.
     *
     * @param wanted 0 for any that is free
     * @return which
     * @throws BindException where somebody has it who does not share it
     */
    synchronized int bind(DriverDatagramChannel channel, int wanted) throws BindException {
        int port = wanted == 0 ? free() : wanted;
        var now = at(port);
        for (var other : now) {
            boolean isShared = other.config().isReuseAddress() && channel.config().isReuseAddress();
            if (!isShared && channel.overlaps(other)) {
                throw new BindException(
                        "port %d is in use on this interface: take another, or set SO_REUSEADDR on"
                                        .formatted(port)
                                + " every channel that shares it");
            }
        }
        var more = Arrays.copyOf(now, now.length + 1);
        more[now.length] = channel;
        channels.setRelease(port, more);
        return port;
    }

    private int free() throws BindException {
        int count = PORTS - FIRST_FREE;
        int first = ThreadLocalRandom.current().nextInt(count);
        for (int i = 0; i < count; i++) {
            int port = FIRST_FREE + (first + i) % count;
            if (at(port).length == 0) {
                return port;
            }
        }
        throw new BindException("every port from %d on is in use".formatted(FIRST_FREE));
    }

    synchronized void release(DriverDatagramChannel channel, int port) {
        var left =
                Arrays.stream(at(port))
                        .filter(other -> other != channel)
                        .toArray(DriverDatagramChannel[]::new);
        channels.setRelease(port, left.length == 0 ? null : left);
    }
}
