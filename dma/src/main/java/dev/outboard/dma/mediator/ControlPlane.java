package dev.outboard.dma.mediator;

import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.iommu.Fault;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The mediator's sockets: who comes, asks and goes; and what is being taken back. One step at a
 * time, of one message at most, so that rings are served between; and while rings are busy not more
 * than about a twentieth of the time, however much is asked, and another for what is taken back.
 *
 * <p>Sockets are watched edge-triggered: what cannot be read now is not told again and again. The
 * mediator's thread, but for what devices cause, which is handed to it.
 */
final class ControlPlane implements AutoCloseable, ClientRequests.Host, Estate.DomainEvents {
    static final int WAKE_TOKEN = 0;

    /** The most connections, with a name or without; further ones are turned away. */
    static final int MAX_CLIENTS = 64;

    private static final System.Logger LOG = System.getLogger(Mediator.class.getName());
    private static final int SERVER_TOKEN = 1;
    private static final int DOORBELL_TOKEN = 2;
    private static final int EDGE = Epoll.READABLE | Epoll.HANG_UP | Epoll.EDGE;
    private static final ClientSession[] NO_SESSIONS = {};

    /** How long others are served for each moment that this took, while they want to be. */
    private static final int SHARE = 19;

    private static final long NAMELESS_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long NO_DESCRIPTORS_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final MediatorOptions options;
    private final UnixServer server;
    private final Epoll epoll;
    private final MediatorListener listener;
    private final Consumer<Runnable> submit;
    private final ClientRequests requests;
    private final Estate estate;
    private final MemorySegment buffer = ControlMessage.buffer();
    private final ClientWarnings warnings = new ClientWarnings(LOG);
    private final List<Cleanup> cleanups = new ArrayList<>();

    /** Names of clients that have gone, and whose things are being taken back. */
    private final Set<String> leaving = new HashSet<>();

    private ClientSession[] sessions = NO_SESSIONS;
    private int nextToken = 3;
    private int turn;
    private boolean acceptable;
    private boolean names;
    private long notBeforeNanos = System.nanoTime();
    private int sweepTurn;
    private long sweepNotBeforeNanos = notBeforeNanos;

    ControlPlane(
            MediatorOptions options,
            IommuOwner owner,
            Epoll epoll,
            MediatorListener listener,
            Consumer<Runnable> submit) {
        this.options = options;
        this.epoll = epoll;
        this.listener = listener;
        this.submit = submit;
        estate = new Estate(options, owner, this);
        requests = new ClientRequests(estate, this);
        server = UnixServer.listen(options.listen(), UnixSocket.Kind.SEQPACKET);
        try {
            epoll.add(server.descriptor(), EDGE, SERVER_TOKEN);
        } catch (RuntimeException failure) {
            server.close();
            throw failure;
        }
    }

    /** Everybody that has a connection; replaced when somebody comes or goes. */
    ClientSession[] sessions() {
        return sessions;
    }

    /** Something is ready: it is noted, and done in a step. Doorbells have done their work. */
    void onReady(int token, int events) {
        if (token == SERVER_TOKEN) {
            acceptable = true;
            return;
        }
        for (ClientSession session : sessions) {
            if (session.token() == token) {
                session.setReadable(true);
                if ((events & Epoll.HANG_UP) != 0) {
                    session.setHungUp();
                }
            }
        }
    }

    /**
     * Does a little of everything that is to be done.
     *
     * @param busy whether rings want to be served
     * @return whether there may be more to do at once
     */
    boolean step(long now, boolean busy) {
        boolean more = busy ? sweepOne(now) : sweep(now);
        if (now - notBeforeNanos < 0) {
            return more;
        }
        boolean worked = receiveOne() | acceptOne();
        if (names) {
            names = false;
            greetWaiting();
        }
        dropNameless(now);
        if (worked && busy) {
            long took = System.nanoTime() - now;
            notBeforeNanos = now + took + SHARE * took;
        }
        return more || worked;
    }

    /** How long one may sleep. */
    long sleepNanos(long housekeepingNanos) {
        long left = notBeforeNanos - System.nanoTime();
        boolean pending = acceptable;
        boolean nameless = false;
        for (ClientSession session : sessions) {
            pending |= session.isReadable() || session.isGoneWaiting();
            nameless |= session.name() == null;
        }
        if (!cleanups.isEmpty()) {
            return cleanups.stream().anyMatch(Cleanup::isBusy) ? 0 : 100_000;
        }
        if (pending) {
            return Math.max(0, left);
        }
        return nameless ? housekeepingNanos : -1;
    }

