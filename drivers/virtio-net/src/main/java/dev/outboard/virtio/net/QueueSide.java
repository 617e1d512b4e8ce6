package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.driver.Doorbell;
import dev.outboard.driver.QueueTransport;
import dev.outboard.uio.Interrupt;
import dev.outboard.virtio.DriverQueue;

/** What both directions share: a queue on the transport, its interrupt and its doorbell. */
final class QueueSide implements AutoCloseable {
    private final Device device;
    private final QueueTransport transport;
    private final int index;
    private final DriverQueue queue;
    private final Interrupt interrupt;
    private Doorbell doorbell;
    private long doorbells;
    private boolean closed;

    QueueSide(Device device, int index, DriverQueue queue) {
        this.device = device;
        this.transport = device.queues();
        this.index = index;
        this.queue = queue;
        this.interrupt = transport.interrupt(index, queue);
    }

    DriverQueue queue() {
        return queue;
    }

    void start() {
        doorbell = transport.start(index, queue.addresses());
    }

    /** Shows what was added, and rings when the device asks for it. */
    void publish() {
        if (queue.publish()) {
            doorbells++;
            doorbell.ring();
        }
    }

    long doorbells() {
        return doorbells;
    }

    long interrupts() {
        return interrupt.count();
    }

    boolean await(long timeoutNanos) {
        device.checkPresent();
        boolean signalled = interrupt.await(timeoutNanos);
        device.checkPresent();
        return signalled;
    }

    /** Takes the queue back from the device and masks its interrupt. Idempotent. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            transport.stop(index);
            interrupt.close();
        }
    }
}
