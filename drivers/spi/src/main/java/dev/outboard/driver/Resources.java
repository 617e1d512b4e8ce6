package dev.outboard.driver;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What a driver has taken so far, given back in reverse order: by the driver's {@code close}, or at
 * once when its start fails half-way. One thread.
 */
public final class Resources implements AutoCloseable {
    private final Deque<AutoCloseable> taken = new ArrayDeque<>();

    /** Nothing taken yet. */
    public Resources() {}

    /** Remembers a resource, and returns it. */
    public <T extends AutoCloseable> T take(T resource) {
        taken.push(resource);
        return resource;
    }

    /**
     * Gives everything back, the newest first, whatever fails on the way. Idempotent.
     *
     * @throws DeviceException with the first failure as cause and the others suppressed in it
     */
    @Override
    public void close() {
        DeviceException failure = null;
        while (!taken.isEmpty()) {
            try {
                taken.pop().close();
            } catch (Exception e) {
                if (failure == null) {
                    failure = new DeviceException("cannot give back: " + e.getMessage(), e);
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
