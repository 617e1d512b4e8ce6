package dev.outboard.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command asked wrongly, in this process: what is refused before anything is opened. */
class UsageTest {
    private static final int USAGE = 2;

    @TempDir Path folder;

    private String path(String name) {
        return folder.resolve(name).toString();
    }

    /** Runs a command that must be refused, and returns its one line. */
    private static String failure(int code, String... words) {
        var err = new StringWriter();
        var command = Outboard.commandLine().setErr(new PrintWriter(err));
        assertThat(command.execute(words)).as(err.toString()).isEqualTo(code);
        assertThat(err.toString().lines()).hasSize(1);
        assertThat(err.toString()).startsWith("outboard: ");
        return err.toString();
    }

    @Test
    void shouldWantAWordThatItKnows() {
        assertThat(failure(USAGE, "frobnicate")).contains("frobnicate");
        assertThat(failure(USAGE)).contains("which command?").contains("outboard --help");
        assertThat(failure(USAGE, "device")).contains("nic or disk");
        assertThat(failure(USAGE, "run", "virtio-blk")).contains("--device");
    }

    @Test
    void shouldWantAnIommuExactlyWhereTheStrategyNeedsOne() {
        var device = "vhost-user:" + path("a.sock");
        assertThat(failure(USAGE, "run", "virtio-blk", "--device", device, "--strategy", "strict"))
                .contains("needs --iommu unix:PATH");
        assertThat(
                        failure(
                                USAGE,
                                "run",
                                "virtio-blk",
                                "--device",
                                device,
                                "--iommu",
                                "unix:" + path("i.sock")))
                .contains("no use with --strategy off");
        assertThat(failure(USAGE, "run", "virtio-blk", "--device", device, "--strategy", "lax"))
                .contains("lax");
    }

    @Test
    void shouldSayWhichValueIsNone() {
        var device = "vhost-user:" + path("a.sock");
        assertThat(failure(USAGE, "run", "virtio-blk", "--device", device, "--memory", "64X"))
                .contains("'64X' is no size");
        assertThat(failure(USAGE, "run", "virtio-blk", "--device", device, "--queue-size", "100"))
                .contains("--queue-size 100 is not a power of two");
        assertThat(failure(USAGE, "run", "virtio-blk", "--device", device, "--client", "none"))
                .contains("there is no client 'none'");
        assertThat(
                        failure(
                                USAGE,
                                "run",
                                "virtio-blk",
                                "--device",
                                device,
                                "--module-path",
                                path("modules")))
                .contains("there is no such folder");
    }

    @Test
    void shouldCountTheBytesOfAPortsPath() {
        var longPath = path("x".repeat(120));
        assertThat(failure(USAGE, "device", "disk", "--socket", longPath, "--file", path("d")))
                .contains("UNIX socket takes 107");
        assertThat(failure(USAGE, "device", "nic", "--port", longPath, "--port", path("b.sock")))
                .contains("UNIX socket takes 107");
    }

    @Test
    void shouldSayWhatIsWrongWithAPort() {
        assertThat(failure(USAGE, "device", "nic", "--port", path("a.sock"))).contains("2 to 64");
        assertThat(
                        failure(
                                USAGE,
                                "device",
                                "nic",
                                "--port",
                                path("a.sock"),
                                "--port",
                                path("b.sock") + ",speed=10"))
                .contains("speed");
        assertThat(
                        failure(
                                USAGE,
                                "device",
                                "nic",
                                "--port",
                                path("a.sock"),
                                "--port",
                                path("b.sock") + ",name=a"))
                .contains("two ports are called 'a'");
        assertThat(
                        failure(
                                USAGE,
                                "device",
                                "disk",
                                "--socket",
                                path("a.sock"),
                                "--file",
                                path("d"),
                                "--queues",
                                "0"))
                .contains("1 to 64 queues");
        assertThat(
                        failure(
                                USAGE,
                                "device",
                                "disk",
                                "--socket",
                                path("a.sock"),
                                "--file",
                                path("d"),
                                "--iommu",
                                path("i")))
                .contains("write unix:PATH");
    }

    @Test
    void shouldExplainEveryWord() {
        for (var word : Outboard.commandLine().getSubcommands().keySet()) {
            var out = new StringWriter();
            var command = Outboard.commandLine().setOut(new PrintWriter(out));
            assertThat(command.execute(word, "--help")).isZero();
            assertThat(out.toString()).startsWith("Usage: outboard " + word);
            assertThat(out.toString().lines().count()).isGreaterThan(5);
        }
    }

    @Test
    void shouldListTheDriversInTheHelpOfRun() {
        var out = new StringWriter();
        var command = Outboard.commandLine().setOut(new PrintWriter(out));
        command.execute("run", "--help");

        assertThat(out.toString())
                .containsSubsequence(
                        "Drivers:",
                        "virtio-blk",
                        "module dev.outboard.virtio.blk",
                        "virtio-net",
                        "Clients:");
    }
}
