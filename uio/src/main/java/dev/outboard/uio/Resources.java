package dev.outboard.uio;

import java.util.ArrayDeque;

/**
 * Resources that are given back together, the last one taken first. A failure to close one does not
 * keep the others open. One thread; closing twice does no harm.
 */
public final class Resources implements AutoCloseable {
    private final ArrayDeque<Entry> entries = new ArrayDeque<>();

    /** An empty stack. */
    public Resources() {}

    /** Adds a resource, and returns it. */
    public <T extends AutoCloseable> T add(T resource) {
        entries.push(new Entry(resource));
        return resource;
    }

    /**
     * Closes everything.
     *
     * @throws RuntimeException the first failure, with the others suppressed, after everything was
     *     tried
     */
    @Override
    public void close() {
        RuntimeException first = null;
        while (!entries.isEmpty()) {
            try {
                entries.pop().resource.close();
            } catch (Exception e) {
                var failure = e instanceof RuntimeException known ? known : wrap(e);
                if (first == null) {
                    first = failure;
                } else if (first != failure) {
                    first.addSuppressed(failure);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }

    /** Closes everything after {@code cause}, which matters more than what closing throws. */
    public void closeAfter(RuntimeException cause) {
        try {
            close();
        } catch (RuntimeException e) {
            if (e != cause) {
                cause.addSuppressed(e);
            }
        }
    }

    private static RuntimeException wrap(Exception e) {
        if (e instanceof InterruptedException) {
            Thread.currentThread().interrupt();
        }
        return new IllegalStateException("a resource could not be closed: " + e.getMessage(), e);
    }

    private record Entry(AutoCloseable resource) {}
}
