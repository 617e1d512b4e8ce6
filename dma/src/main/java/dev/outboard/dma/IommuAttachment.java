package dev.outboard.dma;

import dev.outboard.dma.AttachProtocol.Grant;
import dev.outboard.dma.AttachProtocol.Segment;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.ControlPageDescriptor;
import dev.outboard.iommu.FaultReason;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.Translator;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.MemoryFile;
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
    private final UnixSocket socket;
    private final LocalMemory memory;
    private final Translator translator;
    private final EventDescriptor faultEvent;
    private final Resources owned;
    private boolean inside;
    private boolean closed;

    private IommuAttachment(
            UnixSocket socket,
            LocalMemory memory,
            Translator translator,
            EventDescriptor faultEvent,
            Resources owned) {
        this.socket = socket;
        this.memory = memory;
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
        AttachProtocol.requireName(deviceName);
        long deadline = System.nanoTime() + timeoutNanos;
        UnixSocket socket =
                UnixSocket.connect(ownerSocket, UnixSocket.Kind.SEQPACKET, timeoutNanos);
        Resources owned = new Resources();
        owned.add(socket);
        try (Arena arena = Arena.ofConfined()) {
            Exchange exchange = new Exchange(socket, deviceName, deadline, arena);
            return exchange.attach(owned);
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

        IommuAttachment attach(Resources owned) {
            socket.send(buffer, 0, AttachProtocol.writeHello(buffer, deviceName));
            List<Descriptor> received = new ArrayList<>();
            try {
                int length = receive(AttachProtocol.GRANT, received, 3);
                Grant grant = AttachProtocol.readGrant(buffer, length);
                long tableBytes = grant.format().tableBytes(grant.entries());
                MemorySegment table = map(received.remove(0), tableBytes, false, owned);
                MemorySegment control =
                        map(received.remove(0), ControlPageDescriptor.LENGTH_BYTES, true, owned);
                EventDescriptor event = EventDescriptor.adopt(received.remove(0));
                owned.add(event);
                Translator translator =
                        new Translator(
                                grant.format().open(table, grant.entries()).forHub(grant.hubId()),
                                control,
                                grant.iotlb());
                LocalMemory memory = new LocalMemory(grant.segments());
                for (int index = 0; index < grant.segments(); index++) {
                    length = receive(AttachProtocol.SEGMENT, received, 1);
                    Segment segment = AttachProtocol.readSegment(buffer, length);
                    LocalMemory.requireWholePages(segment);
                    memory.add(
                            segment.physicalAddress(),
                            map(received.remove(0), segment.lengthBytes(), true, owned));
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

        private static MemorySegment map(
                Descriptor received, long lengthBytes, boolean writable, Resources owned) {
            try (MemoryFile file = MemoryFile.adopt(received)) {
                if (!file.isSizeSealed()) {
                    throw new IllegalArgumentException(
                            "a file of the owner is not sealed: it could shrink under us");
                }
                var mapping = file.map(0, lengthBytes, writable);
                owned.add(mapping);
                return mapping.memory();
            }
        }
    }

    /** Hangs up when the owner closes or dies; stays owned by this. */
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
        return translator.enter();
    }

    @Override
    public long checkpoint() {
        if (!inside) {
            throw new IllegalStateException("no DMA section is open: enter first");
        }
        return translator.checkpoint();
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
        int index = memory.find(physicalAddress);
        if (index < 0) {
            return refuse(iova, access, FaultReason.NO_MEMORY);
        }
        // Segments are whole pages: what begins in one has the rest of its page in it.
        long granted = IoPage.BYTES - (iova & IoPage.OFFSET_MASK);
        if (granted < lengthBytes) {
            granted = extend(iova, lengthBytes, access, physicalAddress, granted, index);
        }
        window.memory = memory.segment(index);
        window.offset = physicalAddress - memory.start(index);
        window.lengthBytes = Math.min(granted, lengthBytes);
        return true;
    }

    /** Goes on over pages that follow one another in memory, too; a refusal there is for later. */
    private long extend(
            long iova, long lengthBytes, int access, long physical, long first, int index) {
        long granted = first;
        long end = memory.end(index);
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