    private boolean sweep(long now) {
        boolean more = false;
        for (int index = cleanups.size() - 1; index >= 0; index--) {
            Cleanup cleanup = cleanups.get(index);
            if (cleanup.step(now)) {
                // It may have begun another one, at the end.
                cleanups.remove(cleanup);
                more = true;
            } else {
                more |= cleanup.isBusy();
            }
        }
        return more;
    }

    /** The same while rings want to be served: one at a time, and then others for a while. */
    private boolean sweepOne(long now) {
        if (cleanups.isEmpty() || now - sweepNotBeforeNanos < 0) {
            return false;
        }
        sweepTurn = sweepTurn + 1 < cleanups.size() ? sweepTurn + 1 : 0;
        Cleanup cleanup = cleanups.get(sweepTurn);
        if (cleanup.step(now)) {
            cleanups.remove(cleanup);
        }
        long end = System.nanoTime();
        sweepNotBeforeNanos = end + SHARE * (end - now);
        return true;
    }

    /** One message of one client, each in its turn. */
    private boolean receiveOne() {
        ClientSession[] all = sessions;
        for (int index = 0; index < all.length; index++) {
            turn = turn + 1 < all.length ? turn + 1 : 0;
            if (all[turn].isGoneWaiting()) {
                end(all[turn], null);
                return true;
            }
            if (all[turn].isReadable()) {
                receive(all[turn]);
                return true;
            }
        }
        return false;
    }

    private void receive(ClientSession session) {
        try {
            int length =
                    session.socket().receive(buffer, 0, ControlMessage.BUFFER_BYTES, null, false);
            if (length == UnixSocket.WOULD_BLOCK) {
                session.setReadable(false);
            } else if (length == UnixSocket.END_OF_STREAM) {
                end(session, null);
            } else {
                requests.handle(session, ControlMessage.read(buffer, length));
            }
        } catch (RuntimeException wrong) {
            end(session, wrong.getMessage());
        }
    }

    private boolean acceptOne() {
        if (!acceptable) {
            return false;
        }
        try {
            UnixSocket socket = server.accept();
            if (socket == null) {
                acceptable = false;
                return false;
            }
            admit(socket);
        } catch (NativeException noDescriptors) {
            warnings.warn(System.nanoTime(), "mediator: {0}", noDescriptors.getMessage());
            notBeforeNanos = System.nanoTime() + NO_DESCRIPTORS_NANOS;
        }
        return true;
    }

    private void admit(UnixSocket socket) {
        if (sessions.length >= MAX_CLIENTS && !dropOneNameless()) {
            refuse(socket, "the mediator has " + MAX_CLIENTS + " clients, which is the most");
            return;
        }
        try {
            ClientSession session = new ClientSession(socket, nextToken());
            epoll.add(socket.descriptor(), EDGE, session.token());
            List<ClientSession> more = new ArrayList<>(List.of(sessions));
            more.add(session);
            sessions = more.toArray(NO_SESSIONS);
        } catch (RuntimeException failure) {
            socket.close();
            throw failure;
        }
    }

    private int nextToken() {
        nextToken = nextToken == Integer.MAX_VALUE ? SERVER_TOKEN + 2 : nextToken + 1;
        return nextToken;
    }

    private void refuse(UnixSocket socket, String why) {
        try (socket) {
            ControlMessage refusal = new Refusal(Refusal.Why.STATE, why).message();
            socket.trySend(buffer, 0, refusal.write(buffer));
        } catch (PeerGoneException gone) {
            // It does not want to know.
        }
    }

    private boolean dropOneNameless() {
        for (ClientSession session : sessions) {
            if (session.name() == null) {
                end(session, "others want to connect, and it has not said its name");
                return true;
            }
        }
        return false;
    }

    private void dropNameless(long now) {
        for (ClientSession session : sessions) {
            if (session.name() != null || now - session.sinceNanos() < NAMELESS_NANOS) {
                continue;
            }
            if (session.waitingName() == null) {
                end(session, "it has not said its name");
            } else {
                requests.notGreeted(
                        session,
                        "what client=%s had is not taken back yet: %s: %s"
                                .formatted(
                                        session.waitingName(),
                                        Status.DEVICE_STUCK.cause(),
                                        Status.DEVICE_STUCK.remedy()));
                end(session, null);
            }
        }
    }

