package dev.outboard.perf.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.driver.DeviceException;
import dev.outboard.host.process.ProcessFailedException;
import dev.outboard.perf.fixture.MemoryLink;
import dev.outboard.perf.fixture.TestContext;
import dev.outboard.uio.UnixServer;
import dev.outboard.uio.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Streams that run when they are told to. */
@Timeout(60)
class TurnTest {
    private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);

    @TempDir private Path directory;
    private Path socket;
    private TestContext sending;
    private final TestContext receiving = new TestContext(Map.of("idleMillis", "20000"));

    @BeforeEach
    void open() {
        socket = directory.resolve("turns");
        sending = new TestContext(Map.of("turns", socket.toString()));
    }

    @AfterEach
    void close() {
        sending.close();
        receiving.close();
    }

    @Test
    void shouldMeasureEveryTurnInOrder() {
        var link = new MemoryLink();
        try (var giver = new TurnGiver(socket)) {
            var receiver =
                    CompletableFuture.runAsync(
                            () -> new StreamReceiveClient().run(link.right(), receiving),
                            TurnTest::onThread);
            var sender =
                    CompletableFuture.runAsync(
                            () -> new StreamSendClient().run(link.left(), sending),
                            TurnTest::onThread);
            giver.awaitTaker();
            giver.run(64, 5 * MILLI);
            giver.run(1500, 5 * MILLI);
            giver.run(64, 5 * MILLI);
            giver.end();
            sender.join();
            receiver.join();
        }
        assertThat(sending.results()).containsEntry("verified", true);
        assertThat(sending.rows("streams"))
                .extracting(row -> row.get("sizeBytes"))
                .containsExactly(64, 1500, 64);
        assertThat(receiving.rows("streams")).hasSize(3);
        for (int turn = 0; turn < 3; turn++) {
            var sent = sending.rows("streams").get(turn);
            var received = receiving.rows("streams").get(turn);
            assertThat(sent).containsEntry("stream", turn).containsEntry("verified", true);
            assertThat(received).containsEntry("stream", turn);
            assertThat(received.get("receivedFrames")).isEqualTo(sent.get("sentFrames"));
        }
    }

    private static void onThread(Runnable work) {
        Thread.ofPlatform().daemon().start(work);
    }

    @Test
    void shouldNoticeASenderThatDies() {
        try (var giver = new TurnGiver(socket)) {
            var dying = UnixSocket.connect(socket, UnixSocket.Kind.SEQPACKET, 1000 * MILLI);
            giver.awaitTaker();
            dying.close();
            assertThatThrownBy(
                            () -> {
                                giver.run(64, MILLI);
                                giver.run(64, MILLI);
                            })
                    .isInstanceOf(ProcessFailedException.class);
        }
    }

    @Test
    void shouldRefuseATurnThatMakesNoSense() {
        int[][] wrong = {{TurnDescriptor.RUN, 0, 1}, {TurnDescriptor.RUN, 64, 0}, {9, 64, 1}};
        for (int[] turn : wrong) {
            try (var server = UnixServer.listen(directory.resolve("w"), UnixSocket.Kind.SEQPACKET);
                    var taker = new TurnTaker(directory.resolve("w"), sending);
                    var giver = server.accept();
                    var arena = Arena.ofConfined()) {
                var message = arena.allocate(TurnDescriptor.LENGTH_BYTES, Long.BYTES);
                message.set(ValueLayout.JAVA_INT, TurnDescriptor.KIND, turn[0]);
                message.set(ValueLayout.JAVA_INT, TurnDescriptor.SIZE_BYTES, turn[1]);
                message.set(ValueLayout.JAVA_LONG, TurnDescriptor.DURATION_NANOS, turn[2]);
                giver.send(message, 0, TurnDescriptor.LENGTH_BYTES);
                assertThatThrownBy(taker::next)
                        .isInstanceOf(DeviceException.class)
                        .hasMessageContaining("makes no sense");
            }
        }
    }

    @Test
    void shouldEndWhenItsProcessIsAskedToStop() {
        try (var server = UnixServer.listen(socket, UnixSocket.Kind.SEQPACKET);
                var taker = new TurnTaker(socket, sending)) {
            assertThat(server.path()).isEqualTo(socket);
            sending.stop();
            assertThat(taker.next()).isFalse();
        }
    }
}
