package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.DartFormat;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.failure.FailurePoint;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Attaching, claiming, dying; and devices that do not keep to the protocol. */
@Timeout(20)
final class IommuOwnerTest {
    private static final DomainOptions DART =
            DomainOptions.DEFAULT.withFormat(DartFormat.INSTANCE).withTableEntries(1024);

    @TempDir Path directory;

    private final MemorySegment buffer = AttachProtocol.buffer(Arena.ofAuto());
    private PhysicalMemory memory;
    private IommuOwner owner;

    @BeforeEach
    void listen() {
        memory = PhysicalMemory.create(1 << 20);
        owner = IommuOwner.listen(directory.resolve("iommu.sock"));
    }

    @AfterEach
    void close() {
        owner.close();
        memory.close();
    }

    private IommuAttachment attach(String name) {
        return IommuAttachment.connect(owner.path(), name, Bench.TIMEOUT_NANOS);
    }

    private UnixSocket connect() {
        return connect(owner.path());
    }

    private static UnixSocket connect(Path path) {
        return UnixSocket.connect(path, UnixSocket.Kind.SEQPACKET, Bench.TIMEOUT_NANOS);
    }

    /** What the owner answers: the text of its refusal, or "closed". */
    private String answer(UnixSocket socket) {
        socket.receiveTimeout(Bench.TIMEOUT_NANOS);
        List<Descriptor> received = new ArrayList<>();
        int length = socket.receive(buffer, 0, AttachProtocol.BUFFER_BYTES, received, true);
        received.forEach(Descriptor::close);
        if (length == UnixSocket.END_OF_STREAM) {
            return "closed";
        }
        int type = AttachProtocol.type(buffer, length);
        return type == AttachProtocol.REFUSAL
                ? AttachProtocol.readText(buffer, length)
                : "type " + type;
    }

    @Test
    void shouldCloseWhileItsThreadIsAwake() {
        long started = System.nanoTime();
        // Fewer rounds on a machine that has other things to do.
        for (int round = 0;
                round < 300 && System.nanoTime() - started < TimeUnit.SECONDS.toNanos(5);
                round++) {
            IommuOwner owner = IommuOwner.listen(directory.resolve("close.sock"));
            try (PhysicalMemory memory = PhysicalMemory.create(4096)) {
                // Its thread has work until the moment it is asked to stop.
                owner.claim("nic0", memory, DomainOptions.DEFAULT.withTableEntries(8192));
                owner.close();
            }
        }
    }

    @Test
    void shouldHaveEndedWhenCloseReturnsAlsoToAThreadThatIsInterrupted() {
        Path path = directory.resolve("again.sock");
        for (int round = 0; round < 20; round++) {
            try (PhysicalMemory memory = PhysicalMemory.create(4096)) {
                IommuOwner owner = IommuOwner.listen(path);
                owner.claim("nic0", memory, DomainOptions.DEFAULT.withTableEntries(8192));
                Thread.currentThread().interrupt();
                owner.close();
            }
            assertThat(Thread.interrupted()).as("the interrupt is kept").isTrue();
        }
    }

    @Test
    void shouldNotLookForDevicesForAWhileWhenItHasNoDescriptorForOne() {
        try (DeviceConnections connections =
                        new DeviceConnections(directory.resolve("few.sock"), name -> null);
                UnixSocket device = connect(connections.path())) {
            FailurePoint.arm(1);
            connections.await();
            assertThat(FailurePoint.disarm()).isEqualTo("accept4");
            long started = System.nanoTime();
            // Nothing is ready until the pause is over: this returns to end it.
            connections.await();
            assertThat(System.nanoTime() - started).isGreaterThan(50_000_000);
            connections.await();
            device.send(buffer, 0, AttachProtocol.writeHello(buffer, "two words"));
            connections.await();
            assertThat(answer(device)).as("it was taken after all").contains("no device name");
        }
    }

    @Test
    void shouldAttachADeviceThatCameBeforeItsDriver() throws Exception {
        CompletableFuture<IommuAttachment> waiting =
                CompletableFuture.supplyAsync(() -> attach("disk0"));
        assertThatThrownBy(() -> waiting.get(100, TimeUnit.MILLISECONDS))
                .isInstanceOf(TimeoutException.class);
        IommuDomain domain = owner.claim("disk0", memory, DART);
        assertThat(domain.awaitAttached(Bench.TIMEOUT_NANOS)).isTrue();
        assertThat(domain.isAttached()).isTrue();
        waiting.get().close();
    }

