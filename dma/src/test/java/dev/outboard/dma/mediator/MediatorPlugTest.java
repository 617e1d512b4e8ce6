package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.ChildJvm;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.DmaWindow;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.MemoryInUseException;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.QuotaExceededException;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.Unplug;
import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Memory of a client that comes and goes while its device works; the mediator owns it. */
@Timeout(120)
final class MediatorPlugTest {
    private static final DomainOptions OPTIONS =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(8192);
    private static final int PAGE = 4096;
    private static final int MIB = 1 << 20;

    @TempDir Path directory;

    @ParameterizedTest
    @EnumSource(
            value = Strategy.class,
            names = {"STRICT", "DEFERRED", "BATCHED", "CACHED", "PREALLOCATED", "COPIED"})
    void shouldLetADeviceReachWhatComesAndTakeItBack(Strategy strategy) {
        int before = Descriptor.openCount();
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(4 * MIB);
                IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                IommuAttachment device = rig.device("nic0");
                Serving serving = new Serving(device)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            try (Dma dma = domain.dma(strategy)) {
                for (int round = 0; round < 10; round++) {
                    PhysicalSegment segment = memory.plug(MIB, PageKind.BASE);
                    assertThat(rig.usage("a", "frames")).isEqualTo(1024 + 256);
                    try (DmaMemory buffer = memory.allocate(PAGE, segment)) {
                        buffer.memory().set(ValueLayout.JAVA_LONG, 8, round);
                        long iova = dma.map(buffer.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
                        assertThat(serving.read(iova + 8)).isEqualTo(round);
                        assertThatThrownBy(() -> unplug(memory, segment, Unplug.REFUSE))
                                .isInstanceOf(MemoryInUseException.class)
                                .hasMessageContaining("nic0");
                        dma.unmap(iova, PAGE);
                    }
                    unplug(memory, segment, Unplug.REFUSE);
                    assertThat(rig.usage("a", "frames")).isEqualTo(1024);
                    assertThat(memory.segments()).hasSize(1);
                }
            }
            assertThat(rig.usage("a", "mappings")).isZero();
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    private static void unplug(PhysicalMemory memory, PhysicalSegment segment, Unplug how) {
        memory.unplug(segment.physicalAddress(), segment.lengthBytes(), how);
    }

    /** A device's thread: it looks at what its owner says, and reads when it is asked to. */
    private static final class Serving implements AutoCloseable {
        private static final long NONE = Long.MIN_VALUE;

        private final IommuAttachment device;
        private final Thread thread;
        private volatile long wanted = NONE;
        private volatile boolean stopping;
        private long value;
        private boolean reached;
        private boolean detached;

        Serving(IommuAttachment device) {
            this.device = device;
            thread = Thread.ofPlatform().daemon().start(this::serve);
        }

        private void serve() {
            DmaWindow window = new DmaWindow();
            while (!stopping) {
                listen();
                long iova = wanted;
                if (iova != NONE) {
                    device.enter();
                    reached = device.resolve(iova, 8, Access.READ, window);
                    if (reached) {
                        value = window.memory().get(ValueLayout.JAVA_LONG, window.offset());
                    }
                    device.exit();
                    wanted = NONE;
                }
                Thread.onSpinWait();
            }
        }

        private void listen() {
            if (!detached) {
                try {
                    device.receive();
                } catch (PeerGoneException gone) {
                    // Its driver has ended: what it had is void, and may be tried.
                    detached = true;
                }
            }
        }

        private boolean tryRead(long iova) {
            wanted = iova;
            Rig.await("the device", () -> wanted == NONE);
            return reached;
        }

        long read(long iova) {
            assertThat(tryRead(iova)).as("it is reached").isTrue();
            return value;
        }

        boolean reaches(long iova) {
            return tryRead(iova);
        }

        @Override
        public void close() {
            stopping = true;
            try {
                thread.join();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Test
    void shouldRevokeByForceAndAcceptTheUnmapThatComesLate() {
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(MIB);
                IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                IommuAttachment device = rig.device("nic0");
                Serving serving = new Serving(device);
                Dma dma = domain.dma(Strategy.STRICT)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            PhysicalSegment segment = memory.plug(MIB, PageKind.BASE);
            DmaMemory lost = memory.allocate(PAGE, segment);
            DmaMemory kept = memory.allocate(PAGE, memory.segments().getFirst());
            long iova = dma.map(lost.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            long other = dma.map(kept.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            unplug(memory, segment, Unplug.FORCE);
            assertThat(serving.reaches(iova)).isFalse();
            assertThat(serving.reaches(other)).isTrue();
            assertThat(rig.usage("a", "frames")).isEqualTo(256);
            dma.unmap(iova, PAGE);
            dma.unmap(other, PAGE);
            lost.close();
            kept.close();
            assertThat(rig.usage("a", "entries")).isZero();
            assertThat(rig.usage("a", "mappings")).isZero();
        }
    }

    @Test
    void shouldRefuseByNameWhatIsBeyondAQuotaAndWhatThereIsNot() {
        try (Rig rig = new Rig(directory, Map.of("a", Quotas.parse("frames=512")));
                MediatorClient client = rig.client("a");
                MediatorClient other = rig.client("b");
                PhysicalMemory memory = client.memory(MIB);
                PhysicalMemory most = other.memory(60 * MIB)) {
            assertThatThrownBy(() -> memory.plug(MIB + PAGE, PageKind.BASE))
                    .isInstanceOf(QuotaExceededException.class)
                    .hasMessageContaining("quota frames of client=a")
                    .hasMessageContaining("asked=257 usage=256 barrier=512");
            assertThatThrownBy(() -> most.plug(4 * MIB, PageKind.BASE))
                    .hasMessageContaining("start it with more --memory");
            assertThat(memory.segments()).hasSize(1);
            PhysicalSegment segment = memory.plug(MIB, PageKind.BASE);
            assertThat(rig.usage("a", "frames")).isEqualTo(512);
            unplug(memory, segment, Unplug.REFUSE);
            assertThat(rig.usage("a", "frames")).isEqualTo(256);
        }
    }

    /** Only the mediator knows of grants: it refuses, and everything is as it was. */
    @Test
    void shouldRefuseWhatWasGrantedUntilTheGrantEndsOrByForce() {
        try (Rig rig = new Rig(directory);
                MediatorClient a = rig.client("a");
                MediatorClient b = rig.client("b");
                PhysicalMemory own = a.memory(MIB);
                PhysicalMemory lent = b.memory(MIB);
                IommuDomain domain = a.claim("nic0", own, OPTIONS);
                IommuAttachment device = rig.device("nic0");
                Serving serving = new Serving(device);
                Dma dma = domain.dma(Strategy.STRICT)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            PhysicalSegment segment = lent.plug(MIB, PageKind.BASE);
            long physical = segment.physicalAddress() + 8 * PAGE;
            MemoryGrant grant = b.grant("nic0", physical, PAGE, Access.READ_WRITE);
            Rig.await("the grant", () -> own.contains(physical, PAGE));
            segment.memory().set(ValueLayout.JAVA_LONG, 8 * PAGE, 4711);
            long iova = dma.map(physical, PAGE, DmaDirection.TO_DEVICE);
            assertThat(serving.read(iova)).isEqualTo(4711);
            assertThatThrownBy(() -> unplug(lent, segment, Unplug.REFUSE))
                    .isInstanceOf(MemoryInUseException.class)
                    .hasMessageContaining("a grant to device=nic0 of client=a");
            assertThat(lent.segments()).hasSize(2);
            assertThat(serving.read(iova)).as("as it was").isEqualTo(4711);
            assertThat(rig.usage("b", "frames")).isEqualTo(512);
            lent.allocate(PAGE, segment).close();
            unplug(lent, segment, Unplug.FORCE);
            assertThat(serving.reaches(iova)).isFalse();
            Rig.await("the end of the grant", () -> !own.contains(physical, PAGE));
            assertThat(rig.usage("b", "frames")).isEqualTo(256);
            dma.unmap(iova, PAGE);
            grant.close();
        }
    }

    /** Of a segment with a hole the rest is as good as ever; its memory and quota come back. */
    @Test
    void shouldTakeAPartBack() {
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(MIB);
                IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                IommuAttachment device = rig.device("nic0");
                Serving serving = new Serving(device);
                Dma dma = domain.dma(Strategy.STRICT)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            PhysicalSegment segment = memory.plug(MIB, PageKind.BASE);
            long start = segment.physicalAddress();
            long high = dma.map(start + 200 * PAGE, PAGE, DmaDirection.TO_DEVICE);
            memory.unplug(start + 100 * PAGE, 50 * PAGE, Unplug.REFUSE);
            assertThat(rig.usage("a", "frames")).isEqualTo(512 - 50);
            segment.memory().set(ValueLayout.JAVA_LONG, 200 * PAGE, 99);
            assertThat(serving.read(high)).isEqualTo(99);
            assertThatThrownBy(() -> dma.map(start + 149 * PAGE, PAGE, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> dma.map(start + 99 * PAGE, 2 * PAGE, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class);
            long low = dma.map(start, 100 * PAGE, DmaDirection.TO_DEVICE);
            dma.unmap(low, 100 * PAGE);
            dma.unmap(high, PAGE);
            memory.unplug(start, 100 * PAGE, Unplug.REFUSE);
            memory.unplug(start + 150 * PAGE, 106 * PAGE, Unplug.REFUSE);
            assertThat(memory.segments()).hasSize(1);
            assertThat(rig.usage("a", "frames")).isEqualTo(256);
        }
    }

    /** The memory that a domain was claimed with may go like any other. */
    @Test
    void shouldGoOnWithoutTheMemoryThatItBeganWith() {
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(MIB);
                IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                IommuAttachment device = rig.device("nic0");
                Serving serving = new Serving(device);
                Dma dma = domain.dma(Strategy.STRICT)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            PhysicalSegment first = memory.segments().getFirst();
            PhysicalSegment second = memory.plug(2 * MIB, PageKind.BASE);
            unplug(memory, first, Unplug.REFUSE);
            second.memory().set(ValueLayout.JAVA_LONG, 0, 5);
            long iova = dma.map(second.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
            assertThat(serving.read(iova)).isEqualTo(5);
            assertThat(rig.usage("a", "frames")).isEqualTo(512);
            dma.unmap(iova, PAGE);
        }
    }

    @Test
    void shouldReturnAllOfItWhenTheClientGoesAtAnyPoint() {
        try (Rig rig = new Rig(directory)) {
            for (int round = 0; round < 12; round++) {
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(MIB);
                // As with its process, nothing of it is closed.
                IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                try (IommuAttachment device = rig.device("nic0")) {
                    assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
                    Dma dma = domain.dma(Strategy.STRICT);
                    // A device that answers nothing, for once: the client goes while it is waited
                    // for, in every second round.
                    boolean answers = round % 2 == 0;
                    Serving serving = answers ? new Serving(device) : null;
                    PhysicalSegment segment = memory.plug(50 * MIB, PageKind.BASE);
                    dma.map(segment.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
                    if (round % 3 == 0) {
                        memory.unplug(segment.physicalAddress() + PAGE, PAGE, Unplug.REFUSE);
                    }
                    if (answers) {
                        serving.close();
                    }
                    client.abandon();
                }
                memory.close();
                int ended = round + 1;
                Rig.await("the end", () -> rig.gone.size() == ended);
            }
            requireAllOfIt(rig);
        }
    }

    /** Nothing is left of what others had. */
    private static void requireAllOfIt(Rig rig) {
        try (MediatorClient client = rig.client("a");
                PhysicalMemory all = client.memory(64 * MIB)) {
            assertThat(all.lengthBytes()).isEqualTo(64 * MIB);
        }
    }

    /** kill -9 while it plugs, unplugs by request and by force, maps: wherever it is. */
    @Test
    void shouldReturnAllOfItWhenTheClientIsKilled() throws InterruptedException {
        Random random = new Random();
        int before = 0;
        try (Rig rig = new Rig(directory)) {
            for (int round = 0; round < 6; round++) {
                try (ChildJvm plugger =
                                new ChildJvm(
                                        PluggerProcess.class,
                                        List.of("-Xmx64m"),
                                        rig.options.listen().toString());
                        IommuAttachment device = rig.device("nic0");
                        Serving serving = new Serving(device)) {
                    assertThat(plugger.answer()).isEqualTo("ready");
                    Thread.sleep(random.nextInt(60));
                    plugger.kill();
                    int ended = round + 1;
                    Rig.await("its end", () -> rig.gone.size() == ended);
                    assertThat(serving.reaches(4096)).isFalse();
                }
                requireAllOfIt(rig);
                Rig.await("the other's", () -> rig.gone.remove("a"));
                if (round == 0) {
                    before = Descriptor.openCount();
                }
            }
            assertThat(Descriptor.openCount()).isEqualTo(before);
        }
    }

    /** What a client says that does not keep to the rules, in its own words. */
    @Test
    void shouldRefuseWhatAHostileClientWantsToGiveBack() {
        try (Rig rig = new Rig(directory);
                MediatorClient other = rig.client("b");
                PhysicalMemory foreign = other.memory(MIB);
                UnixSocket socket =
                        UnixSocket.connect(
                                rig.options.listen(),
                                UnixSocket.Kind.SEQPACKET,
                                Rig.TIMEOUT_NANOS)) {
            MemorySegment buffer = ControlMessage.buffer();
            ask(socket, buffer, ControlMessage.of(Kind.HELLO, "evil"));
            ControlMessage made = ask(socket, buffer, ControlMessage.of(Kind.MEMORY, MIB, 0, 1));
            assertThat(made.kind()).isEqualTo(Kind.SEGMENT);
            long start = made.word(0);
            long theirs = foreign.segments().getFirst().physicalAddress();
            for (long[] words :
                    List.of(
                            new long[] {theirs, MIB, 1},
                            new long[] {theirs, PAGE, 0},
                            new long[] {start, 0, 1},
                            new long[] {start, -PAGE, 1},
                            new long[] {start + 1, PAGE, 1},
                            new long[] {start, PAGE + 1, 1},
                            new long[] {start, MIB + PAGE, 1},
                            new long[] {start - PAGE, PAGE, 1},
                            new long[] {start + MIB, PAGE, 1},
                            new long[] {start, Long.MAX_VALUE & -PAGE, 1},
                            new long[] {-PAGE, PAGE, 1},
                            new long[] {Long.MIN_VALUE, Long.MIN_VALUE, 0})) {
                assertThat(ask(socket, buffer, ControlMessage.of(Kind.RELEASE, words)).text())
                        .contains("is not whole pages of this client");
            }
            for (long kind : new long[] {0, -1, 5, Long.MAX_VALUE}) {
                assertThat(
                                ask(socket, buffer, ControlMessage.of(Kind.MEMORY, PAGE, 0, kind))
                                        .text())
                        .contains("is no kind of page");
            }
            assertThat(release(socket, buffer, start + PAGE, PAGE)).isEqualTo(Kind.DONE);
            assertThat(release(socket, buffer, start + PAGE, PAGE)).isEqualTo(Kind.REFUSED);
            assertThat(release(socket, buffer, start, 3 * PAGE)).isEqualTo(Kind.REFUSED);
            assertThat(rig.usage("evil", "frames")).isEqualTo(255);
            assertThat(release(socket, buffer, start, MIB)).as("the rest").isEqualTo(Kind.DONE);
            assertThat(release(socket, buffer, start, MIB)).isEqualTo(Kind.REFUSED);
            assertThat(rig.usage("evil", "frames")).isZero();
            assertThat(rig.usage("b", "frames")).isEqualTo(256);
        }
    }

    private static Kind release(
            UnixSocket socket, MemorySegment buffer, long address, long lengthBytes) {
        return ask(socket, buffer, ControlMessage.of(Kind.RELEASE, address, lengthBytes, 0)).kind();
    }

    private static ControlMessage ask(
            UnixSocket socket, MemorySegment buffer, ControlMessage question) {
        socket.send(buffer, 0, question.write(buffer));
        List<Descriptor> received = new ArrayList<>();
        int length = socket.receive(buffer, 0, ControlMessage.BUFFER_BYTES, received, true);
        received.forEach(Descriptor::close);
        return ControlMessage.read(buffer, length);
    }

    /** Parts come and go at random, with mappings in between; the quota says what there is. */
    @Test
    void shouldChargeJustWhatThereIs() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(MIB);
                IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                IommuAttachment device = rig.device("nic0");
                Serving serving = new Serving(device);
                Dma dma = domain.dma(Strategy.STRICT)) {
            assertThat(domain.awaitAttached(Rig.TIMEOUT_NANOS)).isTrue();
            PhysicalSegment segment = memory.plug(MIB, PageKind.BASE);
            boolean[] present = new boolean[256];
            long[] mapped = new long[256];
            Arrays.fill(present, true);
            int left = 256;
            for (int step = 0; step < 300 && left > 8; step++) {
                int page = random.nextInt(256);
                long physical = segment.physicalAddress() + (long) page * PAGE;
                String where = "seed=%d step=%d page=%d".formatted(seed, step, page);
                if (!present[page]) {
                    assertThatThrownBy(() -> dma.map(physical, PAGE, DmaDirection.TO_DEVICE))
                            .as(where)
                            .isInstanceOf(IllegalArgumentException.class);
                } else if (mapped[page] != 0) {
                    assertThatThrownBy(() -> memory.unplug(physical, PAGE, Unplug.REFUSE))
                            .as(where)
                            .isInstanceOf(MemoryInUseException.class);
                    assertThat(serving.reaches(mapped[page])).as(where).isTrue();
                    dma.unmap(mapped[page], PAGE);
                    mapped[page] = 0;
                } else if (random.nextBoolean()) {
                    mapped[page] = dma.map(physical, PAGE, DmaDirection.TO_DEVICE);
                } else {
                    memory.unplug(physical, PAGE, Unplug.REFUSE);
                    present[page] = false;
                    left--;
                }
                assertThat(rig.usage("a", "frames")).as(where).isEqualTo(256 + left);
            }
        }
    }
}
