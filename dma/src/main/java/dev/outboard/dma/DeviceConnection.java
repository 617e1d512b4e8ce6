package dev.outboard.dma;

import dev.outboard.dma.AttachProtocol.Change;
import dev.outboard.dma.AttachProtocol.Grant;
import dev.outboard.dma.AttachProtocol.Segment;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * One connection of a device to the owner, from its first message to its end: silent, named,
 * attached.
 *
 * <p>Owned and used by the owner's thread alone. What the device sends is checked, and what it does
 * not read is not waited for: both are errors, which end this connection.
 */
final class DeviceConnection {
    private final UnixSocket socket;
    private final int token;

    /** Of the owner's thread: for one message at a time. */
    private final MemorySegment buffer;

    private String name;
    private OwnedDomain domain;
    private AttachedDevice device;

    /** Told to the device and not done, in order. */
    private final Deque<SegmentChange> changes = new ArrayDeque<>();

    private long changesTold;
    private long changesDone;

    /**
     * @param token by which the owner knows its socket; that of its faults is the next one
     */
    DeviceConnection(UnixSocket socket, int token, MemorySegment buffer) {
        this.socket = socket;
        this.token = token;
        this.buffer = buffer;
    }

    int token() {
        return token;
    }

    Descriptor descriptor() {
        return socket.descriptor();
    }

    /** Null as long as it is silent. */
    String name() {
        return name;
    }

    boolean isAttached() {
        return device != null;
    }

    boolean isAttachedTo(OwnedDomain which) {
        return device != null && domain == which;
    }

    /** What the device signals faults with, once it is attached. */
    Descriptor faultEvent() {
        return device.faultEvent().descriptor();
    }

    /**
     * Takes a message, if there is one. The first is the device's name; after it, it says only that
     * it has done what it was asked for.
     *
     * @return false if the device has ended
     * @throws IllegalArgumentException if it is anything else
     */
    boolean receive() {
        int length = socket.receive(buffer, 0, AttachProtocol.BUFFER_BYTES, null, false);
        if (length == UnixSocket.END_OF_STREAM) {
            return false;
        }
        if (length != UnixSocket.WOULD_BLOCK) {
            if (name == null) {
                receiveName(length);
            } else {
                receiveDone(length);
            }
        }
        return true;
    }

    private void receiveName(int length) {
        if (AttachProtocol.type(buffer, length) != AttachProtocol.HELLO) {
            throw new IllegalArgumentException("the first message must be the device's name");
        }
        name = AttachProtocol.requireName(AttachProtocol.readText(buffer, length));
    }

    private void receiveDone(int length) {
        if (AttachProtocol.type(buffer, length) != AttachProtocol.DONE
                || changes.isEmpty()
                || AttachProtocol.readDone(buffer, length) != changesDone + 1) {
            throw new IllegalArgumentException(
                    "a device says nothing after its name but what it was asked for");
        }
        changesDone++;
        changes.remove().done();
    }

    /**
     * The name was claimed: makes the device's control page and its fault event.
     *
     * @throws IllegalStateException if a device of that name is attached, and lives
     */
    void join(OwnedDomain claimed) {
        AttachedDevice before = claimed.devices().find(name);
        if (before != null && !before.isGone()) {
            throw new IllegalStateException(
                    "device=%s is attached already, as process %d"
                            .formatted(name, before.processId()));
        }
        device = new AttachedDevice(name, socket);
        domain = claimed;
    }

    /**
     * Makes the device one of the domain's, and tells it to start.
     *
     * @throws IllegalStateException if the domain is being closed, or the device does not read
     */
    void start() {
        if (domain.isClosed()) {
            throw new IllegalStateException("the driver is closing its domain");
        }
        domain.devices().add(device);
        sendGrant();
        domain.devices().announce();
    }

    private void sendGrant() {
        List<PhysicalSegment> segments = domain.segments();
        DomainOptions options = domain.options();
        Grant grant =
                new Grant(
                        options.format(),
                        options.tableEntries(),
                        options.iotlb(),
                        segments.size(),
                        domain.devices().hubOf(name));
        send(
                AttachProtocol.writeGrant(buffer, grant),
                domain.tableFile().descriptor(),
                device.controlFile().descriptor(),
                device.faultEvent().descriptor());
        for (PhysicalSegment segment : segments) {
            send(AttachProtocol.writeSegment(buffer, place(segment)), segment.descriptor());
        }
    }

    private static Segment place(PhysicalSegment segment) {
        return new Segment(segment.physicalAddress(), segment.lengthBytes());
    }

    /** Asks the device to map or unmap a segment; its answer is {@link SegmentChange#done}. */
    void tell(SegmentChange change) {
        change.expect(name);
        changes.add(change);
        PhysicalSegment segment = change.segment();
        Change told = new Change(++changesTold, place(segment));
        if (change.adds()) {
            send(
                    AttachProtocol.writeChange(buffer, AttachProtocol.SEGMENT_ADDED, told),
                    segment.descriptor());
        } else {
            send(AttachProtocol.writeChange(buffer, AttachProtocol.SEGMENT_REMOVED, told));
        }
    }

    private void send(int lengthBytes, Descriptor... descriptors) {
        if (socket.trySend(buffer, 0, lengthBytes, descriptors) == UnixSocket.WOULD_BLOCK) {
            throw new IllegalStateException("the device does not read what it is sent");
        }
    }

    /** Says why it is not served, if that is of use: one that is attached finds out by the end. */
    void refuse(String why) {
        if (device == null) {
            try {
                socket.trySend(buffer, 0, AttachProtocol.writeRefusal(buffer, why));
            } catch (PeerGoneException gone) {
                // It does not want to know.
            }
        }
    }

    /** Delivers a ring's worth of faults at most; true if there may be more. */
    boolean deliverFaults() {
        return domain.devices().deliverFaults(device);
    }

    /** Ends it, and with it what the device is asked for: gone is as good as done. */
    void close() {
        if (device == null) {
            socket.close();
            return;
        }
        try {
            domain.devices().remove(device);
            device.close();
        } finally {
            changes.forEach(SegmentChange::done);
        }
    }
}
