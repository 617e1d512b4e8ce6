package dev.outboard.host.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whole processes: a driver and its device, each stopped and each killed. */
@Timeout(90)
class DriverProcessTest {
    private static final Duration LONG = Duration.ofSeconds(20);
    private static final int BLOCKS = 1 << 20;

    @TempDir Path folder;
    private final List<OutboardProcess> children = new ArrayList<>();

    @BeforeEach
    void makeDisk() throws IOException {
        Files.write(folder.resolve("disk.raw"), new byte[BLOCKS]);
    }

    @AfterEach
    void endChildren() {
        children.forEach(OutboardProcess::close);
    }

    private OutboardProcess start(String name, String... words) {
        var child = OutboardProcess.start(name, List.of(words));
        children.add(child);
        return child;
    }

    private OutboardProcess disk(boolean translated) {
        var port = folder.resolve("d0.sock") + (translated ? ",iommu=" + iommu() : "");
        var child =
                start(
                        "disk",
                        "device",
                        "disk",
                        "--port",
                        port,
                        "--file",
                        folder.resolve("disk.raw").toString(),
                        "--json");
        child.awaitReady(LONG);
        return child;
    }

    private Path iommu() {
        return folder.resolve("d0.iommu");
    }

    private OutboardProcess driver(boolean translated, String... more) {
        var words = new ArrayList<>(List.of("run", "virtio-blk"));
        words.addAll(List.of("--device", "vhost-user:" + folder.resolve("d0.sock"), "--json"));
        if (translated) {
            words.addAll(List.of("--strategy", "strict", "--iommu", "unix:" + iommu()));
        }
        words.addAll(List.of(more));
        return start("driver", words.toArray(String[]::new));
    }

