package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.Access;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Who is served how much, counted in the mediator's own units: real rings of several clients, one
 * thread, and a clock that the test moves.
 */
@Timeout(120)
final class TurnsTest {
    private static final long FRAME = PhysicalMemory.FIRST_ADDRESS >>> 12;
    private static final long NANOS_PER_COST = 5;

    /** A batch of 32 pages mapped, and unmapped as one run. */
    private static final int BATCH = 32;

    @TempDir Path directory;

    private final List<LocalRing> rings = new ArrayList<>();
    private final Map<ClientSession, Long> spent = new HashMap<>();
    private long now = 1_000_000;
    private final Turns turns = new Turns(() -> now);

    /** What a client asks for that never stops. */
    enum Hostility {
        /** One page over and over: nothing is wrong with it but that it never ends. */
        FLOOD,
        /** Words that are no requests. */
        GARBAGE,
        /** Frames of somebody else. */
        FOREIGN,
        /** The largest batches that there are. */
        WIDE,
        /** The longest runs that there are. */
        BULK;
    }

    @AfterEach
    void close() {
        rings.forEach(LocalRing::close);
    }

    private LocalRing client() {
        try {
            Path own = Files.createDirectory(directory.resolve("client" + rings.size()));
            rings.add(new LocalRing(own, Quotas.UNLIMITED));
            return rings.getLast();
        } catch (IOException failure) {
            throw new AssertionError(failure);
        }
    }

    private ClientSession[] sessions() {
        return rings.stream().map(ring -> ring.session).toArray(ClientSession[]::new);
    }

    private static long free(LocalRing ring) {
        return RequestRingDescriptor.SLOTS - (ring.put - ring.ring.takenAcquire());
    }

    /** Fills a ring. */
    private static void misbehave(LocalRing ring, Hostility how) {
        while (free(ring) >= 2 * Request.MAX_BATCH + 2) {
            switch (how) {
                case FLOOD -> flood(ring, 1);
                case BULK -> flood(ring, LocalRing.OWN_PAGES);
                case GARBAGE -> ring.queue(15, -1);
                case FOREIGN -> {
                    ring.map(1, FRAME + LocalRing.OWN_PAGES, 1, Access.READ);
                    ring.queue(Request.first(Request.COMMIT, 0, 0), 0);
                }
                case WIDE -> wide(ring);
                default -> throw new AssertionError(how);
            }
        }
        ring.ring.setPutRelease(ring.put);
    }

    private static void flood(LocalRing ring, int pages) {
        ring.map(1, FRAME, pages, Access.READ);
        ring.queue(Request.first(Request.COMMIT, 0, 0), 0);
        ring.clear(1, pages);
        ring.queue(Request.first(Request.SETTLE, 0, 0), 0);
    }

    private static void wide(LocalRing ring) {
        for (int index = 0; index < Request.MAX_BATCH; index++) {
            ring.map(1 + index, FRAME + index, 1, Access.READ);
        }
        ring.queue(Request.first(Request.COMMIT, 0, 0), 0);
        for (int index = 0; index < Request.MAX_BATCH; index++) {
            ring.clear(1 + index, 1);
        }
        ring.queue(Request.first(Request.SETTLE, 0, 0), 0);
    }

    private static void askForMaps(LocalRing ring) {
        for (int index = 0; index < BATCH; index++) {
            ring.map(1 + index, FRAME + index, 1, Access.READ);
        }
        ring.queue(Request.first(Request.COMMIT, 0, 0), 0);
        ring.ring.setPutRelease(ring.put);
    }

    private static void askForClears(LocalRing ring) {
        ring.clear(1, BATCH);
        ring.queue(Request.first(Request.SETTLE, 0, 0), 0);
        ring.ring.setPutRelease(ring.put);
    }

    private static boolean isAnswered(LocalRing ring) {
        return ring.ring.answerAcquire() >>> RequestRingDescriptor.STATUS_BITS == ring.put;
    }

    /** One turn, of whoever is next; time passes by what it cost, or by 10 ns if nobody is. */
    private ClientSession turn() {
        ClientSession[] all = sessions();
        turns.tick(now, all);
        ClientSession next = turns.next(all);
        if (next == null) {
            now += 2 * NANOS_PER_COST;
            return null;
        }
        long before = next.share().had();
        turns.serve(next);
        long cost = next.share().had() - before;
        now += NANOS_PER_COST * cost;
        spent.merge(next, cost, Long::sum);
        return next;
    }

    /** Turns until a ring's last request is answered; what that took. */
    private long turnsUntilAnswered(LocalRing victim, List<LocalRing> others, Hostility how) {
        long began = now;
        while (!isAnswered(victim)) {
            others.forEach(other -> misbehave(other, how));
            turn();
        }
        assertThat(Status.of(victim.ring.answerAcquire())).isEqualTo(Status.DONE);
        return now - began;
    }

