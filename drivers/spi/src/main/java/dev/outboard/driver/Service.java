package dev.outboard.driver;

import java.util.function.Consumer;

/**
 * A started driver. Its sub-interfaces say what clients can do with it.
 *
 * <p>{@code close} stops the queues, unmaps every buffer and returns the memory; it is idempotent,
 * and must be called on the thread that started the driver after the threads that own queues have
 * left them.
 */
public interface Service extends AutoCloseable {
    /**
     * One line for people: what came up, as {@code virtio-net 52:54:00:00:00:01, link up, 256
     * entries}.
     */
    String describe();

    /**
     * Has somebody told what the device says of itself while it runs; called by any thread of the
     * driver, one at a time, and must return soon. There is one listener: the host, which prints. A
     * driver whose devices say nothing ignores it.
     */
    default void onNotice(Consumer<Notice> listener) {}

    @Override
    void close();
}
