package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;

/**
 * DPDK's vhost back-end, a device that we did not write, which sends back what it gets. Needs
 * dpdk-testpmd; where the environment variable CI is set, its absence is a failure.
 */
final class TestpmdBackEnd implements AutoCloseable {
    private static final Path RUN_FOLDER = Path.of("/var/run/dpdk");
    private static final Pattern COUNTED =
            Pattern.compile(
                    "RX-packets: (\\d+) .*?TX-packets: (\\d+)\\s+TX-dropped: (\\d+) ",
                    Pattern.DOTALL);

    final Path socket;
    private final Path log;
    private final String prefix;
    private final Process peer;

    /** What it counted of what it forwarded. */
    record Counts(long received, long sent, long dropped) {}

    private TestpmdBackEnd(Path socket, Path log, String prefix, Process peer) {
        this.socket = socket;
        this.log = log;
        this.prefix = prefix;
        this.peer = peer;
    }

    /**
     * Starts it, and waits until it listens.
     *
     * @param iommu whether it asks for translations of its driver
     */
    static TestpmdBackEnd start(Path directory, boolean iommu) throws IOException {
        boolean there =
                Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                        .anyMatch(path -> Files.isExecutable(Path.of(path, "dpdk-testpmd")));
        if (System.getenv("CI") != null) {
            assertThat(there).as("dpdk-testpmd is installed").isTrue();
        }
        Assumptions.assumeTrue(there, "dpdk-testpmd is not installed: apt install dpdk");
        var socket = directory.resolve("v.sock");
        var log = directory.resolve("testpmd.log");
        var prefix = "outboard-back" + ProcessHandle.current().pid();
        var port = "net_vhost0,iface=" + socket + ",queues=1" + (iommu ? ",iommu-support=1" : "");
        var command =
                List.of(
                        // Line by line, or what it says is seen when it has ended.
                        "stdbuf",
                        "-oL",
                        "dpdk-testpmd",
                        "--no-huge",
                        "--no-shconf",
                        "--no-telemetry",
                        "-m",
                        "64",
                        "--no-pci",
                        "--lcores",
                        "0@(0,1),1@(0,1)",
                        "--main-lcore",
                        "0",
                        "--file-prefix",
                        prefix,
                        "--vdev",
                        port,
                        "--",
                        "-i",
                        "--disable-link-check",
                        "--total-num-mbufs=2048",
                        "--forward-mode=io");
        var peer =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        var started = new TestpmdBackEnd(socket, log, prefix, peer);
        started.await("binding succeeded");
        return started;
    }

    String said() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void await(String text) {
        Await.until(
                "testpmd to say " + text,
                () -> {
                    assertThat(peer.isAlive()).as(said()).isTrue();
                    return said().contains(text);
                });
    }

    void tell(String order) throws IOException {
        peer.outputWriter().write(order + "\n");
        peer.outputWriter().flush();
    }

    void forward() throws IOException {
        tell("start");
        await("packets/burst=");
    }

    /** Stops it; what it counted is final. */
    Counts stop() throws IOException {
        tell("stop");
        await("Accumulated forward statistics");
        var text = said();
        var found = COUNTED.matcher(text.substring(text.indexOf("Forward statistics for port 0")));
        assertThat(found.find()).as(text).isTrue();
        return new Counts(
                Long.parseLong(found.group(1)),
                Long.parseLong(found.group(2)),
                Long.parseLong(found.group(3)));
    }

    @Override
    public void close() throws Exception {
        peer.destroy();
        if (!peer.waitFor(5, TimeUnit.SECONDS)) {
            peer.destroyForcibly().waitFor();
        }
        // It leaves its folder behind.
        var left = RUN_FOLDER.resolve(prefix);
        if (Files.isDirectory(left)) {
            try (var files = Files.list(left)) {
                for (var file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(left);
        }
    }
}
