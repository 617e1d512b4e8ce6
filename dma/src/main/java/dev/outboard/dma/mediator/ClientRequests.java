package dev.outboard.dma.mediator;

import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.dma.mediator.Refusal.Why;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.NativeException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Answers the messages of clients' sockets, and takes back what a client had when it ends. The
 * mediator's thread.
 */
final class ClientRequests {
    private static final Descriptor[] NO_DESCRIPTORS = {};

    private final Estate estate;
    private final Host host;
    private final MemorySegment buffer = ControlMessage.buffer();
    private final Set<Grant> endingGrants = new HashSet<>();

    /** What this needs of the mediator. */
    interface Host {
        /** Takes a name: true if the session has it now, false if it must wait for it. */
        boolean greet(ClientSession session, String name);

        void watch(ServiceRing ring);

        void unwatch(ServiceRing ring);

        void begin(Cleanup cleanup);

        /** Something of what a client has changed. */
        void changed(ClientSession session);

        /** Ends a session that cannot be talked to. */
        void end(ClientSession session, String why);
    }

    ClientRequests(Estate estate, Host host) {
        this.estate = estate;
        this.host = host;
    }

    /** Answers a message, now or later. */
    void handle(ClientSession session, ControlMessage message) {
        try {
            if (!message.kind().isRequest()) {
                throw new Refusal(Why.ARGUMENT, message.kind() + " is no request");
            }
            if ((session.name() == null) != (message.kind() == Kind.HELLO)) {
                throw new Refusal(
                        Why.ARGUMENT,
                        session.name() == null
                                ? "the first message must be HELLO, with a name"
                                : "client=" + session.name() + " has said its name already");
            }
            obey(session, message);
        } catch (Refusal refusal) {
            session.send(buffer, refusal.message());
        } catch (IllegalArgumentException wrong) {
            session.send(buffer, new Refusal(Why.ARGUMENT, wrong.getMessage()).message());
        } catch (IllegalStateException wrong) {
            session.send(buffer, new Refusal(Why.STATE, wrong.getMessage()).message());
        } catch (NativeException failure) {
            session.send(buffer, new Refusal(Why.MEMORY, failure.getMessage()).message());
        }
    }

    private void obey(ClientSession session, ControlMessage message) {
        switch (message.kind()) {
            case HELLO -> hello(session, message.text());
            case MEMORY -> memory(session, message);
            case RELEASE -> release(session, message);
            case CLAIM -> done(session, estate.claim(session, message).id());
            case ADMIT -> {
                estate.admit(session.domain(message.word(0)), message.text());
                done(session);
            }
            case SERVICE -> service(session, message.word(0));
            case END_SERVICE -> {
                ServiceRing ring = session.ring(message.word(0));
                host.unwatch(ring);
                session.remove(ring);
                done(session);
            }
            case END_DOMAIN -> endDomain(session, session.domain(message.word(0)));
            case GRANT -> grant(session, message);
            case REVOKE -> revoke(session, message.word(0));
            case EXPLAIN -> {
                String text = session.ring(message.word(0)).explain();
                session.send(buffer, ControlMessage.of(Kind.DONE, text));
            }
            case STATISTICS -> {
                SessionDomain domain = session.domain(message.word(0));
                done(session, StatisticsWords.write(domain.held().statistics()));
            }
            case PRESENT -> done(session);
            default -> throw new IllegalArgumentException(message.kind() + " is no request");
        }
        if (message.kind().compareTo(Kind.EXPLAIN) < 0) {
            host.changed(session);
        }
    }

    private void done(ClientSession session, long... words) {
        session.send(buffer, ControlMessage.of(Kind.DONE, words), NO_DESCRIPTORS);
    }

    private void hello(ClientSession session, String name) {
        if (host.greet(session, Names.require(name, "client"))) {
            done(session);
        }
    }

    /** The name that a session waited for is free. */
    void greeted(ClientSession session) {
        new LateAnswer(session).send(ControlMessage.of(Kind.DONE));
        host.changed(session);
    }

    /** The name that a session waited for is not free in time. */
    void notGreeted(ClientSession session, String why) {
        new LateAnswer(session).send(new Refusal(Why.STATE, why).message());
    }

