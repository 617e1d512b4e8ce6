package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.AttachProtocol.Grant;
import dev.outboard.dma.AttachProtocol.Segment;
import dev.outboard.iommu.ControlPageDescriptor;
import dev.outboard.iommu.DartFormat;
import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An owner that does not keep to the protocol: the device refuses, and leaves nothing open. */
@Timeout(20)
final class HostileOwnerTest {
    private static final Grant GRANT =
            new Grant(DartFormat.INSTANCE, 1024, IotlbGeometry.DEFAULT, 2);
    private static final Segment FIRST = new Segment(1L << 32, 8192);

    @TempDir Path directory;

    private final MemorySegment buffer = AttachProtocol.buffer(Arena.ofAuto());

    /** Lets a fake owner answer one device, and returns how that device failed. */
    private Throwable failure(Consumer<UnixSocket> answers) throws Exception {
        Path path = directory.resolve("fake.sock");
        int before = Descriptor.openCount();
        Throwable failure;
        try (UnixServer server = UnixServer.listen(path, UnixSocket.Kind.SEQPACKET)) {
            CompletableFuture<Throwable> device =
                    CompletableFuture.supplyAsync(() -> attemptToAttach(path));
            UnixSocket socket = server.accept();
            while (socket == null) {
                Thread.onSpinWait();
                socket = server.accept();
            }
            try (UnixSocket accepted = socket) {
                accepted.receive(buffer, 0, AttachProtocol.BUFFER_BYTES, null, true);
                try {
                    answers.accept(accepted);
                } catch (PeerGoneException refused) {
                    // The device had seen enough.
                }
                failure = device.get();
            }
        }
        assertThat(Descriptor.openCount()).as("descriptors").isEqualTo(before);
        return failure;
    }

    private static Throwable attemptToAttach(Path path) {
        try (IommuAttachment attachment =
                IommuAttachment.connect(path, "nic0", Bench.TIMEOUT_NANOS)) {
            return null;
        } catch (RuntimeException refused) {
            return refused;
        }
    }

    private static MemoryFile file(long lengthBytes) {
        MemoryFile file = MemoryFile.create("test", lengthBytes);
        file.sealSize();
        return file;
    }

    private void send(UnixSocket socket, Grant grant, MemoryFile table, MemoryFile control) {
        try (table;
                control;
                EventDescriptor event = EventDescriptor.create()) {
            socket.send(
                    buffer,
                    0,
                    AttachProtocol.writeGrant(buffer, grant),
                    table.descriptor(),
                    control.descriptor(),
                    event.descriptor());
        }
    }

    private void sendGrant(UnixSocket socket) {
        send(socket, GRANT, file(4096), controlPage());
    }

    private static MemoryFile controlPage() {
        return file(ControlPageDescriptor.LENGTH_BYTES);
    }

    private void send(UnixSocket socket, Segment segment, MemoryFile memory) {
        try (memory) {
            socket.send(
                    buffer, 0, AttachProtocol.writeSegment(buffer, segment), memory.descriptor());
        }
    }

    @Test
    void shouldAttachToAnOwnerThatKeepsToTheProtocol() throws Exception {
        assertThat(
                        failure(
                                socket -> {
                                    sendGrant(socket);
                                    send(socket, FIRST, file(8192));
                                    send(socket, new Segment(1L << 33, 4096), file(4096));
                                }))
                .isNull();
    }

    @Test
    void shouldRefuseFilesThatCouldShrink() throws Exception {
        assertThat(
                        failure(
                                socket ->
                                        send(
                                                socket,
                                                GRANT,
                                                MemoryFile.create("unsealed", 4096),
                                                controlPage())))
                .hasMessageContaining("not sealed");
        assertThat(
                        failure(
                                socket -> {
                                    sendGrant(socket);
                                    send(socket, FIRST, MemoryFile.create("unsealed", 8192));
                                }))
                .hasMessageContaining("not sealed");
    }

    @Test
    void shouldRefuseFilesShorterThanPromised() throws Exception {
        assertThat(failure(socket -> send(socket, GRANT, file(2048), controlPage())))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(failure(socket -> send(socket, GRANT, file(4096), file(4096))))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(
                        failure(
                                socket -> {
                                    sendGrant(socket);
                                    send(socket, FIRST, file(4096));
                                }))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void shouldRefuseSegmentsThatCannotBe() throws Exception {
        long[][] wrong = {
            {1, 4096}, {1L << 32, 100}, {-4096, 4096}, {Long.MAX_VALUE - 4095, 8192}, {4096, -4096}
        };
        for (long[] segment : wrong) {
            assertThat(
                            failure(
                                    socket -> {
                                        sendGrant(socket);
                                        send(
                                                socket,
                                                new Segment(segment[0], segment[1]),
                                                file(8192));
                                    }))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("whole pages");
        }
        assertThat(
                        failure(
                                socket -> {
                                    sendGrant(socket);
                                    send(socket, FIRST, file(8192));
                                    send(socket, FIRST, file(8192));
                                }))
                .hasMessageContaining("overlaps");
    }

    @Test
    void shouldRefuseMessagesOutOfTurnAndWithTheWrongDescriptors() throws Exception {
        assertThat(failure(socket -> send(socket, FIRST, file(8192))))
                .hasMessageContaining("where type=2");
        assertThat(
                        failure(
                                socket ->
                                        socket.send(
                                                buffer,
                                                0,
                                                AttachProtocol.writeGrant(buffer, GRANT))))
                .hasMessageContaining("with 0 descriptors");
        assertThat(
                        failure(
                                socket -> {
                                    sendGrant(socket);
                                    sendGrant(socket);
                                }))
                .hasMessageContaining("where type=3");
        assertThat(
                        failure(
                                socket -> {
                                    try (MemoryFile notAnEvent = file(4096)) {
                                        Descriptor same = notAnEvent.descriptor();
                                        int length = AttachProtocol.writeGrant(buffer, GRANT);
                                        socket.send(buffer, 0, length, same, same, same);
                                    }
                                }))
                .isInstanceOf(RuntimeException.class);
    }

    @Test
    void shouldSayWhyItWasRefusedAndThatTheOwnerEnded() throws Exception {
        assertThat(
                        failure(
                                socket ->
                                        socket.send(
                                                buffer,
                                                0,
                                                AttachProtocol.writeRefusal(buffer, "because"))))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("refuses device=nic0: because");
        assertThat(failure(UnixSocket::close)).isInstanceOf(PeerGoneException.class);
    }

    @Test
    void shouldRefuseADeviceNameThatIsNone() {
        assertThatThrownBy(() -> IommuAttachment.connect(directory, "no name", 1))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
