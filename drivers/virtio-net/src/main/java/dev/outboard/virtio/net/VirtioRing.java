package dev.outboard.virtio.net;

import dev.outboard.driver.Device;
import dev.outboard.driver.Doorbell;
import dev.outboard.driver.QueueTransport;
import dev.outboard.frames.FrameRing;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.virtio.DriverQueue;

/** What both directions share: a queue on the transport, its interrupt and its doorbell. */
abstract sealed class VirtioRing implements FrameRing
        permits VirtioReceiveRing, VirtioTransmitRing {
    private final Device device;
    private final QueueTransport transport;
    private final int index;
    private final DriverQueue queue;
    private final Interrupt interrupt;
    private Doorbell doorbell;
    private long doorbells;
    private boolean closed;

    VirtioRing(Device device, int index, DriverQueue queue) {
        this.device = device;
        this.transport = device.queues();
        this.index = index;
        this.queue = queue;
        this.interrupt = transport.interrupt(index, queue);
    }

    @Override
    public final void start() {
        doorbell = transport.start(index, queue.addresses());
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
            transport.stop(index);
            interrupt.close();
        }
    }
}