    @Test
    void shouldTellADeviceThatNobodyClaimedIt() {
        assertThatThrownBy(() -> IommuAttachment.connect(owner.path(), "nobody", 50_000_000))
                .isInstanceOf(PeerTimeoutException.class)
                .hasMessageContaining("start the driver");
        IommuDomain domain = owner.claim("nic0", memory, DART);
        assertThat(domain.awaitAttached(10_000_000)).isFalse();
    }

    @Test
    void shouldShareATableAmongDevicesOfADomain() {
        IommuDomain domain = owner.claim("nic0", memory, DART);
        domain.admit("nic1");
        try (IommuAttachment first = attach("nic0");
                IommuAttachment second = attach("nic1");
                Dma dma = domain.dma(Strategy.STRICT);
                CoherentMemory page = dma.allocateCoherent(4096)) {
            DmaWindow window = new DmaWindow();
            for (IommuAttachment device : List.of(first, second)) {
                device.enter();
                assertThat(device.resolve(page.iova(), 8, Access.WRITE, window)).isTrue();
                device.exit();
            }
            page.close();
            for (IommuAttachment device : List.of(first, second)) {
                device.enter();
                assertThat(device.resolve(page.iova(), 8, Access.WRITE, window)).isFalse();
                device.exit();
            }
            assertThat(domain.statistics().attachedDevices()).isEqualTo(2);
            assertThat(domain.statistics().counters().faults()).isEqualTo(2);
        }
    }

    @Test
    void shouldKeepDomainsApart() {
        try (PhysicalMemory other = PhysicalMemory.create(1 << 20)) {
            IommuDomain first = owner.claim("nic0", memory, DART);
            IommuDomain second = owner.claim("nic1", other, DART);
            try (IommuAttachment device = attach("nic1");
                    Dma dma = first.dma(Strategy.STRICT);
                    CoherentMemory page = dma.allocateCoherent(4096)) {
                device.enter();
                assertThat(device.resolve(page.iova(), 1, Access.READ, new DmaWindow())).isFalse();
                device.exit();
            }
            second.close();
        }
    }

