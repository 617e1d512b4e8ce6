package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.driver.Doorbell;
import dev.outboard.driver.QueueTransport;
import dev.outboard.frames.FrameRing;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Resources;
import dev.outboard.virtio.DriverQueue;
import java.util.function.Supplier;

/**
 * What both directions share: a queue on the transport, its interrupt and its doorbell. Owned by
 * the queue's thread.
 *
 * <p>A ring that was taken back from the device is another one when it is handed over again, in
 * memory of its own; the interrupt stays.
 */
abstract sealed class VirtioRing implements FrameRing, InterruptLine
        permits VirtioReceiveRing, VirtioTransmitRing {
    private final Device device;
    private final QueueTransport transport;
    private final int index;
    private final Supplier<DriverQueue> opener;
    private final Interrupt interrupt;
    private DriverQueue queue;
    private Doorbell doorbell;
    private long doorbells;
    private boolean closed;

    /**
     * @param opener takes memory for a queue that is empty
     */
    VirtioRing(Device device, int index, Supplier<DriverQueue> opener) {
        this.device = device;
        this.transport = device.queues();
        this.index = index;
        this.opener = opener;
        queue = opener.get();
        try {
            interrupt = transport.interrupt(index, this);
        } catch (RuntimeException e) {
            queue.close();
            throw e;
        }
    }

    /** The queue that is, or will be, the device's. */
    final DriverQueue queue() {
        return queue;
    }

    @Override
    public final void start() {
        doorbell = transport.start(index, queue.addresses());
    }

    /** Whether the device gives this one queue back, and takes it again. */
    public final boolean isRestartable() {
        return transport.isRestartable();
    }

    /** Takes the queue back with all that the device has of it. */
    public final void stop() {
        transport.stop(index);
        queue.close();
        queue = opener.get();
    }

    /** Hands it over again. */
    public final void restart() {
        start();
    }

    @Override
    public final boolean isPending() {
        return queue.isPending();
    }

    @Override
    public final boolean unmask() {
        return queue.unmask();
    }

    @Override
    public final void mask() {
        queue.mask();
    }

    @Override
    public final int free() {
        return queue.free();
    }

    @Override
    public final int outstanding() {
        return queue.outstanding();
    }

    @Override
    public final int completed() {
        return queue.completed();
    }

    @Override
    public final int take() {
        return queue.take();
    }

    @Override
    public final void publish() {
        if (queue.publish()) {
            doorbells++;
            doorbell.ring();
        }
    }

    @Override
    public final long doorbells() {
        return doorbells;
    }

    @Override
    public final long interrupts() {
        return interrupt.count();
    }

    @Override
    public final boolean await(long timeoutNanos) {
        device.checkPresent();
        boolean signalled = interrupt.await(timeoutNanos);
        device.checkPresent();
        return signalled;
    }

    @Override
    public final Descriptor descriptor() {
        return interrupt.descriptor();
    }

    @Override
    public final boolean arm() {
        device.checkPresent();
        return interrupt.arm();
    }

    @Override
    public final void disarm() {
        interrupt.acknowledge();
        device.checkPresent();
    }

    @Override
    public final void wake() {
        interrupt.wake();
    }

    /** Takes the queue back from the device and masks its interrupt. Idempotent. */
    @Override
    public final void close() {
        if (!closed) {
            closed = true;
            try (var all = new Resources()) {
                // The interrupt is masked in the queue's memory: that goes last.
                all.add(queue);
                all.add(interrupt);
                transport.stop(index);
            }
        }
    }
}
