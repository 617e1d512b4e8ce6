package dev.outboard.dma.mediator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.ChildJvm;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that misbehave, in this process and in others: the one beside them notices nothing. */
@Timeout(120)
final class HostileClientTest {
    private static final long IOTLB = IotlbGeometry.DEFAULT.code();
    private static final DomainOptions OPTIONS =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(8192);

    @TempDir Path directory;

    private final MemorySegment buffer = ControlMessage.buffer();
    private final int openBefore = Descriptor.openCount();

    @AfterEach
    void shouldHaveLeftNoDescriptor() {
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
    }

    private static UnixSocket raw(Rig rig) {
        return UnixSocket.connect(
                rig.options.listen(), UnixSocket.Kind.SEQPACKET, Rig.TIMEOUT_NANOS);
    }

    private void send(UnixSocket socket, ControlMessage message, Descriptor... passed) {
        socket.send(buffer, 0, message.write(buffer), passed);
    }

    private ControlMessage answer(UnixSocket socket) {
        socket.receiveTimeout(Rig.TIMEOUT_NANOS);
        List<Descriptor> received = new ArrayList<>();
        int length = socket.receive(buffer, 0, ControlMessage.BUFFER_BYTES, received, true);
        received.forEach(Descriptor::close);
        return length <= 0 ? null : ControlMessage.read(buffer, length);
    }

    /** A driver beside them that goes on mapping, and is served. */
    private static void checkServed(Rig rig, String name) {
        try (MediatorClient client = rig.client(name);
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic-" + name, memory, OPTIONS);
                IommuAttachment device = rig.device("nic-" + name);
                Dma dma = domain.dma(Strategy.STRICT)) {
            long physical = memory.segments().getFirst().physicalAddress();
            for (int round = 0; round < 100; round++) {
                long iova = dma.map(physical, 4096, DmaDirection.TO_DEVICE);
                assertThat(rig.reaches(device, iova, 4096, Access.READ)).isTrue();
                dma.unmap(iova, 4096);
                assertThat(rig.reaches(device, iova, 1, Access.READ)).isFalse();
            }
        }
    }

