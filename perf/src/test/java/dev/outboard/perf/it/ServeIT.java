package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
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
            assertThat(clientOf(end.awaitEvent("result", LIMIT)))
                    .as(end.name())
                    .containsEntry("verified", true);
            assertThat(end.awaitExit(LIMIT)).as(end.errorOutput()).isZero();
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> clientOf(Event result) {
        return (Map<String, Object>) result.fields().get("client");
    }

    private static Event stop(OutboardProcess server) {
        assertThat(server.stop(LIMIT)).as(server.errorOutput()).isZero();
        return server.awaitEvent("result", LIMIT);
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
        var end = stop(server);
        assertThat(end.number("faults")).isZero();
        var result = clientOf(end);
        assertThat(number(result, "lentFrames")).isPositive();
        assertThat(number(result, "copiedFrames")).isZero();
        assertThat(number(result, "mostLentBytes")).isEqualTo(64L << 20);
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    @Test
    void shouldCopyWhereItIsToldTo() {
        var device = start("strict");
        var server = serve("strict", "-o", "grant=never");
        shouldStream();
        var result = clientOf(stop(server));
        assertThat(number(result, "lentFrames")).isZero();
        assertThat(number(result, "copiedFrames")).isPositive();
        assertThat(result.get("copiedBecause")).isEqualTo("grant=never");
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }
}
