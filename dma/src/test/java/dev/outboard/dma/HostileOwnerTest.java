package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.AttachProtocol.Change;
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
        return failure(answers, Integer.MAX_VALUE);
    }

    /**
     * @param messages how many the device sends back when it is content: then the owner ends
     */
    private Throwable failure(Consumer<UnixSocket> answers, int messages) throws Exception {
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
                    awaitMessages(accepted, messages);
                } catch (PeerGoneException ended) {
                    // The device had seen enough.
                }
            }
            failure = device.get();
        }
        assertThat(Descriptor.openCount()).as("descriptors").isEqualTo(before);
        return failure;
    }

    /**
     * Returns when the device has sent so many, or has refused. Who closes what it has not read
     * takes from the other side what that has not read: this must not end any sooner.
     */
    private void awaitMessages(UnixSocket accepted, int messages) {
        accepted.receiveTimeout(Bench.TIMEOUT_NANOS);
        for (int count = 0; count < messages; count++) {
            int length = accepted.receive(buffer, 0, AttachProtocol.BUFFER_BYTES, null, true);
            if (length == UnixSocket.WOULD_BLOCK) {
                throw new AssertionError("the device takes what it should refuse");
            }
            if (length == UnixSocket.END_OF_STREAM) {
                return;
            }
        }
    }

    private static Throwable attemptToAttach(Path path) {
        try (IommuAttachment attachment =
                IommuAttachment.connect(path, "nic0", Bench.TIMEOUT_NANOS)) {
            while (!attachment.isOwnerGone()) {
                attachment.receive();
            }
            return null;
        } catch (PeerGoneException gone) {
            return gone.getMessage().equals("the owner of the IOMMU ended") ? null : gone;
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
                                },
                                0))
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

    private void sendAttachment(UnixSocket socket) {
        sendGrant(socket);
        send(socket, FIRST, file(8192));
        send(socket, new Segment(1L << 33, 4096), file(4096));
    }

    private void sendChange(UnixSocket socket, int type, Change change, Descriptor... files) {
        socket.send(buffer, 0, AttachProtocol.writeChange(buffer, type, change), files);
    }

    private Throwable failureAfter(Consumer<UnixSocket> changes) throws Exception {
        return failureAfter(changes, Integer.MAX_VALUE);
    }

    private Throwable failureAfter(Consumer<UnixSocket> changes, int messages) throws Exception {
        return failure(
                socket -> {
                    sendAttachment(socket);
                    changes.accept(socket);
                },
                messages);
    }

    @Test
    void shouldTakeChangesThatKeepToTheProtocol() throws Exception {
        Segment third = new Segment(1L << 34, 4096);
        assertThat(
                        failureAfter(
                                socket -> {
                                    try (MemoryFile file = file(4096)) {
                                        sendChange(
                                                socket,
                                                AttachProtocol.SEGMENT_ADDED,
                                                new Change(1, third),
                                                file.descriptor());
                                    }
                                    sendChange(
                                            socket,
                                            AttachProtocol.SEGMENT_REMOVED,
                                            new Change(2, third));
                                    sendChange(
                                            socket,
                                            AttachProtocol.SEGMENT_REMOVED,
                                            new Change(3, FIRST));
                                },
                                3))
                .isNull();
    }

    @Test
    void shouldRefuseChangesThatCannotBe() throws Exception {
        Segment[] added = {
            FIRST,
            new Segment((1L << 32) + 4096, 4096),
            new Segment((1L << 32) - 4096, 8192),
            new Segment(1, 4096),
            new Segment(Long.MAX_VALUE - 4095, 8192)
        };
        for (Segment wrong : added) {
            assertThat(failureAfter(socket -> add(socket, 1, wrong, file(8192))))
                    .as("%s", wrong)
                    .isInstanceOf(IllegalArgumentException.class);
        }
        Segment good = new Segment(1L << 34, 8192);
        assertThat(failureAfter(socket -> add(socket, 2, good, file(8192))))
                .hasMessageContaining("sequence=2 where 1 was due");
        assertThat(failureAfter(socket -> add(socket, 1, good, file(4096))))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(
                        failureAfter(
                                socket ->
                                        add(socket, 1, good, MemoryFile.create("unsealed", 8192))))
                .hasMessageContaining("not sealed");
        assertThat(
                        failureAfter(
                                socket ->
                                        sendChange(
                                                socket,
                                                AttachProtocol.SEGMENT_ADDED,
                                                new Change(1, good))))
                .hasMessageContaining("with 0 descriptors");
        assertThat(
                        failureAfter(
                                socket ->
                                        sendChange(
                                                socket,
                                                AttachProtocol.SEGMENT_REMOVED,
                                                new Change(1, new Segment(1L << 32, 4096)))))
                .hasMessageContaining("there is no memory at 0x100000000 of lengthBytes=4096");
        assertThat(failureAfter(this::sendGrant)).hasMessageContaining("type=2");
    }

    private void add(UnixSocket socket, long sequence, Segment segment, MemoryFile file) {
        try (file) {
            sendChange(
                    socket,
                    AttachProtocol.SEGMENT_ADDED,
                    new Change(sequence, segment),
                    file.descriptor());
        }
    }

    @Test
    void shouldRefuseMoreSegmentsThanADeviceMayHave() throws Exception {
        assertThat(
                        failureAfter(
                                socket -> {
                                    for (int index = 1; index < 128; index++) {
                                        Segment next =
                                                new Segment((1L << 34) + index * 8192L, 4096);
                                        add(socket, index, next, file(4096));
                                    }
                                }))
                .hasMessageContaining("more than 128 segments");
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
        assertThat(failure(socket -> {}, 0)).isInstanceOf(PeerGoneException.class);
    }

    @Test
    void shouldRefuseADeviceNameThatIsNone() {
        assertThatThrownBy(() -> IommuAttachment.connect(directory, "no name", 1))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
