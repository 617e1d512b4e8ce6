package dev.outboard.dma.mediator;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One client of the mediator: its connection, what it has, what it has used up. The mediator's
 * thread alone; {@link #serve} allocates nothing.
 */
final class ClientSession {
    private static final ServiceRing[] NO_RINGS = {};

    private final UnixSocket socket;
    private final int token;
    private final int processId;
    private final long sinceNanos;
    private final Map<Long, ClientMemory> memories = new HashMap<>();
    private final Map<Long, SessionDomain> domains = new HashMap<>();
    private final Map<Long, Grant> given = new HashMap<>();
    private final Share share = new Share();
    private final long[] refusals = new long[Status.values().length];
    private String name;
    private String waitingName;
    private QuotaUse frames;
    private QuotaUse entries;
    private QuotaUse mappings;
    private ServiceRing[] rings = NO_RINGS;
    private int turn;
    private long refusedRequests;
    private long refusedMessages;
    private boolean readable;
    private boolean answerDue;
    private boolean hungUp;
    private boolean ending;

    ClientSession(UnixSocket socket, int token) {
        this.socket = socket;
        this.token = token;
        processId = socket.peer().pid();
        sinceNanos = System.nanoTime();
    }

    UnixSocket socket() {
        return socket;
    }

    int token() {
        return token;
    }

    long sinceNanos() {
        return sinceNanos;
    }

    int processId() {
        return processId;
    }

    /** What it calls itself, or null. */
    String name() {
        return name;
    }

    void setName(String now, Quotas quotas) {
        name = now;
        frames = new QuotaUse("frames", now, quotas.frames());
        entries = new QuotaUse("entries", now, quotas.entries());
        mappings = new QuotaUse("mappings", now, quotas.mappings());
    }

    /**
     * The name that it waits for, because what its last bearer had is being taken back; or null.
     */
    String waitingName() {
        return waitingName;
    }

    void setWaitingName(String wanted) {
        waitingName = wanted;
    }

    QuotaUse frames() {
        return frames;
    }

    QuotaUse entries() {
        return entries;
    }

    QuotaUse mappings() {
        return mappings;
    }

    Map<Long, ClientMemory> memories() {
        return memories;
    }

    Collection<SessionDomain> domains() {
        return domains.values();
    }

    Map<Long, Grant> given() {
        return given;
    }

    ServiceRing[] rings() {
        return rings;
    }

    /** The client has gone while it waits for an answer: what it sent before is void. */
    boolean isGoneWaiting() {
        return hungUp && answerDue && !ending;
    }

    void setHungUp() {
        hungUp = true;
    }

    boolean isReadable() {
        return readable && !answerDue && !ending;
    }

    void setReadable(boolean now) {
        readable = now;
    }

    /** An answer comes later: until then no further message is read. */
    void setAnswerDue(boolean due) {
        answerDue = due;
    }

    boolean isEnding() {
        return ending;
    }

    void setEnding() {
        ending = true;
    }

    /** A domain of this client. */
    SessionDomain domain(long id) {
        SessionDomain domain = domains.get(id);
        if (domain == null || domain.isClosing()) {
            throw new Refusal(Refusal.Why.ARGUMENT, "domain=" + id + " is none of this client");
        }
        return domain;
    }

    void add(SessionDomain domain) {
        domains.put(domain.id(), domain);
    }

    void remove(SessionDomain domain) {
        domains.remove(domain.id());
    }

    ServiceRing ring(long id) {
        for (ServiceRing ring : rings) {
            if (ring.id() == id) {
                return ring;
            }
        }
        throw new Refusal(Refusal.Why.ARGUMENT, "service=" + id + " is none of this client");
    }

    void add(ServiceRing ring) {
        List<ServiceRing> more = new ArrayList<>(List.of(rings));
        more.add(ring);
        rings = more.toArray(NO_RINGS);
    }

    void remove(ServiceRing ring) {
        List<ServiceRing> fewer = new ArrayList<>(List.of(rings));
        fewer.remove(ring);
        rings = fewer.toArray(NO_RINGS);
        ring.close();
    }

    /** Its memory that holds some addresses, all of them, or null. */
    ClientMemory memoryOf(long physicalAddress, long lengthBytes) {
        for (ClientMemory memory : memories.values()) {
            if (memory.memory().contains(physicalAddress, lengthBytes)) {
                return memory;
            }
        }
        return null;
    }

    /** What it has had of the mediator's time. */
    Share share() {
        return share;
    }

    /** Whether the ring that is next has something to do; if not, another one is next. */
    boolean wantsTurn() {
        if (rings.length == 0) {
            return false;
        }
        if (turn < rings.length && rings[turn].isReady()) {
            return true;
        }
        turn = turn + 1 < rings.length ? turn + 1 : 0;
        return false;
    }

    /**
     * Its turn: obeys requests of the ring that is next, of which {@link #wantsTurn} told.
     *
     * @param limit what it may cost; the last request may go beyond
     * @return what it cost, as {@link ServiceRing#serve} tells it
     */
    int serve(int limit) {
        ServiceRing ring = rings[turn];
        turn = turn + 1 < rings.length ? turn + 1 : 0;
        return ring.serve(limit);
    }

    /** Requests of its rings that were refused, ever. */
    long refusedRequests() {
        return refusedRequests;
    }

    void countRefusal(Status status) {
        refusals[status.ordinal()]++;
        refusedRequests++;
    }

    /** Answers, or tells; a client that does not read what it is sent is one that has gone. */
    void send(MemorySegment buffer, ControlMessage message, Descriptor... passed) {
        if (message.kind() == ControlMessage.Kind.REFUSED) {
            refusedMessages++;
        }
        int sent = socket.trySend(buffer, 0, message.write(buffer), passed);
        if (sent == UnixSocket.WOULD_BLOCK) {
            throw new PeerGoneException("the client does not read what it is sent");
        }
    }

    /** Tells what may be lost; false if it was. */
    boolean tell(MemorySegment buffer, ControlMessage message) {
        return socket.trySend(buffer, 0, message.write(buffer)) != UnixSocket.WOULD_BLOCK;
    }

    ClientReport report(List<String> devices) {
        Map<Status, Long> counted = new EnumMap<>(Status.class);
        for (Status status : Status.values()) {
            if (refusals[status.ordinal()] > 0) {
                counted.put(status, refusals[status.ordinal()]);
            }
        }
        return new ClientReport(
                name,
                processId,
                devices,
                List.of(frames.report(), entries.report(), mappings.report()),
                counted,
                share.backOffs(),
                refusedMessages);
    }
}
