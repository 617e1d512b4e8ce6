package dev.outboard.dma.mediator;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.HeldDomain;
import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Unplug;
import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.dma.mediator.Refusal.Why;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.TableFormat;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Everything that clients have of the mediator: memory, domains, grants. Who may have what is
 * decided here; what is taken back goes through a {@link Cleanup} first. The mediator's thread.
 */
final class Estate {
    /** The most of each that a client may have. */
    static final int MAX_DOMAINS = 8;

    static final int MAX_SERVICES = 16;
    static final int MAX_GRANTS = 8;

    /** With the grants to a domain, as many as its devices take. */
    static final int MAX_MEMORIES = PhysicalMemory.MAX_SEGMENTS - MAX_GRANTS;

    /** Pieces into which a client may cut a segment by giving back what lies between. */
    static final int MAX_RUNS = 4096;

    private static final System.Logger LOG = System.getLogger(Mediator.class.getName());
    private static final long SHORTEST_FLUSH_NANOS = 1_000_000;
    private static final long LONGEST_FLUSH_NANOS = 60_000_000_000L;

    private final MediatorOptions options;
    private final IommuOwner owner;
    private final AddressRanges ranges = new AddressRanges();
    private final Map<String, SessionDomain> byDevice = new HashMap<>();
    private final DomainEvents events;
    private final Set<ClientMemory> memories = new HashSet<>();
    private long usedBytes;
    private long nextId = 1;

    /** Who hears what happens to a domain's devices, on the owner's thread. */
    interface DomainEvents {
        void watch(SessionDomain domain);
    }

    Estate(MediatorOptions options, IommuOwner owner, DomainEvents events) {
        this.options = options;
        this.owner = owner;
        this.events = events;
    }

    private static void limit(int count, int most, String what) {
        if (count >= most) {
            throw new Refusal(Why.STATE, "a client has at most " + most + " " + what);
        }
    }

    /** Memory for a client, which its open domains may map from now on. */
    ClientMemory memory(ClientSession session, ControlMessage message) {
        limit(session.memories().size(), MAX_MEMORIES, "memories: ask for larger ones");
        long lengthBytes = message.word(0);
        if (lengthBytes <= 0 || lengthBytes > PhysicalMemory.MAX_LENGTH_BYTES) {
            throw new Refusal(Why.ARGUMENT, "lengthBytes=" + lengthBytes + " is no length");
        }
        PageKind kind = kind(message.word(2));
        long length = lengthBytes + IoPage.OFFSET_MASK & ~IoPage.OFFSET_MASK;
        long pages = length >>> IoPage.SHIFT;
        if (!session.frames().charge(pages, message.word(1) != 0)) {
            throw new Refusal(Why.QUOTA, session.frames().refusal(pages));
        }
        long address = AddressRanges.NONE;
        try {
            address = length > options.memoryBytes() - usedBytes ? address : ranges.take(length);
            if (address == AddressRanges.NONE) {
                throw noMemory(length);
            }
            ClientMemory memory = new ClientMemory(PhysicalMemory.createAt(address, kind, length));
            memories.add(memory);
            session.memories().put(address, memory);
            usedBytes += length;
            return memory;
        } catch (RuntimeException failure) {
            session.frames().uncharge(pages);
            if (address != AddressRanges.NONE) {
                ranges.giveBack(address);
            }
            throw failure;
        }
    }

    private static PageKind kind(long code) {
        PageKind[] all = PageKind.values();
        if (code < 0 || code >= all.length || all[(int) code] == PageKind.AUTO) {
            throw new Refusal(Why.ARGUMENT, "pages=" + code + " is no kind of page");
        }
        return all[(int) code];
    }

    private Refusal noMemory(long length) {
        return new Refusal(
                Why.MEMORY,
                ("asked for %d bytes, but %d of the mediator's %d are taken:"
                                + " start it with more --memory")
                        .formatted(length, usedBytes, options.memoryBytes()));
    }

    /** Gives memory to the devices of its client's open domains, which may map it at once. */
    static List<Moving> give(ClientSession session, ClientMemory memory) {
        List<Moving> moves = new ArrayList<>();
        for (SessionDomain domain : session.domains()) {
            if (!domain.isClosing()) {
                moves.add(give(domain, memory));
            }
        }
        return moves;
    }

    private static Moving give(SessionDomain domain, ClientMemory memory) {
        letMap(domain, memory.whole());
        return Moving.coming(domain.held().beginAdd(memory.segment()));
    }

    private static void letMap(SessionDomain domain, FrameRun run) {
        domain.frames()
                .addAll(
                        run.memory().present(),
                        run.firstFrame(),
                        run.endFrame(),
                        Access.READ_WRITE);
    }

