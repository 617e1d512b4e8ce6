package dev.outboard.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Runs the examples as their package says: devices and drivers in processes of their own. */
@Timeout(90)
class ExamplesTest {
    private static final Duration LONG = Duration.ofSeconds(30);

    @TempDir Path folder;
    private final List<OutboardProcess> children = new ArrayList<>();

    @AfterEach
    void endChildren() {
        children.forEach(OutboardProcess::close);
    }

    private OutboardProcess start(String... words) {
        var child = OutboardProcess.start(words[0] + " " + words[1], List.of(words));
        children.add(child);
        return child;
    }

    private String path(String name) {
        return folder.resolve(name).toString();
    }

    private OutboardProcess client(String driver, String socket, String client, String... options) {
        var words =
                new ArrayList<>(List.of("run", driver, "--device", "vhost-user:" + path(socket)));
        words.addAll(List.of("--strategy", "strict", "--iommu", "unix:" + path(socket + ".iommu")));
        words.addAll(List.of("--client", client, "--json"));
        for (var option : options) {
            words.addAll(List.of("-o", option));
        }
        return start(words.toArray(String[]::new));
    }

    /** A switch with two ports. */
    private void startNetwork() {
        start(
                        "device",
                        "nic",
                        "--json",
                        "--port",
                        path("a.sock") + ",iommu=" + path("a.sock.iommu"),
                        "--port",
                        path("b.sock") + ",iommu=" + path("b.sock.iommu"))
                .awaitReady(LONG);
    }

    private static Map<?, ?> results(OutboardProcess child) {
        var result = child.awaitEvent(Event.RESULT, LONG);
        assertThat(child.awaitExit(LONG)).as(child::errorOutput).isZero();
        assertThat(result.number("faults")).isZero();
        return (Map<?, ?>) result.fields().get("client");
    }

    @Test
    void shouldCountEveryFrameThatWasSent() {
        startNetwork();
        var receiver = client("virtio-net", "b.sock", "count-frames", "frames=500");
        receiver.awaitReady(LONG);
        var sender = client("virtio-net", "a.sock", "send-frames", "count=500", "length=100");

        assertThat(results(sender).get("frames")).isEqualTo(500L);
        var counted = results(receiver);
        assertThat(counted.get("frames")).isEqualTo(500L);
        assertThat(counted.get("bytes")).isEqualTo(50_000L);
        assertThat(counted.get("toAll")).isEqualTo(500L);
    }

    @Test
    void shouldKeepFramesInPagesOfThePool() throws IOException {
        startNetwork();
        var file = folder.resolve("kept.pcap");
        var receiver = client("virtio-net", "b.sock", "keep-frames", "file=" + file, "frames=500");
        receiver.awaitReady(LONG);
        var sender = client("virtio-net", "a.sock", "send-frames", "count=500", "length=100");

        assertThat(results(sender).get("frames")).isEqualTo(500L);
        var kept = results(receiver);
        assertThat(kept.get("frames")).isEqualTo(500L);
        // A machine may be too busy to refill the pool as fast as frames come: then they are
        // dropped, and counted. With what the pool begins with, it always keeps some.
        long written = (long) kept.get("written");
        assertThat(written).isBetween(100L, 500L);
        assertThat(written + (long) kept.get("dropped")).isEqualTo(500L);
        var bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.nativeOrder());
        assertThat(bytes.remaining()).isEqualTo(24 + (int) written * (16 + 100));
        assertThat(bytes.getInt(0)).as("what tcpdump looks for").isEqualTo(0xa1b2c3d4);
        for (int frame = 0; frame < written; frame++) {
            int at = 24 + frame * (16 + 100);
            assertThat(bytes.getInt(at + 8)).as("bytes kept").isEqualTo(100);
            assertThat(bytes.getInt(at + 12)).as("bytes there were").isEqualTo(100);
            assertThat(bytes.getInt(at + 16)).as("to everyone").isEqualTo(-1);
            assertThat(bytes.order(ByteOrder.BIG_ENDIAN).getShort(at + 16 + 12))
                    .isEqualTo((short) 0x88b5);
            bytes.order(ByteOrder.nativeOrder());
        }
    }

    @Test
    void shouldRefuseToKeepFramesWhereNoFileCanBe() {
        startNetwork();
        for (var option : new String[] {"frames=1", "file=" + path("no/such/folder.pcap")}) {
            var child = client("virtio-net", "a.sock", "keep-frames", option);
            assertThat(child.awaitExit(LONG)).isEqualTo(2);
            assertThat(child.errorOutput().lines()).hasSize(1);
            assertThat(child.errorOutput()).startsWith("outboard: client keep-frames: ");
        }
    }

    @Test
    void shouldShowWhatIsOnTheDisk() throws IOException {
        var content = new byte[8192];
        var word = "Outboard".getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(word, 0, content, 1024 + 32, word.length);
        Files.write(folder.resolve("disk.raw"), content);
        start(
                        "device",
                        "disk",
                        "--json",
                        "--file",
                        path("disk.raw"),
                        "--port",
                        path("d.sock") + ",iommu=" + path("d.sock.iommu"))
                .awaitReady(LONG);

        var shown = results(client("virtio-blk", "d.sock", "dump-sectors", "first=1", "sectors=2"));

        assertThat(shown).hasSize(1);
        assertThat(shown.get("00000420"))
                .isEqualTo("4f 75 74 62 6f 61 72 64 00 00 00 00 00 00 00 00  Outboard........");
    }

    @Test
    void shouldNameTheOptionThatIsWrong() throws IOException {
        Files.write(folder.resolve("disk.raw"), new byte[8192]);
        start(
                        "device",
                        "disk",
                        "--json",
                        "--file",
                        path("disk.raw"),
                        "--port",
                        path("d.sock") + ",iommu=" + path("d.sock.iommu"))
                .awaitReady(LONG);
        for (var option : new String[] {"sectors=0", "sectors=many", "first=100"}) {
            var child = client("virtio-blk", "d.sock", "dump-sectors", option);
            assertThat(child.awaitExit(LONG)).isEqualTo(2);
            assertThat(child.errorOutput().lines()).hasSize(1);
            assertThat(child.errorOutput()).startsWith("outboard: client dump-sectors: ");
        }
    }

    @Test
    void shouldRefuseAClientOfAnotherKindOfDevice() throws IOException {
        Files.write(folder.resolve("disk.raw"), new byte[8192]);
        start(
                        "device",
                        "disk",
                        "--json",
                        "--file",
                        path("disk.raw"),
                        "--port",
                        path("d.sock") + ",iommu=" + path("d.sock.iommu"))
                .awaitReady(LONG);

        var child = client("virtio-blk", "d.sock", "count-frames");

        assertThat(child.awaitExit(LONG)).isEqualTo(2);
        assertThat(child.errorOutput())
                .contains("client count-frames needs a NetworkService, and driver virtio-blk");
    }
}