    /** Batches that a client gets done in some time, that thinks for a while after each answer. */
    private int batches(
            LocalRing victim, List<LocalRing> others, Hostility how, long thinkNanos, long nanos) {
        int count = 0;
        for (long end = now + nanos; now < end; count++) {
            for (int half = 0; half < 2; half++) {
                if (half == 0) {
                    askForMaps(victim);
                } else {
                    askForClears(victim);
                }
                turnsUntilAnswered(victim, others, how);
                for (long until = now + thinkNanos; now < until; ) {
                    others.forEach(other -> misbehave(other, how));
                    turn();
                }
            }
        }
        return count;
    }

    /** A driver thinks for 1.5 µs after each answer, about what it took where that was measured. */
    @ParameterizedTest
    @EnumSource
    void shouldGiveADriverNineTenthsOfWhatItHasAlone(Hostility how) {
        LocalRing victim = client();
        int alone = batches(victim, List.of(), how, 1_500, 10_000_000);
        List<LocalRing> others = List.of(client());
        batches(victim, others, how, 1_500, 1_000_000);
        int beside = batches(victim, others, how, 1_500, 10_000_000);
        assertThat(beside).as("of %d", alone).isGreaterThan(alone * 9 / 10);
    }

    @ParameterizedTest
    @EnumSource(
            value = Hostility.class,
            names = {"GARBAGE", "FOREIGN"})
    void shouldGiveNextToNothingToAnyNumberOfThoseThatAreRefused(Hostility how) {
        LocalRing victim = client();
        int alone = batches(victim, List.of(), how, 0, 10_000_000);
        List<LocalRing> others = new ArrayList<>();
        for (int count = 0; count < 20; count++) {
            others.add(client());
        }
        batches(victim, others, how, 0, 10_000_000);
        int beside = batches(victim, others, how, 0, 10_000_000);
        assertThat(beside).as("of %d", alone).isGreaterThan(alone * 95 / 100);
        for (LocalRing other : others) {
            assertThat(other.session.refusedRequests()).isPositive();
            assertThat(other.session.share().backOffs()).isPositive();
        }
        assertThat(victim.session.share().backOffs()).isZero();
    }

    /** Whoever wants little waits for what goes on when it asks, however many are waiting. */
    @ParameterizedTest
    @ValueSource(ints = {1, 5, 20})
    void shouldLetADriverThatWantsLittleWaitForOneTurnOfOthers(int number) {
        LocalRing victim = client();
        List<LocalRing> others = new ArrayList<>();
        for (int count = 0; count < number; count++) {
            others.add(client());
        }
        Random random = new Random(number);
        for (int round = 0; round < 500; round++) {
            int before = random.nextInt(40 * number) + 30 * number;
            for (int count = 0; count < before; count++) {
                others.forEach(other -> misbehave(other, Hostility.FLOOD));
                turn();
            }
            if (round % 2 == 0) {
                askForMaps(victim);
            } else {
                askForClears(victim);
            }
            int turnsOfOthers = 0;
            while (!isAnswered(victim)) {
                others.forEach(other -> misbehave(other, Hostility.FLOOD));
                turnsOfOthers += turn() == victim.session ? 0 : 1;
            }
            assertThat(turnsOfOthers).as("round %d", round).isZero();
        }
    }

    /** Two that ask rightly and without end are alike, whatever they ask for. */
    @ParameterizedTest
    @CsvSource({"FLOOD,FLOOD", "FLOOD,WIDE", "WIDE,WIDE"})
    void shouldShareEquallyAmongThoseThatAskRightlyWithoutEnd(Hostility one, Hostility other) {
        LocalRing first = client();
        LocalRing second = client();
        for (int count = 0; count < 20_000; count++) {
            misbehave(first, one);
            misbehave(second, other);
            turn();
        }
        double ratio = (double) spent.get(first.session) / spent.get(second.session);
        assertThat(ratio).isBetween(0.95, 1.05);
    }

    @Test
    void shouldLetNobodySaveUpForLater() {
        LocalRing steady = client();
        LocalRing idle = client();
        for (int count = 0; count < 10_000; count++) {
            misbehave(steady, Hostility.FLOOD);
            turn();
        }
        long had = steady.session.share().had();
        int alone = 0;
        for (int count = 0; count < 1_000; count++) {
            misbehave(steady, Hostility.FLOOD);
            misbehave(idle, Hostility.FLOOD);
            alone += turn() == idle.session ? 1 : 0;
            if (steady.session.share().had() != had) {
                break;
            }
        }
        assertThat(alone * Turns.TURN_COST)
                .as("it was away for 10,000 turns")
                .isBetween(1, Turns.MAX_LEAD + 2 * Turns.LONE_TURN_COST);
    }