    private void memory(ClientSession session, ControlMessage message) {
        ClientMemory memory = estate.memory(session, message);
        session.setAnswerDue(true);
        LateAnswer answer = new LateAnswer(session);
        ControlMessage segment =
                ControlMessage.of(
                        Kind.SEGMENT, memory.physicalAddress(), memory.segment().lengthBytes());
        host.begin(
                new Cleanup(
                        Estate.give(session, memory),
                        () -> answer.send(segment, memory.segment().descriptor()),
                        () -> {}));
    }

    private void service(ClientSession session, long domainId) {
        ServiceRing ring = estate.service(session.domain(domainId));
        try {
            host.watch(ring);
        } catch (RuntimeException failure) {
            // One that is not watched may not be found among those that are, when it is closed.
            session.remove(ring);
            throw failure;
        }
        session.send(buffer, ControlMessage.of(Kind.RING, ring.id()), ring.descriptors());
        ring.handedOver();
    }

    private void grant(ClientSession session, ControlMessage message) {
        Grant grant = estate.grant(session, message);
        session.setAnswerDue(true);
        LateAnswer answer = new LateAnswer(session);
        host.begin(
                new Cleanup(
                        Estate.move(grant),
                        () -> {
                            answer.send(ControlMessage.of(Kind.DONE, grant.id()));
                            tell(grant.domain().session(), Estate.granted(grant));
                        },
                        () -> {}));
    }

    /** Tells another client than the one that asks: its trouble is its own. */
    private void tell(ClientSession session, ControlMessage message, Descriptor... passed) {
        if (session.isEnding()) {
            return;
        }
        try {
            session.send(buffer, message, passed);
        } catch (RuntimeException gone) {
            host.end(session, gone.getMessage());
        }
    }

    private void revoke(ClientSession session, long id) {
        Grant grant = session.given().get(id);
        if (grant == null) {
            if (!estate.wasGiven(id)) {
                throw new Refusal(Why.ARGUMENT, "grant=" + id + " is none of this client");
            }
            // Its domain was closed, and everything of it flushed.
            done(session);
            return;
        }
        session.setAnswerDue(true);
        List<Sweep> sweeps = List.of(end(grant));
        start(
                session,
                new LateAnswer(session),
                sweeps,
                () -> {
                    endingGrants.remove(grant);
                    return estate.ended(grant);
                },
                () -> {},
                "the grant's memory");
    }

    /** Ends a grant, also one that is ending already. */
    private Sweep end(Grant grant) {
        if (endingGrants.add(grant)) {
            tell(grant.domain().session(), Estate.endedMessage(grant));
        }
        return estate.end(grant);
    }

    /**
     * Gives frames back. By force that revokes whatever maps them; else it looks first, and a
     * mapping or a grant of them is a refusal, after which everything is as it was.
     */
    private void release(ClientSession session, ControlMessage message) {
        FrameRun run = Estate.returned(session, message.word(0), message.word(1));
        session.setAnswerDue(true);
        LateAnswer answer = new LateAnswer(session);
        Estate.hide(session, run);
        if (message.word(2) != 0) {
            giveBack(session, run, answer);
            return;
        }
        List<Look> looks = Estate.look(session, run);
        host.begin(
                new Cleanup(
                        looks,
                        () -> {
                            String users = users(looks, Estate.givenOf(session, run));
                            if (users.isEmpty()) {
                                giveBack(session, run, answer);
                            } else {
                                Estate.show(session, run);
                                answer.send(inUse(run, users));
                            }
                        },
                        () -> {}));
    }

    private static String users(List<Look> looks, List<Grant> grants) {
        List<String> users = new ArrayList<>();
        for (Look look : looks) {
            if (look.mappings() > 0) {
                users.add(
                        "%d mappings of domain=%s"
                                .formatted(look.mappings(), look.domain().held().name()));
            }
        }
        for (Grant grant : grants) {
            users.add(
                    "a grant to device=%s of client=%s"
                            .formatted(
                                    grant.domain().held().name(), grant.domain().session().name()));
        }
        return String.join(", ", users);
    }

