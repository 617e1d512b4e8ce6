package dev.outboard.dma;

import dev.outboard.dma.AttachProtocol.Change;
import dev.outboard.dma.AttachProtocol.Grant;
import dev.outboard.dma.AttachProtocol.Segment;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.ControlPageDescriptor;
import dev.outboard.iommu.FaultReason;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.Iotlb;
import dev.outboard.iommu.Translator;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A device's bus master behind an IOMMU that another process owns: every address it uses is an
 * IOVA, translated here and checked, or refused and reported.
 *
 * <p>One thread, the device's. {@link #enter}, {@link #exit} and {@link #resolve} allocate nothing;
 * a fault costs a system call. What the owner sends, and what it writes in table and control page,
 * is checked.
 */
public final class IommuAttachment implements BusMaster {
    /** Messages of the owner taken in one go: one that sends without end may not keep us. */
    private static final int MESSAGES_AT_ONCE = 64;

    private final UnixSocket socket;
    private final AttachedMemory attached;

    /** What is attached, found by address. */
    private final LocalMemory memory;

    private final MemorySegment buffer = AttachProtocol.buffer(Arena.ofAuto());
    private final Translator translator;
    private final EventDescriptor faultEvent;
    private final Resources owned;

    /** How often memory came or went since it attached. */
    private long changes;

    private boolean inside;
    private boolean closed;

    private IommuAttachment(
            UnixSocket socket,
            AttachedMemory attached,
            Translator translator,
            EventDescriptor faultEvent,
            Resources owned) {
        this.socket = socket;
        this.attached = attached;
        memory = attached.memory();
        this.translator = translator;
        this.faultEvent = faultEvent;
        this.owned = owned;
    }

    /**
     * Attaches by name; waits until a driver has claimed that name.
     *
     * @param timeoutNanos for all of it: the socket to appear, the name to be claimed
     * @throws PeerTimeoutException if nobody claimed the name in time
     * @throws PeerGoneException if the owner ended meanwhile
     * @throws IllegalStateException if the owner refuses, with its reason
     * @throws IllegalArgumentException if what the owner sent breaks the protocol
     */
    public static IommuAttachment connect(Path ownerSocket, String deviceName, long timeoutNanos) {
        return connect(ownerSocket, deviceName, timeoutNanos, null);
    }

    /**
     * The same with an IOTLB that several devices of this thread share.
     *
     * @param shared or null for one of its own
     */
    public static IommuAttachment connect(
            Path ownerSocket, String deviceName, long timeoutNanos, SharedIotlb shared) {
        AttachProtocol.requireName(deviceName);
        long deadline = System.nanoTime() + timeoutNanos;
        UnixSocket socket =
                UnixSocket.connect(ownerSocket, UnixSocket.Kind.SEQPACKET, timeoutNanos);
        Resources owned = new Resources();
        owned.add(socket);
        try (Arena arena = Arena.ofConfined()) {
            Exchange exchange = new Exchange(socket, deviceName, deadline, arena);
            return exchange.attach(owned, shared);
        } catch (RuntimeException failure) {
            owned.closeAfter(failure);
            throw failure;
        }
    }

    /** The conversation that makes an attachment; puts what it takes into {@code owned} at once. */
    private static final class Exchange {
        private final UnixSocket socket;
        private final String deviceName;
        private final long deadline;
        private final MemorySegment buffer;

        Exchange(UnixSocket socket, String deviceName, long deadline, Arena arena) {
            this.socket = socket;
            this.deviceName = deviceName;
            this.deadline = deadline;
            buffer = AttachProtocol.buffer(arena);
        }

