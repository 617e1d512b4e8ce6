package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A disk over a file, and a driver on it, as processes of a test. */
final class DiskProcesses {
    private static final long DISK_BYTES = 8 << 20;

    private final ProcessTest test;
    private final String strategy;
    private final Path file;

    DiskProcesses(ProcessTest test, String strategy) throws IOException {
        this.test = test;
        this.strategy = strategy;
        file = KilledDeviceIT.makeDisk(test, DISK_BYTES);
    }

    OutboardProcess startDevice() {
        var socket = test.path("disk0.sock").toString();
        var port = strategy.equals("off") ? socket : socket + ",iommu=" + test.path("disk0.iommu");
        var device =
                test.outboard(
                        "the disk",
                        "device",
                        "disk",
                        "--port",
                        port,
                        "--file",
                        file.toString(),
                        "--json");
        device.awaitReady(ProcessTest.LIMIT);
        return device;
    }

    OutboardProcess startCheck(String millis) {
        var words =
                new ArrayList<>(
                        List.of(
                                "run",
                                "virtio-blk",
                                "--device",
                                "vhost-user:" + test.path("disk0.sock"),
                                "--strategy",
                                strategy,
                                "--json"));
        if (!strategy.equals("off")) {
            words.addAll(List.of("--iommu", "unix:" + test.path("disk0.iommu")));
        }
        words.addAll(
                List.of(
                        "--client",
                        "disk-check",
                        "-o",
                        "warmupMillis=0",
                        "-o",
                        "bytes=4194304",
                        "-o",
                        "millis=" + millis));
        var driver = test.outboard("the block driver", words.toArray(String[]::new));
        driver.awaitReady(ProcessTest.LIMIT);
        return driver;
    }

    /** A short check, to the end. */
    void shouldCheck() {
        var driver = startCheck("50");
        var result = driver.awaitEvent("result", ProcessTest.LIMIT);
        assertThat(driver.awaitExit(ProcessTest.LIMIT)).as(driver.errorOutput()).isZero();
        assertThat(result.fields().get("client"))
                .isInstanceOfSatisfying(
                        Map.class, client -> assertThat(client.get("verified")).isEqualTo(true));
    }
}
