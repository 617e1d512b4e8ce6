package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaWindow;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A whole mediator with several clients that map, grant, revoke and go, against a model of who may
 * reach what: after every step each device reaches what the model says, and nothing else that it
 * ever reached. Every page of every client holds a number of its own, by which it is known.
 */
@Timeout(120)
final class MediatorModelTest {
    private static final int CLIENTS = 3;
    private static final int PAGES = 16;
    private static final int STEPS = 400;
    private static final DomainOptions OPTIONS =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(1024);

    @TempDir Path directory;

    private final DmaWindow window = new DmaWindow();
    private long seed;
    private Random random;
    private Rig rig;
    private final Party[] parties = new Party[CLIENTS];
    private final List<Lent> lent = new ArrayList<>();
    private long nextTag = 1;

    /** A mapping, live or gone. */
    private static final class Run {
        long iova;
        long tag;
        boolean writable;
        boolean live;

        /** Mapped by the driver, maybe no longer reachable. */
        boolean held;

        Lent under;
    }

    /** A grant of one page. */
    private record Lent(Party from, Party to, int page, boolean writable, MemoryGrant grant) {}

    /** A client with its domain and device. */
    private final class Party {
        final String name;
        MediatorClient client;
        PhysicalMemory memory;
        IommuDomain domain;
        Dma dma;
        IommuAttachment device;
        long base;
        final long[] tags = new long[PAGES];
        final List<Run> runs = new ArrayList<>();

        Party(String name) {
            this.name = name;
            begin();
        }

        void begin() {
            client = rig.client(name);
            memory = client.memory(PAGES * 4096L);
            base = memory.segments().getFirst().physicalAddress();
            for (int page = 0; page < PAGES; page++) {
                tags[page] = nextTag++;
                memory.segments()
                        .getFirst()
                        .memory()
                        .set(ValueLayout.JAVA_LONG, page * 4096L, tags[page]);
            }
            domain = client.claim("nic-" + name, memory, OPTIONS);
            device = rig.device("nic-" + name);
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            dma = domain.dma(Strategy.STRICT);
            runs.clear();
        }

        /** As if it were killed: the connection ends, and nothing else is said. */
        void vanish() {
            client.abandon();
            device.close();
            memory.close();
            lent.removeIf(one -> one.from() == this || one.to() == this);
            for (Party other : parties) {
                for (Run run : other.runs) {
                    if (run.under != null && run.under.from() == this) {
                        run.live = false;
                    }
                }
            }
        }
    }

    @Test
    void shouldLetDevicesReachWhatTheModelSaysAndNothingElse() {
        seed = System.nanoTime();
        random = new Random(seed);
        try (Rig open = new Rig(directory)) {
            rig = open;
            for (int index = 0; index < CLIENTS; index++) {
                parties[index] = new Party("p" + index);
            }
            for (int step = 0; step < STEPS; step++) {
                step(parties[random.nextInt(CLIENTS)]);
                for (Party party : parties) {
                    check(party, step);
                }
            }
            for (Party party : parties) {
                party.vanish();
            }
        }
    }

    private void step(Party party) {
        switch (random.nextInt(10)) {
            case 0, 1, 2 -> mapOwn(party);
            case 3, 4, 5 -> unmap(party);
            case 6 -> grant(party);
            case 7 -> revoke(party);
            case 8 -> mapLent(party);
            default -> {
                if (random.nextInt(6) == 0) {
                    party.vanish();
                    party.begin();
                }
            }
        }
    }

    private void mapOwn(Party party) {
        int page = random.nextInt(PAGES);
        map(party, party.base + page * 4096L, party.tags[page], random.nextBoolean(), null);
    }

    private void map(Party party, long physical, long tag, boolean writable, Lent under) {
        Run run = new Run();
        run.iova =
                party.dma.map(
                        physical,
                        4096,
                        writable ? DmaDirection.BIDIRECTIONAL : DmaDirection.TO_DEVICE);
        run.tag = tag;
        run.writable = writable;
        run.live = true;
        run.held = true;
        run.under = under;
        party.runs.removeIf(old -> !old.held && old.iova == run.iova);
        party.runs.add(run);
    }

    private void unmap(Party party) {
        List<Run> held = party.runs.stream().filter(run -> run.held).toList();
        if (!held.isEmpty()) {
            Run run = held.get(random.nextInt(held.size()));
            party.dma.unmap(run.iova, 4096);
            run.held = false;
            run.live = false;
        }
    }

    private void grant(Party from) {
        Party to = parties[random.nextInt(CLIENTS)];
        int page = random.nextInt(PAGES);
        boolean taken =
                lent.stream()
                        .anyMatch(
                                one -> one.from() == from && one.to() == to && one.page() == page);
        long count = lent.stream().filter(one -> one.to() == to).count();
        if (to == from || taken || count >= Estate.MAX_GRANTS) {
            return;
        }
        boolean writable = random.nextBoolean();
        long physical = from.base + page * 4096L;
        MemoryGrant grant =
                from.client.grant(
                        "nic-" + to.name,
                        physical,
                        4096,
                        writable ? Access.READ_WRITE : Access.READ);
        // The mediator waits until the device has the segment, which this thread sees to.
        Rig.await("the grant", () -> to.memory.contains(physical, 4096));
        to.device.receive();
        lent.add(new Lent(from, to, page, writable, grant));
    }

    private void revoke(Party from) {
        List<Lent> own = lent.stream().filter(one -> one.from() == from).toList();
        if (own.isEmpty()) {
            return;
        }
        Lent ended = own.get(random.nextInt(own.size()));
        ended.grant().close();
        lent.remove(ended);
        for (Run run : ended.to().runs) {
            if (run.under == ended) {
                run.live = false;
            }
        }
    }

    private void mapLent(Party party) {
        List<Lent> given = lent.stream().filter(one -> one.to() == party).toList();
        if (!given.isEmpty()) {
            Lent one = given.get(random.nextInt(given.size()));
            Party from = one.from();
            map(
                    party,
                    from.base + one.page() * 4096L,
                    from.tags[one.page()],
                    one.writable() && random.nextBoolean(),
                    one);
        }
    }

    private void check(Party party, int step) {
        party.device.receive();
        for (Run run : party.runs) {
            String what =
                    "seed=%d step=%d %s iova=0x%x".formatted(seed, step, party.name, run.iova);
            party.device.enter();
            boolean read = party.device.resolve(run.iova, 8, Access.READ, window);
            long tag = read ? window.memory.get(ValueLayout.JAVA_LONG, window.offset) : -1;
            boolean write = party.device.resolve(run.iova, 8, Access.WRITE, window);
            party.device.exit();
            assertThat(read).as(what).isEqualTo(run.live);
            assertThat(write).as(what).isEqualTo(run.live && run.writable);
            if (read) {
                assertThat(tag).as(what).isEqualTo(run.tag);
            }
        }
    }
}
