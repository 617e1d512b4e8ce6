package dev.outboard.host.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.event.Event;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A control socket, asked rightly by its client, and wrongly byte by byte. */
@Timeout(60)
class ControlServerTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final long TEN_SECONDS = 10 * SECOND;
    private static final long PATIENCE_MILLIS = 300;

    @TempDir Path folder;
    private Path socket;
    private ControlServer server;
    private ControlClient client;
    private final Toy toy = new Toy();

    /** Something that counts what it is told, and refuses what it is told to refuse. */
    private static final class Toy implements Subject {
        final CountDownLatch mayEnd = new CountDownLatch(1);
        final CountDownLatch waits = new CountDownLatch(1);
        volatile int changes;

        @Override
        public Event status() {
            return Event.of(STATUS, "kind", "driver", "name", "toy\"0", "faults", 7);
        }

        @Override
        public Event change(Event order) {
            switch (order.name()) {
                case "wait" -> await();
                case "refuse" -> throw new IllegalStateException("it is in use\nand more");
                case "wrong" -> throw new IllegalArgumentException("that makes no sense");
                default -> changes++;
            }
            return Event.of("done", "lengthBytes", order.number("lengthBytes"));
        }

        private void await() {
            waits.countDown();
            try {
                mayEnd.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @BeforeEach
    void listen() {
        socket = folder.resolve("toy.1");
        server = begin(socket, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        client = new ControlClient();
    }

    private ControlServer begin(Path path, InetSocketAddress tcp) {
        var begun = ControlServer.begin(path, tcp, toy, PATIENCE_MILLIS);
        begun.awaitListening();
        return begun;
    }

    @AfterEach
    void close() {
        client.close();
        server.close();
        server.close();
        assertThat(socket).doesNotExist();
    }

    private SocketAddress address() {
        return UnixDomainSocketAddress.of(socket);
    }

    private SocketAddress tcpAddress() {
        Map<String, Object> told = new LinkedHashMap<>();
        server.describe(told);
        return new InetSocketAddress(
                InetAddress.getLoopbackAddress(), (Integer) told.get("metricsPort"));
    }

    /** Sends bytes as they are, and reads until the other end hangs up. */
    private static String raw(SocketAddress to, byte[] request) throws IOException {
        try (var channel = open(to)) {
            try {
                channel.write(ByteBuffer.wrap(request));
            } catch (IOException hungUp) {
                // It need not read to the end what it refuses.
            }
            return readAll(channel);
        }
    }

    private static SocketChannel open(SocketAddress to) throws IOException {
        var channel =
                SocketChannel.open(
                        to instanceof UnixDomainSocketAddress
                                ? StandardProtocolFamily.UNIX
                                : StandardProtocolFamily.INET);
        channel.connect(to);
        return channel;
    }

    private static String readAll(SocketChannel channel) {
        var all = new StringBuilder();
        var buffer = ByteBuffer.allocate(1 << 16);
        try {
            while (channel.read(buffer) >= 0) {
                all.append(StandardCharsets.UTF_8.decode(buffer.flip()));
                buffer.clear();
            }
        } catch (IOException reset) {
            // What was read before is what there was.
        }
        return all.toString();
    }

    private static String raw(SocketAddress to, String request) throws IOException {
        return raw(to, request.getBytes(StandardCharsets.UTF_8));
    }

    private String get(String path) throws IOException {
        return raw(address(), "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    }

    private static String post(String body) {
        return "POST /memory HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                .formatted(body.length(), body);
    }

    @Test
    void shouldShowWhatThereIs() {
        var status = client.status(socket, TEN_SECONDS);
        assertThat(status.name()).isEqualTo(Subject.STATUS);
        assertThat(status.text("name")).isEqualTo("toy\"0");
        assertThat(client.metrics(socket, TEN_SECONDS))
                .contains("# TYPE outboard_faults_total counter")
                .contains("name=\"toy\\\"0\"")
                .contains("} 7.0");
    }

    @Test
    void shouldDoWhatItIsTold() {
        var done = client.change(socket, Event.of("add", "lengthBytes", 4096), TEN_SECONDS);
        assertThat(done.number("lengthBytes")).isEqualTo(4096);
        assertThat(toy.changes).isEqualTo(1);
    }

    @Test
    void shouldRefuseInOneLine() {
        assertThatExceptionOfType(CommandException.class)
                .isThrownBy(() -> client.change(socket, Event.of("refuse"), TEN_SECONDS))
                .withMessage("it is in use");
        assertThatExceptionOfType(CommandException.class)
                .isThrownBy(() -> client.change(socket, Event.of("wrong"), TEN_SECONDS))
                .withMessage("that makes no sense");
        assertThatExceptionOfType(CommandException.class)
                .isThrownBy(() -> client.change(socket, Event.of("add"), TEN_SECONDS))
                .withMessageContaining("no field lengthBytes");
    }

    @Test
    void shouldAnswerByTheRulesOfHttp() throws IOException {
        assertThat(get("/nothing")).startsWith("HTTP/1.1 404").contains("/status");
        assertThat(get("/memory")).startsWith("HTTP/1.1 405");
        assertThat(raw(address(), "DELETE /status HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 405");
        assertThat(raw(address(), post("{\"event\":\"refuse\"}"))).startsWith("HTTP/1.1 409");
        assertThat(raw(address(), post("{\"event\":\"wrong\"}"))).startsWith("HTTP/1.1 400");
        for (var body : List.of("", "{}", "plug", "{\"event\":7}", "[".repeat(3000), "{\"event")) {
            assertThat(raw(address(), post(body)))
                    .as(body)
                    .startsWith("HTTP/1.1 400")
                    .contains("no order");
        }
        assertThat(get("/status")).startsWith("HTTP/1.1 200").contains("connection: close");
    }

    @Test
    void shouldOnlyShowOverTcp() throws IOException {
        assertThat(raw(tcpAddress(), "GET /metrics HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 200");
        assertThat(raw(tcpAddress(), post("{\"event\":\"add\",\"lengthBytes\":1}")))
                .startsWith("HTTP/1.1 403");
        assertThat(toy.changes).isZero();
    }

    @Test
    void shouldRefuseWhatIsTooLong() throws IOException {
        assertThat(get("/" + "x".repeat(2000))).startsWith("HTTP/1.1 400");
        assertThat(raw(address(), "GET /status HTTP/1.1\r\nLong: " + "x".repeat(5000) + "\r\n\r\n"))
                .startsWith("HTTP/1.1 400");
        assertThat(raw(address(), post("{\"event\":\"" + "x".repeat(5000) + "\"}")))
                .startsWith("HTTP/1.1 413");
        assertThat(raw(address(), "POST /memory HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"))
                .startsWith("HTTP/1.1 413");
        assertThat(toy.changes).isZero();
        assertThat(get("/status")).startsWith("HTTP/1.1 200");
    }

    @Test
    void shouldSurviveWhatIsNoHttp() throws IOException {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        var random = new Random(seed);
        for (int round = 0; round < 50; round++) {
            var garbage = new byte[1 + random.nextInt(3000)];
            random.nextBytes(garbage);
            raw(address(), garbage);
        }
        assertThat(toy.changes).isZero();
        assertThat(get("/status")).startsWith("HTTP/1.1 200");
    }

    @Test
    void shouldLookAtOneRequestOnly() throws IOException {
        var twice = post("{\"event\":\"add\",\"lengthBytes\":1}").repeat(2);
        assertThat(raw(address(), twice)).startsWith("HTTP/1.1 200").doesNotContain("HTTP/1.1 4");
        assertThat(toy.changes).isEqualTo(1);
    }

    @Test
    void shouldHangUpOnWhoTricklesIn() throws Exception {
        try (var slow = open(address())) {
            for (int i = 0; i < 100; i++) {
                try {
                    slow.write(ByteBuffer.wrap(new byte[] {'G'}));
                } catch (IOException hungUp) {
                    return;
                }
                Thread.sleep(PATIENCE_MILLIS / 10);
            }
        }
        throw new AssertionError("it listened for ten times its patience");
    }

    @Test
    void shouldBoundHowManyAskAtOnce() throws Exception {
        var idle = new ArrayList<SocketChannel>();
        try {
            for (int i = 0; i < ControlServer.MOST_CONNECTIONS; i++) {
                idle.add(open(address()));
            }
            assertThat(get("/status")).startsWith("HTTP/1.1 503").contains("ask again");
            for (var channel : idle) {
                assertThat(readAll(channel)).isEmpty();
            }
            assertThat(get("/status")).startsWith("HTTP/1.1 200");
        } finally {
            for (var channel : idle) {
                channel.close();
            }
        }
    }

    @Test
    void shouldShowWhileAChangeWaits() throws Exception {
        var order = Event.of("wait", "lengthBytes", 1);
        var change = CompletableFuture.supplyAsync(() -> client.change(socket, order, TEN_SECONDS));
        toy.waits.await();
        assertThat(client.status(socket, TEN_SECONDS).number("faults")).isEqualTo(7);
        assertThat(change).isNotDone();
        toy.mayEnd.countDown();
        assertThat(change.get(10, TimeUnit.SECONDS).number("lengthBytes")).isEqualTo(1);
    }

    @Test
    void shouldEndWhileAChangeWaits() throws Exception {
        var order = Event.of("wait", "lengthBytes", 1);
        var change = CompletableFuture.supplyAsync(() -> client.change(socket, order, TEN_SECONDS));
        toy.waits.await();
        server.close();
        // Interrupted: whether it still has its answer or is hung up on, nobody waits for ever.
        change.handle((done, failure) -> failure).get(10, TimeUnit.SECONDS);
        assertThat(socket).doesNotExist();
    }

    @Test
    void shouldBeForItsUserAlone() throws IOException {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                .isEqualTo("rw-------");
    }

    @Test
    void shouldTakeThePlaceOfASocketThatNobodyListensAt() throws IOException {
        var stale = folder.resolve("stale");
        try (var left = java.nio.channels.ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            left.bind(UnixDomainSocketAddress.of(stale));
        }
        assertThat(stale).exists();
        try (var second = begin(stale, null)) {
            assertThat(client.status(stale, TEN_SECONDS).number("faults")).isEqualTo(7);
            assertThat(second).isNotNull();
        }
        assertThat(stale).doesNotExist();
    }

    @Test
    void shouldLeaveWhatSomebodyUses() throws IOException {
        var file = Files.writeString(folder.resolve("file"), "mine");
        for (var taken : List.of(socket, file)) {
            try (var second = ControlServer.begin(taken, null, toy)) {
                assertThatExceptionOfType(CommandException.class)
                        .isThrownBy(second::awaitListening)
                        .withMessageContaining("in use")
                        .withMessageContaining(taken.toString());
            }
        }
        assertThat(file).hasContent("mine");
        assertThat(client.status(socket, TEN_SECONDS).number("faults")).isEqualTo(7);
    }

    @Test
    void shouldNotWaitForEverForAnAnswer() throws IOException {
        var silent = folder.resolve("silent");
        try (var listening =
                java.nio.channels.ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listening.bind(UnixDomainSocketAddress.of(silent));
            assertThatExceptionOfType(CommandException.class)
                    .isThrownBy(() -> client.status(silent, SECOND / 10))
                    .withMessageContaining("no answer")
                    .withMessageContaining("100 ms");
        }
        assertThatExceptionOfType(CommandException.class)
                .isThrownBy(() -> client.status(silent, TEN_SECONDS))
                .withMessageContaining("nobody answers");
    }

    @Test
    void shouldNotBelieveWhatAnswers() throws Exception {
        for (var lie : List.of("", "GARBAGE\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 9")) {
            var path = folder.resolve("liar");
            try (var listening =
                    java.nio.channels.ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
                listening.bind(UnixDomainSocketAddress.of(path));
                var asked = CompletableFuture.supplyAsync(() -> client.status(path, TEN_SECONDS));
                try (var accepted = listening.accept()) {
                    accepted.write(ByteBuffer.wrap(lie.getBytes(StandardCharsets.UTF_8)));
                }
                assertThat(asked.handle((done, failure) -> failure).get(10, TimeUnit.SECONDS))
                        .as(lie)
                        .hasCauseInstanceOf(CommandException.class);
            }
            Files.delete(path);
        }
    }
}