    private List<String> sockets() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.equals("disk.raw"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void shouldEndWellWhenToldTo() throws IOException {
        var disk = disk(true);
        var driver = driver(true);
        var ready = driver.awaitReady(LONG);
        assertThat(ready.text("device")).isEqualTo("d0");
        assertThat(ready.number("pid")).isEqualTo(driver.pid());
        assertThat(sockets()).containsExactly("d0.iommu", "d0.sock");
        assertThat(Files.readString(Path.of("/proc/" + driver.pid() + "/comm")))
                .isEqualTo("ob-d0\n");
        assertThat(Files.readAllLines(Path.of("/proc/" + driver.pid() + "/status")))
                .as("no way back to more rights")
                .anyMatch(line -> line.startsWith("NoNewPrivs:"));

        assertThat(driver.stop(LONG)).as(driver::errorOutput).isZero();

        var result = driver.awaitEvent(Event.RESULT, LONG);
        assertThat(result.text("strategy")).isEqualTo("strict");
        assertThat(result.text("owner")).isEqualTo("driver");
        assertThat(result.number("faults")).isZero();
        assertThat(result.flag("lost")).isFalse();
        assertThat(result.fields().get("dma"))
                .asInstanceOf(InstanceOfAssertFactories.map(String.class, Object.class))
                .containsKeys("maps", "unmaps", "flushes", "windowEntries", "windowNanos")
                .containsEntry("liveMappings", 0L);
        assertThat(driver.errorOutput()).isEmpty();
        assertThat(sockets()).containsExactly("d0.sock");

        assertThat(disk.stop(LONG)).as(disk::errorOutput).isZero();
        assertThat(disk.awaitEvent(Event.RESULT, LONG).number("disconnections")).isEqualTo(1);
        assertThat(disk.errorOutput()).isEmpty();
        assertThat(sockets()).isEmpty();
    }

    @Test
    void shouldSayOnceThatItsDeviceWasKilled() throws IOException {
        var disk = disk(true);
        var driver = driver(true);
        driver.awaitReady(LONG);

        disk.kill();

        assertThat(driver.awaitEvent(Event.LOST, LONG).text("device")).isEqualTo("d0");
        assertThat(driver.awaitExit(LONG)).isEqualTo(1);
        assertThat(driver.errorOutput().lines())
                .containsExactly(
                        "outboard: device d0 went away: its process died or closed the connection");
        assertThat(driver.awaitEvent(Event.RESULT, LONG).flag("lost")).isTrue();
        assertThat(sockets()).as("the killed device's own").containsExactly("d0.sock");
    }

    @Test
    void shouldNoticeADeathWithinATenthOfASecondAndGoOnWhenTheDeviceReturns() {
        var disk = disk(true);
        var driver = driver(true, "--reconnect", "20");
        var fastest = Long.MAX_VALUE;
        for (int round = 0; round < 3; round++) {
            driver.awaitReady(LONG);
            long killed = System.nanoTime();
            disk.kill();
            driver.awaitEvent(Event.LOST, LONG);
            fastest = Math.min(fastest, System.nanoTime() - killed);
            disk = disk(true);
        }
        driver.awaitReady(LONG);
        assertThat(TimeUnit.NANOSECONDS.toMillis(fastest)).isLessThan(100);

        assertThat(driver.stop(LONG)).as(driver::errorOutput).isZero();
        assertThat(driver.errorOutput()).isEmpty();
    }

    @Test
    void shouldHoldTheSameDescriptorsAfterEveryReconnection() throws IOException {
        var disk = disk(true);
        var driver = driver(true, "--reconnect", "20");
        driver.awaitReady(LONG);
        long before = descriptors(driver);
        disk.kill();
        disk(true);
        driver.awaitReady(LONG);

        assertThat(descriptors(driver)).isEqualTo(before);
    }

    private static long descriptors(OutboardProcess child) throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/" + child.pid() + "/fd"))) {
            return open.count();
        }
    }

    @Test
    void shouldGiveUpOnADeviceThatDoesNotReturn() {
        var disk = disk(false);
        var driver = driver(false, "--reconnect", "1");
        driver.awaitReady(LONG);

        disk.kill();

        assertThat(driver.awaitExit(LONG)).isEqualTo(1);
        assertThat(driver.errorOutput().lines()).hasSize(1);
        assertThat(driver.errorOutput()).contains("did not return in 1 s");
    }

    @Test
    void shouldLeaveTheDeviceToTheNextDriverWhenKilled() throws IOException {
        var disk = disk(true);
        var first = driver(true);
        first.awaitReady(LONG);
        long before = descriptors(disk);

        first.kill();
        first.awaitExit(LONG);
        var second = driver(true);

        second.awaitReady(LONG);
        assertThat(descriptors(disk)).as("what the first held is released").isEqualTo(before);
        assertThat(second.stop(LONG)).as(second::errorOutput).isZero();
        assertThat(disk.stop(LONG)).as(disk::errorOutput).isZero();
        assertThat(disk.awaitEvent(Event.RESULT, LONG).number("disconnections")).isEqualTo(2);
        assertThat(sockets()).isEmpty();
    }

    @Test
    void shouldRefuseADeviceWithoutIommuUnderAStrategyThatNeedsOne() {
        disk(false);
        var driver = driver(true);

        assertThat(driver.awaitExit(LONG)).isEqualTo(1);
        assertThat(driver.errorOutput().lines()).hasSize(1);
        assertThat(driver.errorOutput()).contains("has no IOMMU").contains("--strategy off");
    }

    @Test
    void shouldTellASecondDriverThatTheDeviceIsTaken() {
        var disk = disk(false);
        var first = driver(false);
        first.awaitReady(LONG);
        var second = driver(false);

        assertThat(second.awaitExit(LONG)).isEqualTo(1);
        assertThat(second.errorOutput().lines()).hasSize(1);
        assertThat(second.errorOutput()).contains("serves another");
        assertThat(first.isAlive()).isTrue();
        assertThat(disk.isAlive()).isTrue();
    }
}
