package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Our drivers on our devices, as a foreign front-end and a foreign back-end would meet: no memory
 * is shared but the memory table, no owner is attached to, and every translation is a message.
 */
class AskingDeviceIT extends ProcessTest {
    private String[] driver(String kind, String socket, String strategy, String... more) {
        var words =
                new ArrayList<>(
                        List.of("run", kind, "--device", "vhost-user:" + path(socket), "--json"));
        words.addAll(List.of("--strategy", strategy, "--iommu", "device"));
        words.addAll(List.of(more));
        return words.toArray(String[]::new);
    }

    @ParameterizedTest
    @ValueSource(strings = {"strict", "deferred", "batched", "cached"})
    void shouldStreamThroughTranslationsThatTheSwitchAsksFor(String strategy) {
        var device =
                outboard(
                        "the switch",
                        "device",
                        "nic",
                        "--port",
                        path("nic0.sock").toString(),
                        "--port",
                        path("nic1.sock").toString(),
                        "--json");
        device.awaitReady(LIMIT);
        var receiver =
                outboard(
                        "the receiver",
                        driver("virtio-net", "nic1.sock", strategy, "--client", "stream-receive"));
        receiver.awaitReady(LIMIT);
        var sender =
                outboard(
                        "the sender",
                        driver(
                                "virtio-net",
                                "nic0.sock",
                                strategy,
                                "--client",
                                "stream-send",
                                "-o",
                                "sizes=64,1500",
                                "-o",
                                "warmupMillis=0",
                                "-o",
                                "millis=150"));
        var sent = ended(sender);
        var received = ended(receiver);
        var ports = parts(stopped(device), "ports");
        assertTogether(sent, ports.getFirst(), strategy);
        assertTogether(received, ports.getLast(), strategy);
        assertThat(number(ports.getLast(), "receivedFrames")).isPositive();
    }

    @ParameterizedTest
    @ValueSource(strings = {"strict", "deferred", "batched", "cached"})
    void shouldCheckADiskThatAsksForTranslations(String strategy) throws IOException {
        var file = KilledDeviceIT.makeDisk(this, 8 << 20);
        var device =
                outboard(
                        "the disk",
                        "device",
                        "disk",
                        "--port",
                        path("disk0.sock").toString(),
                        "--file",
                        file.toString(),
                        "--json");
        device.awaitReady(LIMIT);
        var driver =
                outboard(
                        "the block driver",
                        driver(
                                "virtio-blk",
                                "disk0.sock",
                                strategy,
                                "--client",
                                "disk-check",
                                "-o",
                                "warmupMillis=0",
                                "-o",
                                "bytes=4194304",
                                "-o",
                                "millis=50"));
        var checked = ended(driver);
        assertTogether(checked, stopped(device), strategy);
    }

    /** The driver's end, and the device's: what one counts, the other counts. */
    private static void assertTogether(
            Map<String, Object> driver, Map<String, Object> device, String strategy) {
        assertThat(driver).containsEntry("owner", "device").containsEntry("strategy", strategy);
        assertThat(part(driver, "client")).containsEntry("verified", true);
        assertThat(number(driver, "faults")).isZero();
        assertThat(number(device, "faults")).isZero();
        assertThat(number(part(driver, "dma"), "liveMappings")).isZero();
        var told = part(driver, "iotlb");
        var asked = part(device, "iotlb");
        assertThat(number(asked, "hits")).isPositive();
        assertThat(number(asked, "misses")).isEqualTo(number(told, "misses"));
        assertThat(number(asked, "updates")).isGreaterThanOrEqualTo(number(asked, "misses"));
        assertThat(number(asked, "invalidations"))
                .isEqualTo(number(told, "invalidations") + number(told, "flushes"));
        assertThat(number(asked, "faults")).isZero();
        assertThat(number(asked, "late")).isZero();
    }

    private static Map<String, Object> ended(OutboardProcess process) {
        var result = process.awaitEvent("result", LIMIT);
        assertThat(process.awaitExit(LIMIT)).as(process.errorOutput()).isZero();
        return result.fields();
    }

    private static Map<String, Object> stopped(OutboardProcess device) {
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
        return device.awaitEvent("result", LIMIT).fields();
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> part(Map<String, Object> result, String name) {
        return (Map<String, Object>) result.get(name);
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> parts(Map<String, Object> result, String name) {
        return (List<Map<String, Object>>) result.get(name);
    }

    private static long number(Map<String, Object> fields, String name) {
        return ((Number) fields.get(name)).longValue();
    }
}
