package dev.outboard.dma.mediator;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.HeldDomain;
import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import dev.outboard.iommu.TableFormat;
import dev.outboard.iommu.Translation;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.UnixSocket;
import java.nio.file.Path;

/** Both sides of one request ring in the test's thread: what the mediator does, step by step. */
final class LocalRing implements AutoCloseable {
    static final int OWN_PAGES = 1024;
    static final int WINDOW_PAGES = 8192;

    final IommuOwner owner;
    final PhysicalMemory memory = PhysicalMemory.create(OWN_PAGES * 4096L);
    final UnixSocket[] sockets = UnixSocket.pair(UnixSocket.Kind.SEQPACKET);
    final ClientSession session = new ClientSession(sockets[0], 9);
    final HeldDomain held;
    final SessionDomain domain;
    final ServiceRing service;
    final RequestRing ring;
    final long frame = PhysicalMemory.FIRST_ADDRESS >>> 12;
    private final Mapping mapping;
    long put;

    LocalRing(Path directory, Quotas quotas) {
        this(directory, quotas, DartFormat.INSTANCE);
    }

    LocalRing(Path directory, Quotas quotas, TableFormat format) {
        owner = IommuOwner.listen(directory.resolve("i.sock"));
        session.setName("a", quotas);
        DomainOptions options =
                DomainOptions.DEFAULT
                        .withFormat(format)
                        .withTableEntries(WINDOW_PAGES)
                        .withFlushLimitNanos(20_000_000);
        held = owner.hold("nic0", memory, options);
        domain = new SessionDomain(1, session, held);
        domain.frames().add(frame, OWN_PAGES, Access.READ_WRITE);
        service = new ServiceRing(2, domain);
        session.add(service);
        Descriptor file = service.descriptors()[0].duplicate();
        try (MemoryFile shared = MemoryFile.adopt(file)) {
            mapping = shared.map(0, RequestRingDescriptor.LENGTH_BYTES, true);
        }
        ring = new RequestRing(mapping.memory());
    }

    void queue(long first, long second) {
        ring.write(put, first, second);
        put++;
    }

    void map(long page, long frameNumber, int pages, int access) {
        queue(Request.first(Request.MAP, page, pages), Request.second(frameNumber, access, 0));
    }

    void clear(long page, int pages) {
        queue(Request.first(Request.CLEAR, page, pages), Request.INVALIDATE);
    }

    Status commit() {
        return ask(Request.COMMIT);
    }

    Status settle() {
        return ask(Request.SETTLE);
    }

    private Status ask(int code) {
        queue(Request.first(code, 0, 0), 0);
        ring.setPutRelease(put);
        for (int turn = 0; ring.answerAcquire() >>> 8 != put; turn++) {
            service.serve(1 << 20);
            if (turn > 100_000_000) {
                throw new AssertionError("no answer");
            }
        }
        return Status.of(ring.answerAcquire());
    }

    /** The frame that the table has at a page, or -1. */
    long frameAt(long page) {
        long translation = held.table().walk(page);
        return translation == Translation.NONE ? -1 : Translation.pageFrame(translation);
    }

    int accessAt(long page) {
        return Translation.access(held.table().walk(page));
    }

    @Override
    public void close() {
        service.close();
        held.close();
        owner.close();
        sockets[0].close();
        sockets[1].close();
        mapping.close();
        memory.close();
    }
}