        IommuAttachment attach(Resources owned, SharedIotlb shared) {
            socket.send(buffer, 0, AttachProtocol.writeHello(buffer, deviceName));
            List<Descriptor> received = new ArrayList<>();
            try {
                int length = receive(AttachProtocol.GRANT, received, 3);
                Grant grant = AttachProtocol.readGrant(buffer, length);
                long tableBytes = grant.format().tableBytes(grant.entries());
                MemorySegment table =
                        owned.add(AttachedMemory.map(received.remove(0), tableBytes, false))
                                .memory();
                MemorySegment control =
                        owned.add(
                                        AttachedMemory.map(
                                                received.remove(0),
                                                ControlPageDescriptor.LENGTH_BYTES,
                                                true))
                                .memory();
                EventDescriptor event = EventDescriptor.adopt(received.remove(0));
                owned.add(event);
                Translator translator =
                        new Translator(
                                grant.format().open(table, grant.entries()).forHub(grant.hubId()),
                                control,
                                grant.iotlb(),
                                shared == null
                                        ? new Iotlb(grant.iotlb())
                                        : shared.forDevice(grant.iotlb()));
                owned.add(translator::close);
                AttachedMemory memory = owned.add(new AttachedMemory());
                for (int index = 0; index < grant.segments(); index++) {
                    length = receive(AttachProtocol.SEGMENT, received, 1);
                    memory.add(AttachProtocol.readSegment(buffer, length), received.remove(0));
                }
                return new IommuAttachment(socket, memory, translator, event, owned);
            } finally {
                received.forEach(Descriptor::close);
            }
        }

