package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * {@code dpdk-testpmd} with one port, in interactive mode: it is told when to start and to stop, so
 * that its counts are final when they are read. Without huge pages, so that no root is needed.
 */
final class Testpmd implements AutoCloseable {
    private static final Pattern FORWARDED =
            Pattern.compile(
                    "RX-packets: (\\d+) .*?TX-packets: (\\d+) ",
                    Pattern.DOTALL | Pattern.MULTILINE);
    private static final Path RUN_FOLDER = Path.of("/var/run/dpdk");
    private static final int PATIENCE_SECONDS = 30;

    private final String prefix;
    private final Process process;
    private final StringBuilder said = new StringBuilder();
    private final Thread reader;

    private Testpmd(String prefix, Process process) {
        this.prefix = prefix;
        this.process = process;
        reader = Thread.ofPlatform().daemon().name("testpmd").start(this::read);
    }

    /** What it counted between start and stop. */
    record Counts(long received, long sent) {}

    /** Starts it; forwarding has not begun. */
    static Testpmd start(String vdev, String mode, String... more) throws IOException {
        var prefix = "outboard-" + ProcessHandle.current().pid() + "-" + System.nanoTime();
        var command =
                new ArrayList<>(
                        List.of(
                                // Its output is a pipe, which it would fill before we see a line.
                                "stdbuf",
                                "-oL",
                                "dpdk-testpmd",
                                "--no-shconf",
                                "--no-huge",
                                "-m",
                                "64",
                                "--no-pci",
                                "--no-telemetry",
                                "--main-lcore",
                                "0",
                                "--lcores",
                                "0@(0,1),1@(0,1)",
                                "--file-prefix",
                                prefix,
                                "--vdev",
                                vdev,
                                "--",
                                "-i",
                                "--disable-link-check",
                                "--total-num-mbufs=4096",
                                "--mbuf-size=4096",
                                "--forward-mode=" + mode));
        command.addAll(List.of(more));
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        return new Testpmd(prefix, builder.start());
    }

    private void read() {
        try (var lines =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (var line = lines.readLine(); line != null; line = lines.readLine()) {
                synchronized (said) {
                    said.append(line).append('\n');
                    said.notifyAll();
                }
            }
        } catch (IOException e) {
            synchronized (said) {
                said.append("the stream broke: ").append(e.getMessage()).append('\n');
            }
        }
    }

    String said() {
        synchronized (said) {
            return said.toString();
        }
    }

    /** Waits until it has said this. */
    void await(String text) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        synchronized (said) {
            while (said.indexOf(text) < 0) {
                assertThat(process.isAlive()).as("testpmd ended:\n" + said).isTrue();
                assertThat(System.nanoTime() - deadline)
                        .as("testpmd never said '" + text + "':\n" + said)
                        .isNegative();
                said.wait(100);
            }
        }
    }

    void tell(String command) {
        try {
            process.getOutputStream().write((command + "\n").getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw new UncheckedIOException("testpmd has ended:\n" + said(), e);
        }
    }

    /** Begins to forward. */
    void forward() throws InterruptedException {
        tell("start");
        await("packet forwarding packets/burst");
    }

    /** Stops forwarding; what it counted is final. */
    Counts stop() throws InterruptedException {
        tell("stop");
        await("Accumulated forward statistics");
        var text = said();
        var counts =
                FORWARDED.matcher(text.substring(text.indexOf("Forward statistics for port 0")));
        assertThat(counts.find()).as(text).isTrue();
        return new Counts(Long.parseLong(counts.group(1)), Long.parseLong(counts.group(2)));
    }

    @Override
    public void close() throws IOException, InterruptedException {
        if (process.isAlive()) {
            tell("quit");
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        }
        reader.join(1000);
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