    /** A domain for the device of that name. */
    SessionDomain claim(ClientSession session, ControlMessage message) {
        limit(session.domains().size(), MAX_DOMAINS, "domains: close one");
        ClientMemory memory = session.memories().get(message.word(0));
        if (memory == null) {
            throw new Refusal(
                    Why.ARGUMENT, "the domain's memory is none of this client: ask for some");
        }
        String device = Names.require(message.text(), "device");
        SessionDomain taken = byDevice.get(device);
        if (taken != null) {
            throw new Refusal(
                    Why.STATE,
                    "device=%s is claimed already, by client=%s%s"
                            .formatted(
                                    device,
                                    taken.session().name(),
                                    taken.isClosing() ? ", and is being cleared: try again" : ""));
        }
        HeldDomain held = owner.hold(device, memory.memory(), options(message));
        SessionDomain domain = new SessionDomain(nextId++, session, held);
        letMap(domain, memory.whole());
        for (ClientMemory other : session.memories().values()) {
            if (other != memory) {
                // No device is attached yet: who comes gets all of it.
                give(domain, other);
            }
        }
        session.add(domain);
        byDevice.put(device, domain);
        events.watch(domain);
        return domain;
    }

    private static DomainOptions options(ControlMessage message) {
        long limit = message.word(4);
        if (limit < SHORTEST_FLUSH_NANOS || limit > LONGEST_FLUSH_NANOS) {
            throw new Refusal(
                    Why.ARGUMENT, "flushLimitNanos=" + limit + " is not between 1 ms and 60 s");
        }
        IotlbGeometry iotlb = IotlbGeometry.ofCode(message.word(3));
        TableFormat format = TableFormat.ofCode(message.number(1));
        int entries = message.number(2);
        if (!format.isTableSize(entries)) {
            throw new Refusal(
                    Why.ARGUMENT,
                    "tableEntries=%d is no size of a %s table".formatted(entries, format.title()));
        }
        return DomainOptions.DEFAULT
                .withFormat(format)
                .withTableEntries(entries)
                .withIotlb(iotlb)
                .withFlushLimitNanos(limit);
    }

    /** One more device for a domain. */
    void admit(SessionDomain domain, String device) {
        Names.require(device, "device");
        domain.held().admit(device);
        byDevice.put(device, domain);
    }

    ServiceRing service(SessionDomain domain) {
        ClientSession session = domain.session();
        limit(session.rings().length, MAX_SERVICES, "mapping services: close one");
        ServiceRing ring = new ServiceRing(nextId++, domain);
        session.add(ring);
        return ring;
    }

    /** Lets another's domain map frames of a client, once its devices have them: {@link #move}. */
    Grant grant(ClientSession granter, ControlMessage message) {
        long address = message.word(0);
        long length = message.word(1);
        int access = message.number(2);
        FrameRun run = run(granter, address, length);
        if (access <= 0 || (access & ~Access.READ_WRITE) != 0) {
            throw new Refusal(Why.ARGUMENT, "access=" + access + " is none");
        }
        SessionDomain domain = byDevice.get(message.text());
        if (domain == null || domain.isClosing()) {
            throw new Refusal(
                    Why.STATE, "nobody has claimed device=%s yet".formatted(message.text()));
        }
        limit(domain.grants().size(), MAX_GRANTS, "grants to a domain: close one");
        if (domain.frames().overlaps(run.firstFrame(), run.frames())) {
            throw new Refusal(Why.STATE, "the domain may map some of these frames already");
        }
        Grant grant =
                new Grant(
                        nextId++,
                        granter,
                        domain,
                        run.memory(),
                        run.firstFrame(),
                        run.frames(),
                        access);
        domain.frames().add(run.firstFrame(), run.frames(), access);
        granter.given().put(grant.id(), grant);
        return grant;
    }

    /** The segment of a new grant comes to the devices of its domain, if they have not got it. */
    static List<Moving> move(Grant grant) {
        SessionDomain domain = grant.domain();
        boolean there = hasSegment(domain, grant.memory());
        domain.grants().add(grant);
        return there
                ? List.of()
                : List.of(Moving.coming(domain.held().beginAdd(grant.memory().segment())));
    }

    private static boolean hasSegment(SessionDomain domain, ClientMemory memory) {
        return domain.grants().stream().anyMatch(other -> other.memory() == memory);
    }

    /** Whether a number was ever given to a grant, or to something else. */
    boolean wasGiven(long id) {
        return id > 0 && id < nextId;
    }

    /** The frames may not be mapped any more from now on; the sweep takes away where they are. */
    Sweep end(Grant grant) {
        SessionDomain domain = grant.domain();
        domain.frames().remove(grant.firstFrame(), grant.frames());
        return new Sweep(domain, grant.firstFrame(), grant.endFrame());
    }

    /** The sweep of a grant is done: its segment goes, unless another grant is of it. */
    List<Moving> ended(Grant grant) {
        SessionDomain domain = grant.domain();
        grant.granter().given().remove(grant.id());
        if (domain.grants().remove(grant)
                && !domain.isClosed()
                && !hasSegment(domain, grant.memory())) {
            return List.of(Moving.going(domain.held().beginRemove(grant.memory().segment())));
        }
        return List.of();
    }

    /** Grants of a client's frames. */
    static List<Grant> givenOf(ClientSession session, FrameRun run) {
        return session.given().values().stream().filter(run::overlaps).toList();
    }

