package dev.outboard.clients;

import dev.outboard.driver.ClientContext;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.internet.PacketDescriptor;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;

/**
 * One pair of queues: what is received is sent, a burst at a time. A frame that finds the transmit
 * queue full is dropped and counted, as by any switch: who waited instead would only move the loss
 * to where nobody counts it. The pair's thread; nothing allocates after the constructor.
 */
final class QueueForwarder implements FrameHandler {
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final ReceiveQueue receive;
    private final TransmitQueue transmit;
    private final MemorySegment own;
    private final int burst;
    private long forwarded;
    private long dropped;

    /**
     * @param own the interface's address, from which frames go to their senders; null to send them
     *     unchanged
     */
    QueueForwarder(ReceiveQueue receive, TransmitQueue transmit, byte[] own, int burst) {
        this.receive = receive;
        this.transmit = transmit;
        this.own = own == null ? null : MemorySegment.ofArray(own);
        this.burst = burst;
    }

    /** Forwards until asked to stop. */
    void run(ClientContext context) {
        while (!context.isStopping()) {
            if (receive.poll(this, burst) > 0) {
                transmit.flush();
            } else {
                receive.await(LOOK_NANOS);
            }
        }
    }

    @Override
    public void onFrame(MemorySegment memory, long at, int lengthBytes) {
        int buffer = lengthBytes <= transmit.capacityBytes() ? claim() : TransmitQueue.NONE;
        if (buffer == TransmitQueue.NONE) {
            dropped++;
            return;
        }
        var target = transmit.memory();
        long to = transmit.offset(buffer);
        MemorySegment.copy(memory, at, target, to, lengthBytes);
        if (own != null) {
            MemorySegment.copy(
                    memory,
                    at + PacketDescriptor.ETHERNET_FROM,
                    target,
                    to + PacketDescriptor.ETHERNET_TO,
                    PacketDescriptor.MAC_BYTES);
            MemorySegment.copy(
                    own,
                    0,
                    target,
                    to + PacketDescriptor.ETHERNET_FROM,
                    PacketDescriptor.MAC_BYTES);
        }
        transmit.commit(buffer, lengthBytes);
        forwarded++;
    }

    private int claim() {
        int buffer = transmit.claim();
        if (buffer == TransmitQueue.NONE && transmit.flush() > 0) {
            buffer = transmit.claim();
        }
        return buffer;
    }

    /** Frames sent so far. */
    long forwarded() {
        return forwarded;
    }

    /** Frames that found no room, or were too long. */
    long dropped() {
        return dropped;
    }
}
