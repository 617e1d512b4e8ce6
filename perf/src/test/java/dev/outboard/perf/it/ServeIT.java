package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A client in another process: a driver serves its interface, and other drivers use it.
 *
 * <pre>
 *   client driver ── vhost-user ── serving driver ── nic0 ── switch ── nic1 ── driver
 * </pre>
 */
class ServeIT extends ProcessTest {
    private OutboardProcess start(String strategy) {
        var iommu = strategy.equals("off") ? "" : ",iommu=" + path("nic0.iommu");
        var device =
                outboard(
                        "the switch",
                        "device",
                        "nic",
                        "--port",
                        path("nic0.sock") + iommu,
                        "--port",
                        path("nic1.sock").toString(),
                        "--json");
        device.awaitReady(LIMIT);
        return device;
    }

    private OutboardProcess serve(String strategy, String... more) {
        var words =
                new ArrayList<>(
                        List.of(
                                "run",
                                "net",
                                "--device",
                                "vhost-user:" + path("nic0.sock"),
                                "--strategy",
                                strategy,
                                "--serve",
                                path("out.sock").toString(),
                                "--json"));
        if (!strategy.equals("off")) {
            words.addAll(List.of("--iommu", "unix:" + path("nic0.iommu")));
        }
        words.addAll(List.of(more));
        var server = outboard("the serving driver", words.toArray(String[]::new));
        server.awaitReady(LIMIT);
        return server;
    }

    private OutboardProcess driver(String name, String port, String client, String... more) {
        var words =
                new ArrayList<>(
                        List.of(
                                "run",
                                "virtio-net",
                                "--device",
                                "vhost-user:" + path(port + ".sock"),
                                "--strategy",
                                "off",
                                "--client",
                                client,
                                "--json"));
        words.addAll(List.of(more));
        var driver = outboard(name, words.toArray(String[]::new));
        driver.awaitReady(LIMIT);
        return driver;
    }

    private void shouldStream(String... more) {
        var receiver = driver("the receiver", "nic1", "stream-receive");
        var words = new ArrayList<>(List.of("-o", "sizes=1500", "-o", "warmupMillis=0"));
        words.addAll(List.of("-o", "millis=150"));
        words.addAll(List.of(more));
        var sender = driver("the client", "out", "stream-send", words.toArray(String[]::new));
        for (var end : List.of(sender, receiver)) {
            assertThat(clientOf(end)).as(end.name()).containsEntry("verified", true);
            assertThat(end.awaitExit(LIMIT)).as(end.errorOutput()).isZero();
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> clientOf(OutboardProcess process) {
        return (Map<String, Object>) process.awaitEvent("result", LIMIT).fields().get("client");
    }

    private static Map<String, Object> stop(OutboardProcess server) {
        assertThat(server.stop(LIMIT)).as(server.errorOutput()).isZero();
        return clientOf(server);
    }

    private static long number(Map<String, Object> result, String name) {
        return ((Number) result.get(name)).longValue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"off", "strict", "granted"})
    void shouldSendAClientsFramesOutOfItsOwnMemory(String strategy) {
        var device = start(strategy);
        var server = serve(strategy);
        shouldStream();
        var result = stop(server);
        assertThat(number(result, "lentFrames")).isPositive();
        assertThat(number(result, "copiedFrames")).isZero();
        assertThat(number(result, "mostLentBytes")).isEqualTo(64L << 20);
        assertThat(server.awaitEvent("result", LIMIT).number("faults")).isZero();
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"split", "packed"})
    void shouldServeEitherRingAndCopyWhereItIsToldTo(String ring) {
        var device = start("strict");
        var server = serve("strict", "-o", "grant=never");
        shouldStream("--ring", ring);
        var result = stop(server);
        assertThat(number(result, "lentFrames")).isZero();
        assertThat(number(result, "copiedFrames")).isPositive();
        assertThat(result.get("copiedBecause")).isEqualTo("grant=never");
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    @Test
    void shouldOutliveAClientThatIsKilledAndServeTheNext() throws Exception {
        var device = start("strict");
        var server = serve("strict");
        var receiver = driver("a receiver", "nic1", "net-sink");
        var killed = driver("a client", "out", "net-generate", "-o", "millis=60000");
        Thread.sleep(300);
        killed.kill();
        receiver.kill();
        shouldStream();
        var result = stop(server);
        assertThat(number(result, "clients")).isGreaterThanOrEqualTo(2);
        assertThat(server.awaitEvent("result", LIMIT).number("faults"))
                .as("nothing was reached that was not lent any more")
                .isZero();
        assertThat(server.awaitEvent("result", LIMIT).fields().get("left"))
                .isEqualTo(Map.of("frames", 0L, "mappedFrames", 0L));
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    @Test
    void shouldSleepWhileNobodySends() throws Exception {
        var device = start("strict");
        var server = serve("strict");
        var client = driver("the client", "out", "net-sink", "-o", "millis=60000");
        Thread.sleep(1000);
        long before = ranNanos(server);
        Thread.sleep(1500);
        // Its own looks at whether to stop, and what the virtual machine does besides.
        assertThat(ranNanos(server) - before).isLessThan(1_500_000_000L / 10);
        client.kill();
        stop(server);
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    /** Processor time of the main thread, which does all the work. */
    private static long ranNanos(OutboardProcess process) throws Exception {
        long sum = 0;
        try (var threads = Files.list(Path.of("/proc/" + process.pid() + "/task"))) {
            for (var thread : threads.toList()) {
                var name = Files.readString(thread.resolve("comm")).strip();
                if (!name.startsWith("C1") && !name.startsWith("C2")) {
                    var stat = Files.readString(thread.resolve("schedstat")).split(" ");
                    sum += Long.parseLong(stat[0]);
                }
            }
        }
        return sum;
    }

    @Test
    void shouldCopyForDpdksDriverWhoseMemoryCanShrink() throws Exception {
        Peers.need("dpdk", "dpdk-testpmd");
        var device = start("strict");
        var server = serve("strict");
        var sink = driver("the sink", "nic1", "net-sink", "-o", "millis=500");
        try (var testpmd =
                Testpmd.start(
                        "net_virtio_user0,path=" + path("out.sock") + ",queues=1,server=0",
                        "txonly",
                        "--txpkts=256")) {
            testpmd.forward();
            Thread.sleep(500);
            assertThat(testpmd.stop().sent()).isPositive();
        }
        sink.kill();
        var result = stop(server);
        assertThat(number(result, "copiedFrames")).isPositive();
        assertThat(number(result, "lentFrames")).isZero();
        assertThat(result.get("copiedBecause").toString()).contains("shrink");
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }
}