    @Test
    void shouldEndTheConnectionOfWhoSendsGarbage() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int before = Descriptor.openCount();
        try (Rig rig = new Rig(directory)) {
            for (int round = 0; round < 200; round++) {
                try (UnixSocket socket = raw(rig)) {
                    int length = 1 + random.nextInt(ControlMessage.BUFFER_BYTES - 1);
                    byte[] bytes = new byte[length];
                    random.nextBytes(bytes);
                    MemorySegment.copy(MemorySegment.ofArray(bytes), 0, buffer, 0, length);
                    socket.send(buffer, 0, length);
                    assertThat(answer(socket)).as("seed=%d", seed).isNull();
                }
            }
            checkServed(rig, "b");
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldRefuseByNameWhatIsAskedWrongly() {
        try (Rig rig = new Rig(directory);
                UnixSocket socket = raw(rig)) {
            assertRefused(socket, ControlMessage.of(Kind.MEMORY, 4096, 0, 1), "must be HELLO");
            assertRefused(socket, ControlMessage.of(Kind.HELLO, "../a"), "is no client name");
            send(socket, ControlMessage.of(Kind.HELLO, "a"));
            assertThat(answer(socket).kind()).isEqualTo(Kind.DONE);
            assertRefused(socket, ControlMessage.of(Kind.HELLO, "a"), "said its name already");
            assertRefused(socket, ControlMessage.of(Kind.DONE), "is no request");
            assertRefused(socket, ControlMessage.of(Kind.MEMORY, 0, 0, 1), "lengthBytes=0");
            assertRefused(socket, ControlMessage.of(Kind.MEMORY, -1, 0, 1), "lengthBytes=-1");
            assertRefused(
                    socket,
                    ControlMessage.of(Kind.RELEASE, 4096, 4096, 0),
                    "is not whole pages of this client");
            assertRefused(socket, ControlMessage.of(Kind.SERVICE, 1), "domain=1 is none");
            assertRefused(socket, ControlMessage.of(Kind.END_SERVICE, 7), "service=7 is none");
            assertRefused(socket, ControlMessage.of(Kind.EXPLAIN, -1), "service=-1 is none");
            assertRefused(socket, ControlMessage.of(Kind.REVOKE, 99), "grant=99 is none");
            send(socket, ControlMessage.of(Kind.MEMORY, 8192, 0, 1));
            long address = answer(socket).word(0);
            assertRefused(socket, claim(address + 4096, 2, 8192, IOTLB, 1000000), "none of this");
            assertRefused(socket, claim(address, 99, 8192, IOTLB, 1000000), "code=99");
            assertRefused(socket, claim(address, 2, 8191, IOTLB, 1000000), "tableEntries=8191");
            assertRefused(socket, claim(address, 2, 8192, 0x7f, 1000000), "is no IOTLB");
            assertRefused(socket, claim(address, 2, 8192, IOTLB, 5), "flushLimitNanos=5");
            assertRefused(
                    socket, ControlMessage.of(Kind.GRANT, "x", address, 4096, 3), "nobody has");
            assertRefused(
                    socket, ControlMessage.of(Kind.GRANT, "x", address + 1, 4096, 3), "pages of");
            assertRefused(
                    socket, ControlMessage.of(Kind.GRANT, "x", address, 12288, 3), "pages of");
            assertRefused(socket, ControlMessage.of(Kind.GRANT, "x", address, 4096, 4), "access=4");
            assertThat(rig.report("a").refusedMessages()).isGreaterThanOrEqualTo(17);
            checkServed(rig, "b");
        }
    }

    private static ControlMessage claim(long... words) {
        return ControlMessage.of(Kind.CLAIM, "nic0", words);
    }

    private void assertRefused(UnixSocket socket, ControlMessage message, String why) {
        send(socket, message);
        ControlMessage refused = answer(socket);
        assertThat(refused.kind()).as("%s", message).isEqualTo(Kind.REFUSED);
        assertThat(refused.text()).contains(why);
    }

    @Test
    void shouldTakeNoDescriptorsFromAClient() {
        int before = Descriptor.openCount();
        try (Rig rig = new Rig(directory);
                EventDescriptor event = EventDescriptor.create()) {
            for (int count = 1; count <= UnixSocket.MAX_DESCRIPTORS; count++) {
                try (UnixSocket socket = raw(rig)) {
                    Descriptor[] many = new Descriptor[count];
                    Arrays.fill(many, event.descriptor());
                    send(socket, ControlMessage.of(Kind.HELLO, "a"), many);
                    assertThat(answer(socket)).isNull();
                }
            }
            checkServed(rig, "b");
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldMakeRoomForWhoSaysItsName() {
        List<UnixSocket> silent = new ArrayList<>();
        try (Rig rig = new Rig(directory)) {
            for (int count = 0; count < ControlPlane.MAX_CLIENTS + 10; count++) {
                silent.add(raw(rig));
            }
            checkServed(rig, "b");
            silent.forEach(UnixSocket::close);
        }
    }

    @Test
    void shouldEndAClientThatReadsNoAnswer() {
        try (Rig rig = new Rig(directory);
                UnixSocket socket = raw(rig)) {
            send(socket, ControlMessage.of(Kind.HELLO, "deaf"));
            assertThatThrownBy(
                            () -> {
                                while (true) {
                                    send(socket, ControlMessage.of(Kind.REVOKE, 99));
                                }
                            })
                    .isInstanceOf(PeerGoneException.class);
            Rig.await("its end", () -> rig.gone.contains("deaf"));
            checkServed(rig, "b");
        }
    }

    /** The doorbell is the client's, too: it can make it blocking, empty it, and fill it. */
    @Test
    void shouldNotHangOnADoorbellThatIsTamperedWith() {
        try (Rig rig = new Rig(directory);
                MediatorClient client = rig.client("a");
                PhysicalMemory memory = client.memory(1 << 20)) {
            RemoteDomain domain = (RemoteDomain) client.claim("nic0", memory, OPTIONS);
            MediatorTranslations translations = domain.translations(0);
            for (int count = 0; count < 1000; count++) {
                translations.doorbell().signal();
                translations.doorbell().drain();
            }
            checkServed(rig, "b");
            translations.close();
            domain.close();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "flood",
                "garbage",
                "foreign",
                "mixed",
                "bulk",
                "wide",
                "asleep",
                "storm",
                "estates",
                "crowd",
                "messages",
                "hang",
                "silent"
            })
    void shouldServeTheOthersBesideAProcessThatMisbehaves(String kind) throws InterruptedException {
        try (Rig rig = new Rig(directory)) {
            try (ChildJvm hostile =
                    new ChildJvm(
                            HostileClient.class,
                            List.of("-XX:TieredStopAtLevel=1"),
                            rig.options.listen().toString(),
                            kind)) {
                assertThat(hostile.answer()).startsWith("ready");
                for (int round = 0; round < 3; round++) {
                    checkServed(rig, "b" + round);
                }
                if (kind.equals("foreign")) {
                    Rig.await("refusals", () -> hasForeignRefusals(rig));
                    Rig.await("waiting", () -> rig.report(kind).backOffs() > 0);
                }
                hostile.kill();
            }
            checkServed(rig, "c");
            Rig.await("all to be gone", () -> rig.mediator.clients().isEmpty());
        }
    }

    private static boolean hasForeignRefusals(Rig rig) {
        return rig.mediator.clients().stream()
                .anyMatch(client -> client.refusals().containsKey(Status.FOREIGN_FRAMES));
    }

    @Test
    void shouldGiveNoProcessATableOrAnothersMemory() throws IOException {
        long before = memories();
        Path listen = directory.resolve("m.sock");
        Path iommu = directory.resolve("i.sock");
        try (ChildJvm mediator =
                new ChildJvm(
                        MediatorProcess.class,
                        List.of("-XX:TieredStopAtLevel=1"),
                        listen.toString(),
                        iommu.toString())) {
            mediator.answer();
            try (MediatorClient other = MediatorClient.connect(listen, "b", Rig.TIMEOUT_NANOS);
                    MediatorClient client = MediatorClient.connect(listen, "a", Rig.TIMEOUT_NANOS);
                    PhysicalMemory memory = client.memory(1 << 20);
                    IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                    Dma dma = domain.dma(Strategy.STRICT)) {
                assertThat(
                                dma.map(
                                        memory.segments().getFirst().physicalAddress(),
                                        4096,
                                        DmaDirection.TO_DEVICE))
                        .isPositive();
                assertThat(files("/proc/self/fd")).noneMatch(name -> name.contains("outboard-tce"));
                assertThat(Files.readString(Path.of("/proc/self/maps")))
                        .doesNotContain("outboard-tce");
                assertThat(memories() - before).as("one's own memory alone").isEqualTo(1);
                assertThat(other.toString()).isNotNull();
            }
        }
    }

    private static long memories() throws IOException {
        return files("/proc/self/fd").stream()
                .filter(name -> name.contains("outboard-memory"))
                .count();
    }

    private static List<String> files(String folder) throws IOException {
        List<String> names = new ArrayList<>();
        try (Stream<Path> all = Files.list(Path.of(folder))) {
            for (Path path : all.toList()) {
                try {
                    names.add(Files.readSymbolicLink(path).toString());
                } catch (IOException gone) {
                    // The listing's own descriptor.
                }
            }
        }
        return names;
    }

    @Test
    void shouldTellADriverWhoseMediatorWasKilled() throws InterruptedException {
        Path listen = directory.resolve("m.sock");
        Path iommu = directory.resolve("i.sock");
        try (ChildJvm mediator =
                new ChildJvm(
                        MediatorProcess.class,
                        List.of("-XX:TieredStopAtLevel=1"),
                        listen.toString(),
                        iommu.toString())) {
            mediator.answer();
            try (MediatorClient client = MediatorClient.connect(listen, "a", Rig.TIMEOUT_NANOS);
                    PhysicalMemory memory = client.memory(1 << 20);
                    IommuDomain domain = client.claim("nic0", memory, OPTIONS);
                    IommuAttachment device =
                            IommuAttachment.connect(iommu, "nic0", Rig.TIMEOUT_NANOS)) {
                Dma dma = domain.dma(Strategy.STRICT);
                long physical = memory.segments().getFirst().physicalAddress();
                assertThat(dma.map(physical, 4096, DmaDirection.TO_DEVICE)).isPositive();
                mediator.kill();
                assertThatThrownBy(() -> dma.map(physical, 4096, DmaDirection.TO_DEVICE))
                        .isInstanceOf(PeerGoneException.class)
                        .hasMessageContaining("has ended, and with it all mappings");
                assertThat(device.isOwnerGone()).isTrue();
            }
        }
    }
}
