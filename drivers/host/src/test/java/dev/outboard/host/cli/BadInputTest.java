package dev.outboard.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whole processes asked wrongly: one line, the right exit code, and nothing left behind. */
@Timeout(60)
class BadInputTest {
    private static final int FAILED = 1;
    private static final int USAGE = 2;

    @TempDir Path folder;
    private List<Path> before;

    @BeforeEach
    void look() throws IOException {
        Files.write(folder.resolve("odd.raw"), new byte[1000]);
        Files.write(folder.resolve("good.raw"), new byte[4096]);
        before = content();
    }

    @AfterEach
    void shouldHaveLeftNothingBehind() throws IOException {
        assertThat(content()).isEqualTo(before);
    }

    private List<Path> content() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    private String path(String name) {
        return folder.resolve(name).toString();
    }

    /** Runs a command that must fail, and returns its one line. */
    private static String failure(int code, String... words) {
        return failure(code, Map.of(), words).getFirst();
    }

    private static List<String> failure(
            int code, Map<String, String> environment, String... words) {
        try (var child = OutboardProcess.start("child", List.of(words), environment)) {
            int ended = child.awaitExit(Duration.ofSeconds(30));
            var lines = new ArrayList<>(child.errorOutput().lines().toList());
            assertThat(ended).as("%s", lines).isEqualTo(code);
            assertThat(child.output()).isEmpty();
            assertThat(child.events()).isEmpty();
            if (environment.isEmpty()) {
                assertThat(lines).hasSize(1);
            }
            assertThat(lines.getFirst()).startsWith("outboard: ");
            return lines;
        }
    }

    @Test
    void shouldNameTheOptionThatItDoesNotKnow() {
        assertThat(failure(USAGE, "run", "virtio-blk", "--device", "vhost-user:x", "--spin", "1"))
                .contains("--spin")
                .contains("outboard run --help");
    }

    @Test
    void shouldCountTheBytesOfASocketPath() {
        var longPath = path("x".repeat(120));
        assertThat(failure(USAGE, "run", "virtio-blk", "--device", "vhost-user:" + longPath))
                .contains("UNIX socket takes 107");
    }

    @Test
    void shouldRefuseAPortGivenTwice() {
        assertThat(
                        failure(
                                USAGE,
                                "device",
                                "nic",
                                "--port",
                                path("a.sock"),
                                "--port",
                                path("a.sock")))
                .contains("two ports")
                .contains("'a'");
    }

    @Test
    void shouldListTheBusesForAnUnknownScheme() {
        assertThat(failure(USAGE, "run", "virtio-blk", "--device", "usb:1-1.2"))
                .contains("'usb:1-1.2' is no device address")
                .contains("vhost-user:PATH", "vfio-user:PATH", "pci:");
    }

    @Test
    void shouldListTheDriversForAnUnknownOne() {
        assertThat(failure(USAGE, "run", "e1000", "--device", "vhost-user:" + path("a.sock")))
                .contains("there is no driver 'e1000'")
                .contains("virtio-blk (module dev.outboard.virtio.blk)")
                .contains("virtio-net (module dev.outboard.virtio.net)")
                .contains("--module-path");
    }

    @Test
    void shouldSayThatASocketIsMissing() {
        assertThat(
                        failure(
                                FAILED,
                                "run",
                                "virtio-blk",
                                "--device",
                                "vhost-user:" + path("no.sock")))
                .contains("no device at " + path("no.sock"))
                .contains("start the device first");
    }

    @Test
    void shouldSayWhatIsWrongWithADiskFile() {
        assertThat(
                        failure(
                                FAILED,
                                "device",
                                "disk",
                                "--socket",
                                path("d.sock"),
                                "--file",
                                path("none.raw")))
                .contains(path("none.raw"));
        assertThat(
                        failure(
                                FAILED,
                                "device",
                                "disk",
                                "--socket",
                                path("d.sock"),
                                "--file",
                                path("odd.raw")))
                .contains("1000")
                .contains("512");
    }

    @Test
    void shouldAddAStackTraceOnlyWhenAsked() {
        var lines =
                failure(
                        FAILED,
                        Map.of("OUTBOARD_DEBUG", "1"),
                        "run",
                        "virtio-blk",
                        "--device",
                        "vhost-user:" + path("no.sock"));
        assertThat(lines.getFirst()).contains("no device at");
        assertThat(lines).anyMatch(line -> line.strip().startsWith("at dev.outboard.host"));
    }
}
