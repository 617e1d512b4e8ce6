package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The network driver on DPDK's vhost back-end: nothing lost, nothing corrupt, equal counts. */
class DpdkBackEndIT extends ProcessTest {
    private Path socket;

    @BeforeEach
    void need() {
        Peers.need("dpdk", "dpdk-testpmd");
        socket = path("net.peer");
    }

    @ParameterizedTest
    @ValueSource(strings = {"split", "packed"})
    void shouldSendAsManyFramesAsTestpmdReceives(String ring) throws Exception {
        for (int bytes : List.of(64, 1500)) {
            try (var testpmd = vhost("rxonly")) {
                testpmd.forward();
                var sent =
                        run(
                                "run",
                                "virtio-net",
                                "--device",
                                device(),
                                "--ring",
                                ring,
                                "--client",
                                "net-generate",
                                "-o",
                                "size=" + bytes,
                                "-o",
                                "millis=300",
                                "-o",
                                "warmupMillis=100",
                                "--json");
                assertThat(sent.exitCode()).as(sent.process().errorOutput()).isZero();
                var client = StorageDaemonIT.client(sent);
                long frames = number(client, "sentFrames") + number(client, "warmupFrames");
                assertThat(frames).isPositive();
                assertThat(number(client, "finishedFrames")).isEqualTo(frames);
                assertThat(testpmd.stop().received()).isEqualTo(frames);
            }
            Files.deleteIfExists(socket);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"split", "packed"})
    void shouldReceiveAsManyFramesAsTestpmdSends(String ring) throws Exception {
        for (int bytes : List.of(64, 1500)) {
            try (var testpmd = vhost("txonly", "--txpkts=" + bytes)) {
                var receiver =
                        outboard(
                                "receiver",
                                "run",
                                "virtio-net",
                                "--device",
                                device(),
                                "--ring",
                                ring,
                                "--client",
                                "net-sink",
                                "-o",
                                "millis=300",
                                "-o",
                                "warmupMillis=100",
                                "-o",
                                "quietMillis=1500",
                                "--json");
                receiver.awaitReady(LIMIT);
                testpmd.forward();
                Thread.sleep(800);
                long sent = testpmd.stop().sent();
                var result = receiver.awaitEvent("result", LIMIT);
                assertThat(receiver.awaitExit(LIMIT)).as(receiver.errorOutput()).isZero();
                var client = client(result.fields());
                assertThat(sent).isPositive();
                assertThat(number(client, "allFrames")).isEqualTo(sent);
                assertThat(number(client, "allBytes")).isEqualTo(sent * bytes);
                assertThat(number(client, "shortestBytes")).isEqualTo(bytes);
                assertThat(number(client, "longestBytes")).isEqualTo(bytes);
            }
            Files.deleteIfExists(socket);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"split", "packed"})
    void shouldGetItsOwnFramesBackUnchanged(String ring) throws Exception {
        try (var testpmd = vhost("io", "--port-topology=loop")) {
            testpmd.forward();
            var echoed =
                    run(
                            "run",
                            "virtio-net",
                            "--device",
                            device(),
                            "--ring",
                            ring,
                            "--client",
                            "stream-echo",
                            "-o",
                            "sizes=64,1500,16384",
                            "-o",
                            "millis=300",
                            "--json");
            assertThat(echoed.exitCode()).as(echoed.process().errorOutput()).isZero();
            var client = StorageDaemonIT.client(echoed);
            assertThat(client).as(client.toString()).containsEntry("verified", true);
            var counts = testpmd.stop();
            assertThat(counts.sent()).isEqualTo(counts.received());
            long frames = 0;
            for (var row : (List<?>) client.get("streams")) {
                var stream = client(Map.of("client", row));
                assertThat(number(stream, "corruptFrames")).isZero();
                assertThat(number(stream, "receivedFrames"))
                        .isEqualTo(number(stream, "sentFrames"));
                frames += number(stream, "sentFrames");
            }
            // Probes that looked for the echo come on top.
            assertThat(counts.received()).isBetween(frames + 1, frames + 400);
        }
    }

    private Testpmd vhost(String mode, String... more) throws Exception {
        var testpmd = Testpmd.start("net_vhost0,iface=" + socket + ",queues=1", mode, more);
        testpmd.await("binding succeeded");
        return testpmd;
    }

    private String device() {
        return "vhost-user:" + socket;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> client(Map<String, Object> fields) {
        return (Map<String, Object>) fields.get("client");
    }

    private static long number(Map<String, Object> row, String name) {
        return ((Number) row.get(name)).longValue();
    }
}
