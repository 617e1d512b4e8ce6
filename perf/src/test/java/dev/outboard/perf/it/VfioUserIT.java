package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Drivers and device models over vfio-user, each a process, with every owner of translations: all
 * memory mapped once, window by window, and an IOMMU of ours.
 */
class VfioUserIT extends ProcessTest {
    private List<String> owner(String owner, String name) {
        return owner.equals("driver")
                ? List.of("--iommu", "unix:" + path(name + ".iommu"))
                : List.of();
    }

    private OutboardProcess device(String kind, String owner, String... more) {
        var words =
                new ArrayList<>(List.of("device", kind, "--socket", path("dev0.sock").toString()));
        words.addAll(owner(owner, "dev0"));
        words.addAll(List.of(more));
        words.add("--json");
        var device = outboard("the device", words.toArray(String[]::new));
        device.awaitReady(LIMIT);
        return device;
    }

    private OutboardProcess driver(String kind, String owner, String strategy, String... more) {
        var words =
                new ArrayList<>(
                        List.of(
                                "run",
                                kind,
                                "--device",
                                "vfio-user:" + path("dev0.sock"),
                                "--strategy",
                                strategy));
        words.addAll(owner(owner, "dev0"));
        words.addAll(List.of(more));
        words.add("--json");
        return outboard("the driver", words.toArray(String[]::new));
    }

    private static void verified(OutboardProcess driver) {
        var result = driver.awaitEvent(Event.RESULT, LIMIT);
        assertThat(driver.awaitExit(LIMIT)).as(driver.errorOutput()).isZero();
        assertThat(result.fields().get("client"))
                .isInstanceOfSatisfying(
                        Map.class, client -> assertThat(client.get("verified")).isEqualTo(true));
    }

    @ParameterizedTest
    @CsvSource({
        "none, off",
        "device, strict",
        "device, copied",
        "driver, strict",
        "driver, deferred"
    })
    void shouldDriveTheTeachingDevice(String owner, String strategy) {
        var device = device("edu", owner);
        verified(driver("edu", owner, strategy, "--client", "edu-check"));
        var result = stop(device);
        assertThat(result.fields().get("factorials")).isEqualTo(12L);
        assertThat(result.fields().get("faults")).isEqualTo(0L);
    }

    private static Event stop(OutboardProcess device) {
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
        return device.awaitEvent(Event.RESULT, LIMIT);
    }

    @ParameterizedTest
    @CsvSource({
        "none, off, mapped",
        "none, off, shadowed",
        "device, strict, mapped",
        "device, cached, shadowed",
        "driver, strict, mapped",
        "driver, strict, shadowed",
        "driver, deferred, mapped"
    })
    void shouldWriteAndReadOverNvme(String owner, String strategy, String doorbells) {
        var device = device("nvme", owner, "--size", "16M", "--doorbells", doorbells);
        verified(
                driver(
                        "nvme",
                        owner,
                        strategy,
                        "--client",
                        "disk-check",
                        "-o",
                        "warmupMillis=0",
                        "-o",
                        "millis=200",
                        "-o",
                        "bytes=4194304"));
        var result = stop(device);
        assertThat((long) result.fields().get("writes")).isPositive();
        assertThat(result.fields().get("errors")).isEqualTo(0L);
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "device", "driver"})
    void shouldNoticeAControllerThatIsKilledAndServeTheNext(String owner) throws Exception {
        var strategy = owner.equals("none") ? "off" : "strict";
        var device = device("nvme", owner, "--size", "16M");
        var driver =
                driver(
                        "nvme",
                        owner,
                        strategy,
                        "--client",
                        "disk-check",
                        "-o",
                        "millis=60000",
                        "-o",
                        "bytes=4194304");
        driver.awaitReady(LIMIT);
        Thread.sleep(500);
        device.kill();
        driver.awaitEvent(Event.LOST, LIMIT);
        assertThat(driver.awaitExit(LIMIT)).isEqualTo(1);
        assertThat(driver.errorOutput()).contains("dev0 went away");
        device.awaitExit(LIMIT);
        device("nvme", owner, "--size", "16M");
        verified(
                driver(
                        "nvme",
                        owner,
                        strategy,
                        "--client",
                        "disk-check",
                        "-o",
                        "warmupMillis=0",
                        "-o",
                        "millis=50",
                        "-o",
                        "bytes=4194304"));
    }

    @Test
    void shouldServeTheNextDriverAfterOneWasKilled() throws Exception {
        var device = device("nvme", "none", "--size", "16M");
        for (int round = 0; round < 2; round++) {
            var driver =
                    driver(
                            "nvme",
                            "none",
                            "off",
                            "--client",
                            "disk-check",
                            "-o",
                            "millis=60000",
                            "-o",
                            "bytes=4194304");
            driver.awaitReady(LIMIT);
            Thread.sleep(300);
            driver.kill();
            driver.awaitExit(LIMIT);
        }
        verified(
                driver(
                        "nvme",
                        "none",
                        "off",
                        "--client",
                        "disk-check",
                        "-o",
                        "warmupMillis=0",
                        "-o",
                        "millis=50",
                        "-o",
                        "bytes=4194304"));
        assertThat(device.isAlive()).isTrue();
    }

    @Test
    void shouldMeasure() {
        var perf =
                run(
                        "nvmeperf",
                        "--owners",
                        "none,driver",
                        "--strategies",
                        "strict",
                        "--depths",
                        "1,32",
                        "--seconds",
                        "0.2",
                        "--json");
        assertThat(perf.exitCode()).as(perf.process().errorOutput()).isZero();
        assertThat(perf.process().output())
                .contains("\"operationsPerSecond\"")
                .contains("\"driver\"");
        assertThat(outboardProcesses()).isEmpty();
    }

    @Test
    void shouldRefuseWhatCannotBe() {
        refuse("needs a namespace", "device", "nvme", "--socket", path("x").toString());
        refuse(
                "queues=300",
                "device",
                "nvme",
                "--socket",
                path("x").toString(),
                "--size",
                "1M",
                "--queues",
                "300");
        refuse("take mapped or shadowed", "nvmeperf", "--doorbells", "rung");
        refuse("--seconds 0", "nvmeperf", "--seconds", "0");
        refuse("--owners nobody", "nvmeperf", "--owners", "nobody");
    }

    private void refuse(String complaint, String... words) {
        var ended = run(words);
        assertThat(ended.exitCode()).isEqualTo(2);
        assertThat(ended.complaint()).singleElement().asString().contains(complaint);
    }
}