    private static ControlMessage inUse(FrameRun run, String users) {
        return new Refusal(
                        Why.IN_USE,
                        ("memory at 0x%x of lengthBytes=%d is in use: %s: unmap it, or end the"
                                        + " grant, first, or take it by force")
                                .formatted(run.physicalAddress(), run.lengthBytes(), users))
                .message();
    }

    private void giveBack(ClientSession session, FrameRun run, LateAnswer answer) {
        List<Sweep> sweeps = new ArrayList<>(Estate.sweep(session, run));
        List<Grant> grants = Estate.givenOf(session, run);
        grants.forEach(grant -> sweeps.add(end(grant)));
        boolean all = run.isTheRest();
        start(
                session,
                answer,
                sweeps,
                () -> {
                    List<Moving> moves =
                            all ? Estate.leave(session, run.memory()) : new ArrayList<>();
                    moves.addAll(ended(grants));
                    return moves;
                },
                () -> estate.free(session, run),
                "the memory");
    }

    private List<Moving> ended(List<Grant> grants) {
        endingGrants.removeAll(grants);
        List<Moving> moves = new ArrayList<>();
        grants.forEach(grant -> moves.addAll(estate.ended(grant)));
        return moves;
    }

    private void endDomain(ClientSession session, SessionDomain domain) {
        domain.setClosing();
        closeRings(session, domain);
        session.setAnswerDue(true);
        start(
                session,
                new LateAnswer(session),
                List.of(Sweep.all(domain)),
                List::of,
                () -> estate.close(domain),
                "what domain=" + domain.held().name() + " mapped");
    }

    /** Ends the services of a domain, or of all for null. */
    private void closeRings(ClientSession session, SessionDomain domain) {
        for (ServiceRing ring : session.rings()) {
            if (domain == null || ring.domain() == domain) {
                host.unwatch(ring);
                session.remove(ring);
            }
        }
    }

    /** Sweeps, then lets segments go, then ends it and answers. */
    private void start(
            ClientSession session,
            LateAnswer answer,
            List<Sweep> sweeps,
            Supplier<List<Moving>> moves,
            Runnable then,
            String what) {
        Runnable end =
                () -> {
                    then.run();
                    answer.send(ControlMessage.of(Kind.DONE));
                    host.changed(session);
                };
        host.begin(
                new Cleanup(
                        sweeps,
                        () -> host.begin(new Cleanup(moves.get(), end, () -> {})),
                        () -> answer.send(stuck(what))));
    }

    private static ControlMessage stuck(String what) {
        Status status = Status.DEVICE_STUCK;
        String text =
                "%s may still be reached: %s: %s".formatted(what, status.cause(), status.remedy());
        return new Refusal(Why.STUCK, text).message();
    }

    /** The one answer to a message that takes longer. */
    private final class LateAnswer {
        private final ClientSession session;
        private boolean sent;

        LateAnswer(ClientSession session) {
            this.session = session;
        }

        void send(ControlMessage message, Descriptor... passed) {
            if (!sent && !session.isEnding()) {
                sent = true;
                session.setAnswerDue(false);
                tell(session, message, passed);
            }
        }
    }

    /** Takes everything back that a client had; nothing of it is used again before. */
    void takeBack(ClientSession session, Runnable then, Runnable onStuck) {
        closeRings(session, null);
        List<Sweep> sweeps = new ArrayList<>();
        List<Grant> grants = List.copyOf(session.given().values());
        grants.forEach(grant -> sweeps.add(end(grant)));
        for (SessionDomain domain : session.domains()) {
            domain.setClosing();
            sweeps.add(Sweep.all(domain));
        }
        Runnable end =
                () -> {
                    List.copyOf(session.memories().values())
                            .forEach(memory -> estate.free(session, memory.whole()));
                    then.run();
                };
        host.begin(
                new Cleanup(
                        sweeps,
                        () -> {
                            List.copyOf(session.domains()).forEach(estate::close);
                            host.begin(new Cleanup(ended(grants), end, () -> {}));
                        },
                        onStuck));
    }
}