    /** A request of 1024 pages takes more than 30 turns' time, and cannot be interrupted. */
    @Test
    void shouldMakeLongRequestsRareWhileThereAreOthers() {
        LocalRing bulk = client();
        LocalRing other = client();
        long had = 0;
        long began = 0;
        for (int count = 0; count < 50_000; count++) {
            misbehave(bulk, Hostility.BULK);
            if (count % 10 == 0) {
                flood(other, 1);
                other.ring.setPutRelease(other.put);
            }
            turn();
            had = count == 10_000 ? spent.get(bulk.session) : had;
            began = count == 10_000 ? now : began;
        }
        assertThat(spent.get(bulk.session)).as("but it goes on").isGreaterThan(had);
        assertThat((spent.get(bulk.session) - had) * NANOS_PER_COST)
                .as("of so many nanoseconds")
                .isLessThan((now - began) / 8);
    }

    @Test
    void shouldNotHoldBackLongRequestsOfWhoIsAlone() {
        LocalRing bulk = client();
        for (int count = 0; count < 1000; count++) {
            misbehave(bulk, Hostility.BULK);
            assertThat(turn()).isSameAs(bulk.session);
        }
    }

    @Test
    void shouldForgiveWhoAsksRightlyAgain() {
        LocalRing client = client();
        for (int count = 0; count < 2_000; count++) {
            misbehave(client, Hostility.GARBAGE);
            turn();
        }
        assertThat(client.session.share().isWaiting(now)).isTrue();
        while (client.ring.takenAcquire() != client.put) {
            now += 1_000_000;
            turn();
        }
        now += 1_000_000;
        client.settle();
        for (int count = 0; count < 20; count++) {
            askForMaps(client);
            turnsUntilAnswered(client, List.of(), Hostility.FLOOD);
            askForClears(client);
            turnsUntilAnswered(client, List.of(), Hostility.FLOOD);
        }
        client.queue(15, -1);
        client.ring.setPutRelease(client.put);
        turn();
        assertThat(client.session.share().waitNanos(now))
                .as("as for the first time")
                .isBetween(1L, Share.FIRST_BACK_OFF_NANOS);
    }

    /** Many rings that ask for nothing cost a look at one of them. */
    @Test
    void shouldFindWhoWasQuietForLong() {
        for (int count = 0; count < 20; count++) {
            client();
        }
        LocalRing busy = client();
        for (int count = 0; count < 20_000; count++) {
            misbehave(busy, Hostility.FLOOD);
            turn();
        }
        LocalRing quiet = rings.get(7);
        assertThat(quiet.session.share().isQuiet()).isTrue();
        askForMaps(quiet);
        int count = 0;
        while (!isAnswered(quiet)) {
            misbehave(busy, Hostility.FLOOD);
            turn();
            count++;
        }
        assertThat(count).isLessThanOrEqualTo(rings.size() + 20);
        assertThat(quiet.session.share().isQuiet()).isFalse();
    }

    /** A batch that takes several turns, whose frames are taken away between two of them. */
    @Test
    void shouldMapNothingOfABatchOfWhichFramesGoWhileItIsWritten() {
        LocalRing client = client();
        client.domain.frames().add(77, 1, Access.READ);
        for (int index = 0; index < BATCH; index++) {
            client.map(1 + index, index == BATCH - 1 ? 77 : FRAME + index, 1, Access.READ);
        }
        client.queue(Request.first(Request.COMMIT, 0, 0), 0);
        client.ring.setPutRelease(client.put);
        while (client.frameAt(1) < 0) {
            client.service.serve(Turns.TURN_COST);
        }
        assertThat(client.frameAt(BATCH)).as("not yet").isEqualTo(-1);
        client.clear(1, 1);
        client.domain.frames().remove(77, 1);
        while (!client.service.isSettling() && client.service.isReady()) {
            client.service.serve(Turns.TURN_COST);
        }
        assertThat(Status.of(client.ring.answerAcquire())).isEqualTo(Status.FOREIGN_FRAMES);
        for (int page = 1; page <= BATCH; page++) {
            assertThat(client.frameAt(page)).isEqualTo(-1);
            assertThat(client.domain.use().isUsed(page)).isFalse();
        }
        assertThat(client.session.entries().usage()).isZero();
        assertThat(client.session.mappings().usage()).isZero();
    }

    /**
     * The ring ends in the middle of a batch: what is in the table stays a mapping of its domain.
     */
    @Test
    void shouldKeepAccountOfWhatWasWrittenWhenARingEnds() {
        LocalRing client = client();
        askForMaps(client);
        while (client.frameAt(1) < 0) {
            client.service.serve(Turns.TURN_COST);
        }
        client.service.close();
        for (int page = 1; page <= BATCH; page++) {
            assertThat(client.domain.use().isUsed(page))
                    .as("page %d", page)
                    .isEqualTo(client.frameAt(page) >= 0);
        }
        assertThat(client.frameAt(BATCH)).isEqualTo(-1);
    }
}
