package dev.outboard.virtio.net;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Doorbell;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.Resources;
import dev.outboard.virtio.DriverQueue;
import dev.outboard.virtio.NetControlDescriptor;
import dev.outboard.virtio.RingFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;

/**
 * The control queue (VIRTIO 1.2, section 5.1.6.5): a command at a time, each waited for. Any
 * thread; takes a lock. Its memory is taken once.
 */
final class ControlQueue implements AutoCloseable {
    private static final int ENTRIES = 64;

    /** A header, a command, and its acknowledgement. */
    private static final int PARTS = 3;

    /** A page: what the device writes stands at its end, and the longest command before that. */
    private static final int MEMORY_BYTES = 4096;

    private static final int ACK_OFFSET = MEMORY_BYTES - 64;

    /** The most that a command needs. */
    static final int MOST_BYTES = ACK_OFFSET - NetControlDescriptor.HEADER_BYTES;

    private static final byte NOT_ACKNOWLEDGED = (byte) 0xff;
    private static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final Device device;
    private final int index;
    private final Resources resources = new Resources();
    private final DriverQueue queue;
    private final CoherentMemory memory;
    private final Interrupt interrupt;
    private Doorbell doorbell;
    private boolean isStuck;
    private boolean closed;

    ControlQueue(Device device, Dma dma, int index, long features) {
        this.device = device;
        this.index = index;
        try {
            memory = resources.add(dma.allocateCoherent(MEMORY_BYTES));
            queue =
                    resources.add(
                            DriverQueue.open(
                                    device.name() + " control",
                                    dma,
                                    Math.min(ENTRIES, device.queues().maximumEntries(index)),
                                    RingFormat.of(features),
                                    PARTS));
            if (!queue.hasRoom(PARTS)) {
                throw new DeviceException(
                        "device %s has a control queue of %d entries: a command takes %d"
                                .formatted(device.name(), queue.free(), PARTS));
            }
            interrupt = resources.add(device.queues().interrupt(index, queue));
        } catch (RuntimeException e) {
            resources.closeAfter(e);
            throw e;
        }
    }

    /** Hands the queue to the device. */
    void start() {
        doorbell = device.queues().start(index, queue.addresses());
    }

    /** Where the next command is written; only with the lock of this held. */
    MemorySegment command() {
        return memory.memory().asSlice(NetControlDescriptor.HEADER_BYTES, MOST_BYTES);
    }

    /** A command with a byte. */
    synchronized void tell(int kind, int command, int value) {
        command().set(ValueLayout.JAVA_BYTE, 0, (byte) value);
        tellWritten(kind, command, 1);
    }

    /** A command with some bytes. */
    synchronized void tell(int kind, int command, byte[] bytes) {
        if (bytes.length > MOST_BYTES) {
            throw new IllegalArgumentException(
                    "a command of %d bytes: at most %d".formatted(bytes.length, MOST_BYTES));
        }
        MemorySegment.copy(bytes, 0, command(), ValueLayout.JAVA_BYTE, 0, bytes.length);
        tellWritten(kind, command, bytes.length);
    }

    /** Sends what is written, and waits until the device has done it. */
    private void tellWritten(int kind, int command, int lengthBytes) {
        if (closed || isStuck) {
            throw new DeviceException(
                    "the control queue of device %s is closed".formatted(device.name()));
        }
        var bytes = memory.memory();
        bytes.set(ValueLayout.JAVA_BYTE, NetControlDescriptor.CLASS_OFFSET, (byte) kind);
        bytes.set(ValueLayout.JAVA_BYTE, NetControlDescriptor.COMMAND_OFFSET, (byte) command);
        bytes.set(ValueLayout.JAVA_BYTE, ACK_OFFSET, NOT_ACKNOWLEDGED);
        queue.part(memory.iova(), NetControlDescriptor.HEADER_BYTES, false);
        if (lengthBytes > 0) {
            queue.part(memory.iova() + NetControlDescriptor.HEADER_BYTES, lengthBytes, false);
        }
        queue.part(memory.iova() + ACK_OFFSET, 1, true);
        queue.add(0);
        if (queue.publish()) {
            doorbell.ring();
        }
        awaitAnswer(kind, command);
        byte answer = bytes.get(ValueLayout.JAVA_BYTE, ACK_OFFSET);
        if (answer != NetControlDescriptor.OK) {
            throw new DeviceException(
                    "device %s refused command %d of class %d: it answered %d"
                            .formatted(device.name(), command, kind, answer & 0xff));
        }
    }

    private void awaitAnswer(int kind, int command) {
        long start = System.nanoTime();
        while (queue.completed() == 0) {
            device.checkPresent();
            long left = ANSWER_NANOS - (System.nanoTime() - start);
            if (left <= 0) {
                // What is on its way would be taken for the answer to the next command.
                isStuck = true;
                throw new DeviceException(
                        "device %s did not answer command %d of class %d in %d s"
                                .formatted(
                                        device.name(),
                                        command,
                                        kind,
                                        TimeUnit.NANOSECONDS.toSeconds(ANSWER_NANOS)));
            }
            interrupt.await(left);
        }
        queue.take();
    }

    /** Takes the queue back from the device. Idempotent. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            try (resources) {
                device.queues().stop(index);
            }
        }
    }
}