    /** A domain that was swept: its devices are detached, its names are free, its grants ended. */
    void close(SessionDomain domain) {
        domain.close();
        domain.session().remove(domain);
        byDevice.values().removeIf(other -> other == domain);
        for (Grant grant : domain.grants()) {
            grant.granter().given().remove(grant.id());
        }
        domain.grants().clear();
    }

    /** Whole pages that a client has, all of them in one run. */
    private static FrameRun run(ClientSession session, long address, long lengthBytes) {
        ClientMemory memory = session.memoryOf(address, lengthBytes);
        long frame = address >>> IoPage.SHIFT;
        long frames = lengthBytes >>> IoPage.SHIFT;
        if (memory == null
                || ((address | lengthBytes) & IoPage.OFFSET_MASK) != 0
                || !memory.has(frame, frames)) {
            throw new Refusal(
                    Why.ARGUMENT,
                    "physicalAddress=0x%x lengthBytes=%d is not whole pages of this client"
                            .formatted(address, lengthBytes));
        }
        return new FrameRun(memory, frame, frames);
    }

    /**
     * Frames that a client wants to give back, if it may.
     *
     * @throws Refusal if they are not its own, or would leave too many pieces
     */
    static FrameRun returned(ClientSession session, long address, long lengthBytes) {
        ClientMemory memory = session.memories().get(address);
        boolean whole = memory != null && memory.lengthBytes() == lengthBytes;
        FrameRun run = whole ? memory.whole() : run(session, address, lengthBytes);
        if (!run.isTheRest()) {
            limit(run.memory().present().runs(), MAX_RUNS, "pieces of a segment: give all back");
        }
        return run;
    }

    /** None of its client's domains accepts a new mapping of these frames from now on. */
    static void hide(ClientSession session, FrameRun run) {
        session.domains().forEach(domain -> domain.frames().remove(run.firstFrame(), run.frames()));
    }

    /** They do again: the frames stay. */
    static void show(ClientSession session, FrameRun run) {
        session.domains().forEach(domain -> letMap(domain, run));
    }

    /** Begins to look who maps frames that were hidden. */
    static List<Look> look(ClientSession session, FrameRun run) {
        return session.domains().stream().map(domain -> new Look(domain, run)).toList();
    }

    /** Begins to take frames that were hidden from their client's own domains. */
    static List<Sweep> sweep(ClientSession session, FrameRun run) {
        return session.domains().stream()
                .map(domain -> new Sweep(domain, run.firstFrame(), run.endFrame()))
                .toList();
    }

    /** A segment that nothing reaches any more leaves its client's own domains. */
    static List<Moving> leave(ClientSession session, ClientMemory memory) {
        List<Moving> moves = new ArrayList<>();
        for (SessionDomain domain : session.domains()) {
            if (!domain.isClosed()) {
                moves.add(Moving.going(domain.held().beginRemove(memory.segment())));
            }
        }
        return moves;
    }

    /**
     * Frames that nothing reaches any more: they are not their client's from now on. With the last
     * of a segment its addresses may be given to others.
     */
    void free(ClientSession session, FrameRun run) {
        ClientMemory memory = run.memory();
        if (!memories.contains(memory)) {
            // Its client ended while it gave it back: it has been freed once.
            return;
        }
        long frames = memory.present().framesIn(run.firstFrame(), run.endFrame());
        memory.present().remove(run.firstFrame(), run.frames());
        session.frames().uncharge(frames);
        usedBytes -= frames << IoPage.SHIFT;
        if (memory.present().runs() == 0) {
            memories.remove(memory);
            session.memories().remove(memory.physicalAddress());
            ranges.giveBack(memory.physicalAddress());
            memory.memory().close();
        } else {
            dropPart(run);
        }
    }

    /** The machine has the memory back, whoever has the segment mapped. */
    private static void dropPart(FrameRun run) {
        try {
            run.memory().memory().unplug(run.physicalAddress(), run.lengthBytes(), Unplug.FORCE);
        } catch (RuntimeException scarce) {
            // It is nobody's, and goes with the rest of its segment.
            LOG.log(System.Logger.Level.WARNING, "mediator: {0}", scarce.getMessage());
        }
    }

    /** All of it, when the mediator ends. */
    void closeMemory() {
        memories.forEach(memory -> memory.memory().close());
        memories.clear();
    }

    List<String> devices(ClientSession session) {
        return byDevice.entrySet().stream()
                .filter(entry -> entry.getValue().session() == session)
                .map(Map.Entry::getKey)
                .sorted()
                .toList();
    }

    /** What a domain's client is told of a grant. */
    static ControlMessage granted(Grant grant) {
        return ControlMessage.of(
                Kind.GRANTED,
                grant.domain().id(),
                grant.id(),
                grant.firstFrame() << IoPage.SHIFT,
                grant.frames() << IoPage.SHIFT,
                grant.access());
    }

    static ControlMessage endedMessage(Grant grant) {
        return ControlMessage.of(
                Kind.ENDED,
                grant.domain().id(),
                grant.id(),
                grant.firstFrame() << IoPage.SHIFT,
                grant.frames() << IoPage.SHIFT);
    }
}
