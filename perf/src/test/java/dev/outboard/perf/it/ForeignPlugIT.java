package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.control.ControlClient;
import dev.outboard.host.control.ControlFolder;
import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Memory that is plugged into a driver, and unplugged, while a device of another program works with
 * it: QEMU's disk, which has memory slots, and DPDK's port, which has none.
 */
class ForeignPlugIT extends ProcessTest {
    private static final long BYTES = 32 << 20;
    private static final int ROUNDS = 10;

    /** Of this run alone: the command finds drivers by the name of their device. */
    private final String name = "plug" + ProcessHandle.current().pid();

    private Path socket() {
        return path(name);
    }

    private String device() {
        return "vhost-user:" + socket();
    }

    /** By the same socket as the command, and without its start. */
    private Event change(Event order) {
        try (var client = new ControlClient()) {
            return client.change(ControlFolder.ofUser().find(name), order, LIMIT.toNanos());
        }
    }

    /** Plugs, and tells the address. */
    private String plug() {
        return change(Event.of("plug", "lengthBytes", BYTES, "pages", "base")).text("address");
    }

    /** Clients have a while to give back what they have of it. */
    private void unplug(String address) {
        change(
                Event.of(
                        "unplug",
                        "address",
                        address,
                        "lengthBytes",
                        BYTES,
                        "force",
                        false,
                        "waitMillis",
                        10_000L));
    }

    private void plugAndUnplug(OutboardProcess driver) {
        for (int round = 0; round < ROUNDS; round++) {
            unplug(plug());
            assertThat(driver.isAlive()).as(driver.errorOutput()).isTrue();
        }
    }

    private static Event result(OutboardProcess driver) {
        var result = driver.awaitEvent("result", LIMIT);
        assertThat(driver.awaitExit(LIMIT)).as(driver.errorOutput()).isZero();
        return result;
    }

    /** Writes and reads back every byte, with buffers in memory that comes and goes meanwhile. */
    @Test
    void shouldPlugMemoryIntoARunningDiskOfQemu() throws Exception {
        Peers.need("qemu-system-common", "qemu-storage-daemon");
        var image = path("disk.raw");
        try (var file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(48 << 20);
        }
        var daemon = StorageDaemon.start(this, image, socket());
        var driver =
                outboard(
                        "the driver",
                        "run",
                        "virtio-blk",
                        "--device",
                        device(),
                        "--client",
                        "disk-check",
                        "-o",
                        "millis=4000",
                        "--json");
        driver.awaitReady(LIMIT);
        plugAndUnplug(driver);
        var fields = result(driver).fields();
        assertThat(part(fields, "client")).containsEntry("verified", true);
        assertThat(part(fields, "left")).containsEntry("frames", 0L);
        assertThat(daemon.stop(LIMIT)).as(daemon.errorOutput()).isZero();
    }

    /**
     * Without an IOMMU, and with the port's IOTLB: not a frame is lost by a change of the table.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldPlugMemoryIntoARunningPortOfDpdk(boolean iommu) throws Exception {
        Peers.need("dpdk", "dpdk-testpmd");
        var port = "net_vhost0,iface=" + socket() + ",queues=1";
        try (var testpmd = Testpmd.start(port + (iommu ? ",iommu-support=1" : ""), "rxonly")) {
            testpmd.await("binding succeeded");
            testpmd.forward();
            var words =
                    List.of(
                            "run",
                            "virtio-net",
                            "--device",
                            device(),
                            "--client",
                            "net-generate",
                            "-o",
                            "size=256",
                            "-o",
                            "millis=5000",
                            "--json");
            var translated = List.of("--strategy", "strict", "--iommu", "device");
            var all = new ArrayList<>(words);
            all.addAll(iommu ? translated : List.of());
            var driver = outboard("the driver", all.toArray(String[]::new));
            driver.awaitReady(LIMIT);
            plugAndUnplug(driver);
            var fields = result(driver).fields();
            var client = part(fields, "client");
            long frames = number(client, "sentFrames") + number(client, "warmupFrames");
            assertThat(frames).isPositive();
            assertThat(number(client, "finishedFrames")).isEqualTo(frames);
            assertThat(testpmd.stop().received()).isEqualTo(frames);
            assertThat(number(fields, "faults")).isZero();
            assertThat(part(fields, "left")).containsEntry("frames", 0L);
        }
        Files.deleteIfExists(socket());
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> part(Map<String, Object> fields, String name) {
        return (Map<String, Object>) fields.get(name);
    }

    private static long number(Map<String, Object> fields, String name) {
        return ((Number) fields.get(name)).longValue();
    }
}
