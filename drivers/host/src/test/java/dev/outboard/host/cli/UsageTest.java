package dev.outboard.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
        assertThat(failure(USAGE, "device")).contains("nic, disk, edu or nvme");
        assertThat(failure(USAGE, "run", "virtio-blk")).contains("--device");
    }

    @Test
    void shouldSayWhereItIsLookedAtAndWhereNot() {
        assertThat(runFailure("--no-control", "--metrics", "9100"))
                .contains("--no-control and --metrics contradict each other");
        assertThat(runFailure("--no-control", "--control", "unix:x"))
                .contains("--no-control and --control contradict");
        assertThat(runFailure("--control", "x")).contains("--control x: write unix:PATH");
        assertThat(runFailure("--control", "unix:/" + "x".repeat(120))).contains("107 bytes");
        for (var wrong : List.of("", "x", "-1", "65536", "127.0.0.1:", "127.0.0.1:http")) {
            assertThat(runFailure("--metrics", wrong)).contains("write PORT or HOST:PORT");
        }
    }

    @Test
    void shouldAskForMemoryAndTopRightly() {
        assertThat(failure(USAGE, "memory")).contains("list, plug or unplug");
        assertThat(failure(USAGE, "memory", "plug", "nic0", "much")).contains("'much' is no size");
        assertThat(failure(USAGE, "memory", "unplug", "nic0", "0x1+x")).contains("'x' is no size");
        assertThat(failure(USAGE, "memory", "unplug", "nic0", "0x1", "--wait", "61"))
                .contains("--wait 61.0 is not 0 to 60 seconds");
        assertThat(failure(USAGE, "memory", "list", "unix:")).contains("write unix:PATH");
        assertThat(failure(1, "memory", "list", "nobody-is-called-so"))
                .contains("nothing called 'nobody-is-called-so' runs here");
        assertThat(failure(1, "memory", "list", "unix:" + path("none")))
                .contains("nobody answers at unix:" + path("none"));
        assertThat(failure(USAGE, "top", "--interval", "0")).contains("--interval 0.0 is not");
    }

    /** Runs a driver with these options, which must be refused, and returns the one line. */
    private String runFailure(String... options) {
        var words = new ArrayList<>(List.of("run", "virtio-blk"));
        words.addAll(List.of("--device", "vhost-user:" + path("a.sock")));
        words.addAll(List.of(options));
        return failure(USAGE, words.toArray(String[]::new));
    }

    @Test
    void shouldTakeAsManyQueuesAsCanMapAtOnce() {
        assertThat(runFailure("--poll", "--spin-us", "3")).contains("leave out --spin-us");
        assertThat(runFailure("--ring", "round"))
                .contains("--ring round is none of auto, split and packed");
        assertThat(runFailure("--queues", "0")).contains("--queues 0 is not 1 to 128");
        assertThat(runFailure("--queues", "8", "--strategy", "strict", "--iommu", "device"))
                .contains("--queues 8 is not 1 to 7, which is as many as map memory at once");
    }

    @Test
    void shouldWantAnIommuExactlyWhereTheStrategyNeedsOne() {
        assertThat(runFailure("--strategy", "strict"))
                .contains("--strategy strict needs --iommu unix:PATH")
                .contains("--iommu device")
                .contains("--mediator unix:PATH");
        assertThat(runFailure("--strategy", "never-free")).contains("--strategy never-free needs");
        assertThat(runFailure("--strategy", "strict", "--iommu", "device", "--no-iommu"))
                .contains("--no-iommu is for --strategy off");
        assertThat(runFailure("--iommu", "unix:" + path("i.sock")))
                .contains("--iommu has no use with --strategy off");
        assertThat(runFailure("--mediator", "unix:" + path("m.sock")))
                .contains("--mediator has no use with --strategy off");
        assertThat(runFailure("--format", "dart"))
                .contains("--format has no use with --strategy off");
        assertThat(runFailure("--iotlb", "64x4:lru")).contains("--iotlb has no use");
        assertThat(runFailure("--table-entries", "8192")).contains("--table-entries has no use");
    }

    @Test
    void shouldListTheStrategiesAndFormatsForAnUnknownOne() {
        assertThat(runFailure("--strategy", "lax"))
                .contains("'lax' is no strategy")
                .contains("off, strict, deferred, batched, cached, preallocated, never-free,")
                .contains("granted, copied");
        assertThat(runFailure("--allocator", "magazines")).contains("--allocator has no use");
        assertThat(runFailure("--strategy", "strict", "--iommu", "device", "--allocator", "first"))
                .contains("'first' is no allocator: take one of next-fit, magazines");
        assertThat(runFailure("--strategy", "never_free")).contains("is no strategy");
        assertThat(
                        runFailure(
                                "--strategy",
                                "strict",
                                "--iommu",
                                "unix:" + path("i.sock"),
                                "--format",
                                "sparc"))
                .contains("'sparc'")
                .contains("calgary, dart");
    }

    @Test
    void shouldTakeOneOwnerOfTheIommu() {
        var strict = new String[] {"--strategy", "strict", "--iommu", "device", "--mediator", ""};
        strict[5] = "unix:" + path("m.sock");
        assertThat(runFailure(strict))
                .contains("--mediator and --iommu are two owners")
                .contains("leave --iommu out");
        assertThat(runFailure("--strategy", "strict", "--iommu", path("i.sock")))
                .contains("write unix:PATH or device");
        assertThat(runFailure("--strategy", "strict", "--iommu", "unix:"))
                .contains("write unix:PATH or device");
        assertThat(runFailure("--strategy", "strict", "--mediator", path("m.sock")))
                .contains("write unix:PATH");
        assertThat(runFailure("--strategy", "strict", "--iommu", "device", "--iotlb", "64x4:lru"))
                .contains("--iotlb has no use with --iommu device");
    }

    @Test
    void shouldRefuseBoundsThatTheStrategyDoesNotHave() {
        assertThat(runFailure("--flush-entries", "8"))
                .contains("--flush-entries has no use with --strategy off")
                .contains("take --strategy deferred");
        assertThat(runFailure("--strategy", "strict", "--flush-ms", "10", "--iommu", "device"))
                .contains("--flush-ms has no use with --strategy strict");
        assertThat(runFailure("--strategy", "deferred", "--cache-entries", "10"))
                .contains("--cache-entries has no use with --strategy deferred")
                .contains("take --strategy cached");
        assertThat(runFailure("--strategy", "deferred", "--flush-entries", "0"))
                .contains("--flush-entries 0 is less than 1");
        assertThat(runFailure("--strategy", "deferred", "--flush-ms", "-1"))
                .contains("--flush-ms -1 is less than 1");
        assertThat(runFailure("--strategy", "cached", "--cache-entries", "many"))
                .contains("--cache-entries");
    }

    @Test
    void shouldRefuseMemoryThatTheFormatCannotAddress() {
        assertThat(
                        runFailure(
                                "--strategy",
                                "strict",
                                "--iommu",
                                "device",
                                "--format",
                                "dart",
                                "--memory",
                                "61G"))
                .contains("format dart can address")
                .contains("at most 61440M");
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

    @Test
    void shouldSayWhatIsWrongWithTheOptionsOfAMediator() {
        var listen = "unix:" + path("m.sock");
        var iommu = "unix:" + path("i.sock");
        assertThat(failure(USAGE, "mediator", "--iommu", iommu)).contains("--listen");
        assertThat(mediatorFailure(path("m.sock"), iommu))
                .contains("--listen")
                .contains("unix:PATH");
        assertThat(mediatorFailure(listen, listen)).contains("cannot come to one socket");
        assertThat(mediatorFailure(listen, iommu, "--memory", "64X")).contains("'64X' is no size");
        assertThat(mediatorFailure(listen, iommu, "--memory", "61G")).contains("memoryBytes=");
        assertThat(mediatorFailure(listen, iommu, "--quota", "frames=1"))
                .contains("write CLIENT:RESOURCE=BARRIER:LIMIT");
        assertThat(mediatorFailure(listen, iommu, "--quota", "a:pages=1"))
                .contains("no resource is called 'pages': take one of frames, entries, mappings");
        assertThat(mediatorFailure(listen, iommu, "--quota", "a:frames=9:8"))
                .contains("barrier=9 limit=8: 0 <= barrier <= limit is needed");
        assertThat(mediatorFailure(listen, iommu, "--quota", "a:frames=many"))
                .contains("'many' is no number");
        assertThat(mediatorFailure(listen, iommu, "--quota", "../a:frames=1"))
                .contains("'../a' is no client name");
        assertThat(mediatorFailure(listen, iommu, "--quota", "a:frames=1", "--quota", "a:frames=2"))
                .contains("--quota a is there twice");
        assertThat(mediatorFailure(listen, iommu, "--spin-us", "-1")).contains("less than 0");
    }

    private String mediatorFailure(String listen, String iommu, String... more) {
        var words = new ArrayList<>(List.of("mediator", "--listen", listen, "--iommu", iommu));
        words.addAll(List.of(more));
        return failure(USAGE, words.toArray(String[]::new));
    }
}