        private int receive(int type, List<Descriptor> received, int descriptors) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                throw late();
            }
            socket.receiveTimeout(left);
            int length = socket.receive(buffer, 0, AttachProtocol.BUFFER_BYTES, received, true);
            if (length == UnixSocket.WOULD_BLOCK) {
                throw late();
            }
            if (length == UnixSocket.END_OF_STREAM) {
                throw new PeerGoneException(
                        "the owner of the IOMMU ended while device=%s attached"
                                .formatted(deviceName));
            }
            int came = AttachProtocol.type(buffer, length);
            if (came == AttachProtocol.REFUSAL) {
                throw new IllegalStateException(
                        "the owner of the IOMMU refuses device=%s: %s"
                                .formatted(deviceName, AttachProtocol.readText(buffer, length)));
            }
            if (came != type || received.size() != descriptors) {
                throw new IllegalArgumentException(
                        "message of type=%d with %d descriptors where type=%d with %d was due"
                                .formatted(came, received.size(), type, descriptors));
            }
            return length;
        }

        private PeerTimeoutException late() {
            return new PeerTimeoutException(
                    "no driver claimed device=%s in time: start the driver, or check the name"
                            .formatted(deviceName));
        }
    }

    /**
     * Takes what the owner has sent meanwhile: memory comes or goes, and the owner is told that it
     * did. Whoever waits for {@link #descriptor} calls this when it is readable; it does not wait.
     * After memory went or came the next section has another generation, so that no window into
     * what is unmapped is used again.
     *
     * @throws PeerGoneException if the owner has closed or died
     * @throws IllegalArgumentException if what it sent breaks the protocol: close this
     * @throws IllegalStateException within a DMA section, or if this is closed
     */
    public void receive() {
        if (inside || closed) {
            throw new IllegalStateException(
                    closed ? "the attachment is closed" : "memory changes only outside a section");
        }
        List<Descriptor> received = new ArrayList<>();
        try {
            int taken = 0;
            while (taken < MESSAGES_AT_ONCE && receiveOne(received)) {
                taken++;
            }
        } finally {
            received.forEach(Descriptor::close);
        }
    }

    private boolean receiveOne(List<Descriptor> received) {
        int length = socket.receive(buffer, 0, AttachProtocol.BUFFER_BYTES, received, false);
        if (length == UnixSocket.WOULD_BLOCK) {
            return false;
        }
        if (length == UnixSocket.END_OF_STREAM) {
            throw new PeerGoneException("the owner of the IOMMU ended");
        }
        int type = AttachProtocol.type(buffer, length);
        boolean adds = type == AttachProtocol.SEGMENT_ADDED;
        if (!adds && type != AttachProtocol.SEGMENT_REMOVED || received.size() != (adds ? 1 : 0)) {
            throw new IllegalArgumentException(
                    "message of type=%d with %d descriptors where memory comes or goes"
                            .formatted(type, received.size()));
        }
        Change change = AttachProtocol.readChange(buffer, length);
        if (change.sequence() != changes + 1) {
            throw new IllegalArgumentException(
                    "change with sequence=%d where %d was due"
                            .formatted(change.sequence(), changes + 1));
        }
        // Counted first: whatever comes of it, what was resolved before is void.
        changes++;
        Segment segment = change.segment();
        if (adds) {
            attached.add(segment, received.remove(0));
        } else {
            attached.remove(segment);
        }
        int sent = socket.trySend(buffer, 0, AttachProtocol.writeDone(buffer, changes));
        if (sent == UnixSocket.WOULD_BLOCK) {
            throw new IllegalArgumentException("the owner does not read what it asked for");
        }
        return true;
    }

    /**
     * Readable when {@link #receive} has something to do; hangs up when the owner closes or dies.
     * Stays owned by this.
     */
    public Descriptor descriptor() {
        return socket.descriptor();
    }

    /** Whether the owner has closed or died: end all DMA and close. */
    public boolean isOwnerGone() {
        return closed || socket.isPeerGone();
    }

    @Override
    public long enter() {
        if (inside || closed) {
            throw new IllegalStateException(
                    closed ? "the attachment is closed" : "a DMA section is open already");
        }
        inside = true;
        return translator.enter() + changes;
    }

    @Override
    public long checkpoint() {
        if (!inside) {
            throw new IllegalStateException("no DMA section is open: enter first");
        }
        return translator.checkpoint() + changes;
    }

    @Override
    public void exit() {
        if (inside) {
            inside = false;
            translator.exit();
        }
    }

    @Override
    public boolean resolve(long iova, long lengthBytes, int access, DmaWindow window) {
        if (!inside) {
            throw new IllegalStateException("DMA outside a section: enter first");
        }
        if (lengthBytes <= 0) {
            return refuse(iova, access, FaultReason.BAD_LENGTH);
        }
        long physicalAddress = translator.translate(iova, access);
        if (physicalAddress < 0) {
            return refuse(iova, access, Translator.reason(physicalAddress));
        }
        if (!memory.find(physicalAddress)) {
            return refuse(iova, access, FaultReason.NO_MEMORY);
        }
        // Segments are whole pages: what begins in one has the rest of its page in it.
        long granted = IoPage.BYTES - (iova & IoPage.OFFSET_MASK);
        if (granted < lengthBytes) {
            granted = extend(iova, lengthBytes, access, physicalAddress, granted);
        }
        window.set(
                memory.segment(), physicalAddress - memory.start(), Math.min(granted, lengthBytes));
        return true;
    }

    /** Goes on over pages that follow one another in memory, too; a refusal there is for later. */
    private long extend(long iova, long lengthBytes, int access, long physical, long first) {
        long granted = first;
        long end = memory.end();
        while (granted < lengthBytes && physical + granted < end) {
            if (translator.translate(iova + granted, access) != physical + granted) {
                break;
            }
            granted += IoPage.BYTES;
        }
        return granted;
    }

    private boolean refuse(long iova, int access, FaultReason reason) {
        if (translator.fault(iova, access & Access.READ_WRITE, reason)) {
            faultEvent.signal();
        }
        return false;
    }

    /** With an IOMMU, rings are named by IOVA already. */
    @Override
    public long ringAddress(long vringAddress) {
        return vringAddress;
    }

    @Override
    public boolean isTranslated() {
        return true;
    }

    @Override
    public void close() {
        if (!closed) {
            exit();
            closed = true;
            owned.close();
        }
    }
}
