package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class UnixServerTest {
    private static final UnixSocket.Kind STREAM = UnixSocket.Kind.STREAM;

    @TempDir Path directory;
    private Path path;
    private int openBefore;

    @BeforeEach
    void count() {
        path = directory.resolve("s.sock");
        openBefore = Descriptor.openCount();
    }

    @AfterEach
    void countAgain() {
        assertThat(Descriptor.openCount()).isEqualTo(openBefore);
    }

    @Test
    void shouldAcceptWhoConnects() {
        try (UnixServer server = UnixServer.listen(path, STREAM)) {
            assertThat(server.accept()).isNull();
            try (UnixSocket client = UnixSocket.connect(path, STREAM, 0);
                    UnixSocket accepted = server.accept()) {
                assertThat(accepted.peer().pid()).isEqualTo((int) ProcessHandle.current().pid());
                assertThat(client.isPeerGone()).isFalse();
            }
            assertThat(server.accept()).isNull();
        }
        assertThat(path).doesNotExist();
    }

    @Test
    void shouldBeWatchable() {
        try (UnixServer server = UnixServer.listen(path, STREAM);
                Epoll epoll = Epoll.create()) {
            epoll.add(server.descriptor(), Epoll.READABLE, 1);
            try (UnixSocket client = UnixSocket.connect(path, STREAM, 0)) {
                assertThat(epoll.await(0, (token, events) -> {})).isEqualTo(1);
                assertThat(client.isPeerGone()).isFalse();
            }
        }
    }

    @Test
    void shouldReplaceTheSocketOfADeadServer() {
        UnixServer dead = UnixServer.listen(path, STREAM);
        dead.descriptor().close();
        assertThat(path).exists();
        try (UnixServer server = UnixServer.listen(path, STREAM)) {
            dead.close();
            UnixSocket.connect(path, STREAM, 0).close();
            assertThat(server.path()).exists();
        }
    }

    @Test
    void shouldNotRemoveTheSocketOfItsSuccessor() throws IOException {
        UnixServer first = UnixServer.listen(path, STREAM);
        Files.delete(path);
        try (UnixServer second = UnixServer.listen(path, STREAM)) {
            first.close();
            first.close();
            assertThat(second.path()).exists();
        }
    }

    @Test
    void shouldRefuseThePathOfALiveServer() {
        try (UnixServer server = UnixServer.listen(path, STREAM)) {
            for (UnixSocket.Kind kind : UnixSocket.Kind.values()) {
                assertThatThrownBy(() -> UnixServer.listen(path, kind))
                        .isInstanceOf(ConnectionRefusedException.class)
                        .hasMessageContaining("another process listens there: stop it first");
            }
            assertThat(server.path()).exists();
        }
    }

    @Test
    void shouldRefuseAFileThatIsNoSocket() throws IOException {
        Files.writeString(path, "precious");
        assertThatThrownBy(() -> UnixServer.listen(path, STREAM))
                .hasMessageContaining("no socket is there: choose another path");
        assertThat(path).hasContent("precious");
    }

    @Test
    void shouldRefuseADirectoryThatDoesNotExist() {
        assertThatThrownBy(() -> UnixServer.listen(directory.resolve("no/s.sock"), STREAM))
                .hasMessageContaining("create it");
    }

    @Test
    void shouldRefuseAPathThatDoesNotFit() {
        Path tooLong = directory.resolve("x".repeat(SocketAddress.MAX_PATH_BYTES));
        assertThatThrownBy(() -> UnixServer.listen(tooLong, STREAM))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("use a shorter one");
    }

    @Test
    void shouldSayWhatToDoWhenNobodyListens() {
        assertThatThrownBy(() -> UnixSocket.connect(path, STREAM, 0))
                .isInstanceOf(ConnectionRefusedException.class)
                .hasMessageContaining("there is no such socket: start its server")
                .hasCauseInstanceOf(NativeException.class);
        UnixServer dead = UnixServer.listen(path, STREAM);
        dead.descriptor().close();
        assertThatThrownBy(() -> UnixSocket.connect(path, STREAM, 3_000_000))
                .hasMessageContaining("its server is gone")
                .hasMessageContaining("waited 3 ms");
    }

    @Test
    void shouldRefuseAnotherKindOfSocket() {
        try (UnixServer server = UnixServer.listen(path, UnixSocket.Kind.SEQPACKET)) {
            assertThatThrownBy(() -> UnixSocket.connect(server.path(), STREAM, 1_000_000))
                    .hasMessageContaining("of another kind than STREAM");
        }
    }

    @Test
    void shouldWaitForAServerThatStartsLate() throws InterruptedException {
        Thread late =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    try (UnixServer server = UnixServer.listen(path, STREAM)) {
                                        UnixSocket socket = null;
                                        while (socket == null) {
                                            socket = server.accept();
                                            Thread.onSpinWait();
                                        }
                                        socket.close();
                                    }
                                });
        UnixSocket.connect(path, STREAM, TimeUnit.SECONDS.toNanos(10)).close();
        late.join();
    }
}