    @Test
    void shouldRefuseTwoDriversAndTwoDevicesOfOneName() {
        IommuDomain domain = owner.claim("nic0", memory, DART);
        assertThatThrownBy(() -> owner.claim("nic0", memory, DART))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("claimed already");
        assertThatThrownBy(() -> owner.claim("a/b", memory, DART))
                .hasMessageContaining("no device name");
        IommuAttachment device = attach("nic0");
        assertThatThrownBy(() -> attach("nic0"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("attached already, as process ")
                .hasMessageContaining("" + ProcessHandle.current().pid());
        device.close();
        attach("nic0").close();
        domain.close();
        IommuDomain again = owner.claim("nic0", memory, DART);
        attach("nic0").close();
        again.close();
        again.close();
    }

    @Test
    void shouldHangUpOnDevicesWhenTheDomainCloses() {
        IommuDomain domain = owner.claim("nic0", memory, DART);
        try (IommuAttachment device = attach("nic0")) {
            assertThat(device.isOwnerGone()).isFalse();
            domain.close();
            assertThat(device.isOwnerGone()).isTrue();
            assertThatThrownBy(() -> domain.dma(Strategy.STRICT)).hasMessageContaining("closed");
        }
    }

    @Test
    void shouldKeepCountersAndFaultsOfDevicesThatAreGone() {
        IommuDomain domain = owner.claim("nic0", memory, DART);
        List<Object> faults = new ArrayList<>();
        domain.onFault(faults::add);
        for (int device = 1; device <= 3; device++) {
            IommuAttachment attachment = attach("nic0");
            attachment.enter();
            assertThat(attachment.resolve(4096, 1, Access.READ, new DmaWindow())).isFalse();
            attachment.exit();
            attachment.close();
        }
        awaitDetached(domain);
        assertThat(faults).hasSize(3);
        assertThat(domain.statistics().faultsDelivered()).isEqualTo(3);
        assertThat(domain.statistics().counters().faults()).isEqualTo(3);
        assertThat(domain.statistics().counters().sections()).isEqualTo(3);
    }

    private static void awaitDetached(IommuDomain domain) {
        long deadline = System.nanoTime() + Bench.TIMEOUT_NANOS;
        while (domain.isAttached() && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertThat(domain.isAttached()).isFalse();
    }

    @Test
    void shouldOutliveAFaultConsumerThatFails() {
        IommuDomain domain = owner.claim("nic0", memory, DART);
        domain.onFault(
                fault -> {
                    throw new IllegalStateException("a consumer's defect");
                });
        try (IommuAttachment attachment = attach("nic0")) {
            attachment.enter();
            for (int fault = 0; fault < 500; fault++) {
                attachment.resolve(4096, 1, Access.READ, new DmaWindow());
            }
            attachment.exit();
        }
        awaitDetached(domain);
        DomainStatistics statistics = domain.statistics();
        assertThat(statistics.counters().faults()).isEqualTo(500);
        assertThat(statistics.faultsDelivered() + statistics.counters().faultsLost())
                .isEqualTo(500);
    }

    @Test
    void shouldEndTheConnectionOfADeviceThatTalksNonsense() {
        owner.claim("nic0", memory, DART);
        try (UnixSocket socket = connect()) {
            socket.send(buffer, 0, 100);
            assertThat(answer(socket)).contains("does not speak this protocol");
            assertThat(answer(socket)).isEqualTo("closed");
        }
        try (UnixSocket socket = connect()) {
            int length = AttachProtocol.writeHello(buffer, "../../etc");
            socket.send(buffer, 0, length);
            assertThat(answer(socket)).contains("no device name");
        }
        try (UnixSocket socket = connect()) {
            int length = AttachProtocol.writeHello(buffer, "nic0");
            buffer.set(ValueLayout.JAVA_SHORT, 4, (short) 9);
            socket.send(buffer, 0, length);
            assertThat(answer(socket)).contains("version=9").contains("one release");
        }
        try (UnixSocket socket = connect()) {
            socket.send(buffer, 0, AttachProtocol.BUFFER_BYTES);
            assertThat(answer(socket)).isNotEqualTo("type 2");
        }
        try (UnixSocket socket = connect()) {
            socket.send(buffer, 0, AttachProtocol.writeRefusal(buffer, "no"));
            assertThat(answer(socket)).contains("must be the device's name");
        }
        attach("nic0").close();
    }

    @Test
    void shouldEndTheConnectionOfADeviceThatSendsDescriptors() {
        owner.claim("nic0", memory, DART);
        int before = Descriptor.openCount();
        try (UnixSocket socket = connect();
                EventDescriptor event = EventDescriptor.create()) {
            int length = AttachProtocol.writeHello(buffer, "nic0");
            socket.send(buffer, 0, length, event.descriptor(), event.descriptor());
            assertThat(answer(socket)).isNotEqualTo("type 2");
        }
        attach("nic0").close();
        awaitOpenCount(before);
    }

    @Test
    void shouldDetachADeviceThatTalksAfterAttaching() {
        IommuDomain domain = owner.claim("nic0", memory, DART);
        try (UnixSocket socket = connect()) {
            socket.send(buffer, 0, AttachProtocol.writeHello(buffer, "nic0"));
            assertThat(answer(socket)).isEqualTo("type " + AttachProtocol.GRANT);
            assertThat(answer(socket)).isEqualTo("type " + AttachProtocol.SEGMENT);
            socket.send(buffer, 0, AttachProtocol.writeHello(buffer, "nic0"));
            assertThat(answer(socket)).isEqualTo("closed");
        }
        awaitDetached(domain);
    }

    @Test
    void shouldMakeRoomWhenSilentConnectionsFillTheTable() {
        owner.claim("nic0", memory, DART);
        int before = Descriptor.openCount();
        List<UnixSocket> silent = new ArrayList<>();
        for (int count = 0; count < DeviceConnections.MAX_CONNECTIONS + 10; count++) {
            silent.add(connect());
        }
        attach("nic0").close();
        silent.forEach(UnixSocket::close);
        awaitOpenCount(before);
    }

    private static void awaitOpenCount(int expected) {
        long deadline = System.nanoTime() + Bench.TIMEOUT_NANOS;
        while (Descriptor.openCount() != expected && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertThat(Descriptor.openCount()).isEqualTo(expected);
    }

    @Test
    void shouldEndCleanlyWithDevicesAttachedAndWaiting() {
        owner.claim("nic0", memory, DART);
        try (UnixSocket waiting = connect()) {
            waiting.send(buffer, 0, AttachProtocol.writeHello(buffer, "late"));
            IommuAttachment attached = attach("nic0");
            owner.close();
            owner.close();
            assertThat(attached.isOwnerGone()).isTrue();
            attached.close();
            assertThat(answer(waiting)).isEqualTo("closed");
        }
        assertThatThrownBy(() -> owner.claim("nic9", memory, DART))
                .isInstanceOf(RuntimeException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> IommuAttachment.connect(owner.path(), "nic0", 1))
                .isInstanceOf(RuntimeException.class)
                .hasMessageContaining("iommu.sock");
    }
}