    @Override
    public boolean greet(ClientSession session, String name) {
        for (ClientSession other : sessions) {
            if (name.equals(other.name())) {
                throw new Refusal(
                        Refusal.Why.STATE,
                        "client=%s is connected already, as process %d"
                                .formatted(name, other.processId()));
            }
        }
        if (leaving.contains(name)) {
            session.setWaitingName(name);
            session.setAnswerDue(true);
            return false;
        }
        session.setName(name, options.quotasOf(name));
        return true;
    }

    private void greetWaiting() {
        for (ClientSession session : sessions) {
            String wanted = session.waitingName();
            if (wanted != null && session.name() == null && !leaving.contains(wanted)) {
                try {
                    greet(session, wanted);
                    requests.greeted(session);
                } catch (Refusal taken) {
                    requests.notGreeted(session, taken.getMessage());
                    end(session, null);
                }
            }
        }
    }

    @Override
    public void watch(ServiceRing ring) {
        epoll.add(ring.doorbell().descriptor(), EDGE, DOORBELL_TOKEN);
    }

    @Override
    public void unwatch(ServiceRing ring) {
        epoll.remove(ring.doorbell().descriptor());
    }

    @Override
    public void begin(Cleanup cleanup) {
        cleanups.add(cleanup);
    }

    @Override
    public void changed(ClientSession session) {
        if (session.name() != null && !session.isEnding()) {
            listener.changed(report(session));
        }
    }

    private ClientReport report(ClientSession session) {
        return session.report(estate.devices(session));
    }

    List<ClientReport> reports() {
        List<ClientReport> reports = new ArrayList<>();
        for (ClientSession session : sessions) {
            if (session.name() != null) {
                reports.add(report(session));
            }
        }
        return reports;
    }

    @Override
    public void watch(SessionDomain domain) {
        FaultMeter meter = new FaultMeter();
        domain.held().onFault(fault -> onFault(domain, fault, meter));
        domain.held().onDevicesChanged(() -> submit.accept(() -> tellDevices(domain)));
    }

    /** The owner's thread. What a device faults beyond what is told in time is only counted. */
    private void onFault(SessionDomain domain, Fault fault, FaultMeter meter) {
        if (!meter.admits(System.nanoTime())) {
            return;
        }
        submit.accept(
                () -> {
                    meter.told();
                    tell(
                            domain,
                            ControlMessage.of(
                                    Kind.FAULT,
                                    fault.device(),
                                    domain.id(),
                                    fault.iova(),
                                    fault.access(),
                                    fault.reason().code()));
                });
    }

    private void tellDevices(SessionDomain domain) {
        if (!domain.isClosed()) {
            int attached = domain.held().statistics().attachedDevices();
            tell(domain, ControlMessage.of(Kind.DEVICES, domain.id(), attached));
        }
    }

    private void tell(SessionDomain domain, ControlMessage message) {
        ClientSession session = domain.session();
        if (session.isEnding()) {
            return;
        }
        try {
            session.tell(buffer, message);
        } catch (PeerGoneException gone) {
            end(session, null);
        } catch (NativeException failure) {
            // It would not know what its devices do; the others are served on.
            end(session, failure.getMessage());
        }
    }

    @Override
    public void end(ClientSession session, String why) {
        if (session.isEnding()) {
            return;
        }
        session.setEnding();
        List<ClientSession> fewer = new ArrayList<>(List.of(sessions));
        fewer.remove(session);
        sessions = fewer.toArray(NO_SESSIONS);
        epoll.remove(session.socket().descriptor());
        session.socket().close();
        String name = session.name();
        if (name == null) {
            return;
        }
        if (why != null) {
            warnings.warn(System.nanoTime(), "client={0} is disconnected: {1}", name, why);
        }
        ClientReport last = report(session);
        leaving.add(name);
        requests.takeBack(
                session,
                () -> {
                    leaving.remove(name);
                    names = true;
                    listener.gone(last, why);
                },
                () ->
                        warnings.warn(
                                System.nanoTime(),
                                "what client={0} had cannot be taken back yet: {1}: {2}",
                                name,
                                Status.DEVICE_STUCK.cause(),
                                Status.DEVICE_STUCK.remedy()));
    }

    /** Ends every connection: with the mediator, and its owner of the IOMMU, all is gone. */
    @Override
    public void close() {
        for (ClientSession session : sessions) {
            session.socket().close();
            for (ServiceRing ring : session.rings()) {
                session.remove(ring);
            }
        }
        server.close();
    }

    /** Unmaps the memory here, after the owner has ended, which hands it to devices. */
    void closeMemory() {
        estate.closeMemory();
    }
}
