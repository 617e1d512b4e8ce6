package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The switch with a driver that we did not write: DPDK's virtio-user. Needs dpdk-testpmd and 128
 * free huge pages of 2 MiB; where the environment variable CI is set, their absence is a failure.
 */
class TestpmdTest {
    private static final MacAddress OURS = MacAddress.parse("02:00:00:00:00:0b");
    private static final MacAddress THEIRS = MacAddress.parse("02:00:00:00:00:0a");

    @TempDir Path directory;

    @BeforeEach
    void requirePeer() {
        boolean there =
                Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                        .anyMatch(path -> Files.isExecutable(Path.of(path, "dpdk-testpmd")));
        if (System.getenv("CI") != null) {
            assertThat(there).as("dpdk-testpmd is installed").isTrue();
        }
        Assumptions.assumeTrue(there, "dpdk-testpmd is not installed: apt install dpdk");
    }

    private static Process testpmd(Path socket, Path log, String ring) throws IOException {
        var command =
                List.of(
                        // Line by line, or what it says is seen when it has ended.
                        "stdbuf",
                        "-oL",
                        "dpdk-testpmd",
                        "--no-huge",
                        "--no-shconf",
                        "-m",
                        "256",
                        "--no-pci",
                        "--lcores",
                        "0@(0,1),1@(0,1)",
                        "--main-lcore",
                        "0",
                        "--file-prefix",
                        "outboard" + ProcessHandle.current().pid(),
                        "--vdev",
                        "net_virtio_user0,path=" + socket + ",server=0,queues=1," + ring,
                        "--",
                        "-i",
                        "--auto-start",
                        "--total-num-mbufs=2048",
                        "--forward-mode=macswap");
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "packed_vq=0,in_order=0",
                "packed_vq=0,in_order=1",
                "packed_vq=1,in_order=0",
                "packed_vq=1,in_order=1"
            })
    void shouldCarryFramesToAndFromVirtioUser(String ring) throws Exception {
        var a = directory.resolve("a.sock");
        var b = directory.resolve("b.sock");
        var log = directory.resolve("testpmd.log");
        try (var model = new NicModel(NicOptions.of(NicPortOptions.at(a), NicPortOptions.at(b)))) {
            model.start();
            try (var driver = NicDriver.start(b, null).supply(64)) {
                var peer = testpmd(a, log, ring);
                try {
                    exchange(driver, peer, log);
                    // Its rings stop, and start anew where they are told to.
                    tell(peer, "stop", "port stop 0", "port start 0", "start");
                    Await.until("its second start", () -> starts(log) == 2);
                    exchange(driver, peer, log);
                    tell(peer, "quit");
                    assertThat(peer.waitFor(20, TimeUnit.SECONDS)).isTrue();
                } finally {
                    peer.destroyForcibly();
                }
                Await.until(
                        "its end", () -> model.statistics().ports().get(0).disconnections() > 0);
                var port = model.statistics().ports().get(0);
                assertThat(port.lastReason()).contains("closed the connection");
                assertThat(port.faults() + port.droppedMalformed()).isZero();
            }
        }
    }

    /** How often testpmd has begun to forward. */
    private static int starts(Path log) {
        try {
            return Files.readString(log).split("packet forwarding - ports", -1).length - 1;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void tell(Process peer, String... orders) throws IOException {
        for (var order : orders) {
            peer.outputWriter().write(order + "\n");
        }
        peer.outputWriter().flush();
    }

    /** Sends one frame after the other and wants each back, its addresses swapped. */
    private static void exchange(NicDriver driver, Process peer, Path log) {
        Await.until(
                "testpmd to forward",
                () -> {
                    assertThat(peer.isAlive()).as("testpmd, see %s", log).isTrue();
                    driver.send(NicDriver.frame(THEIRS, OURS, 60, 0), false);
                    return driver.poll() != null;
                });
        drain(driver);
        long seed = 4711;
        var random = new Random(seed);
        for (int i = 1; i <= 3000; i++) {
            int length = 60 + random.nextInt(1455);
            driver.send(NicDriver.frame(THEIRS, OURS, length, i), i % 2 == 0);
            assertThat(driver.next())
                    .as("seed %d frame %d", seed, i)
                    .isEqualTo(NicDriver.frame(OURS, THEIRS, length, i));
        }
    }

    /** Until nothing has come for a while: the frames with which testpmd was waited for. */
    private static void drain(NicDriver driver) {
        long quiet = System.nanoTime();
        while (System.nanoTime() - quiet < TimeUnit.MILLISECONDS.toNanos(200)) {
            if (driver.poll() != null) {
                quiet = System.nanoTime();
            }
        }
    }
}
