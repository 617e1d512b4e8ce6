package dev.outboard.host.mediator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.QuotaExceededException;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.mediator.MediatorClient;
import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import dev.outboard.uio.PeerGoneException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.assertj.core.api.MapAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code outboard mediator} as a process: what it says, what it refuses, what it leaves. */
@Timeout(90)
class MediatorProcessTest {
    private static final Duration LONG = Duration.ofSeconds(20);
    private static final long CONNECT_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final DmaDirection TO = DmaDirection.TO_DEVICE;

    @TempDir Path folder;
    private final List<OutboardProcess> children = new ArrayList<>();

    @AfterEach
    void endChildren() {
        children.forEach(OutboardProcess::close);
    }

    private OutboardProcess start(String... words) {
        var all = new ArrayList<>(List.of("mediator"));
        all.addAll(List.of(words));
        var child = OutboardProcess.start("the mediator", all);
        children.add(child);
        return child;
    }

    private OutboardProcess mediator(String... more) {
        var words = new ArrayList<>(List.of("--listen", "unix:" + listen()));
        words.addAll(List.of("--iommu", "unix:" + iommu()));
        words.addAll(List.of(more));
        return start(words.toArray(String[]::new));
    }

    private Path listen() {
        return folder.resolve("m.sock");
    }

    private Path iommu() {
        return folder.resolve("i.sock");
    }

    private MediatorClient client(String name) {
        return MediatorClient.connect(listen(), name, CONNECT_NANOS);
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void shouldSayWhereItListensAndEndWellWhenToldTo() throws IOException {
        var mediator = mediator("--json", "--memory", "32M");
        var ready = mediator.awaitReady(LONG);
        assertThat(ready.text("mediator")).isEqualTo("unix:" + listen());
        assertThat(ready.text("iommu")).isEqualTo("unix:" + iommu());
        assertThat(ready.number("pid")).isEqualTo(mediator.pid());
        assertThat(ready.number("memoryBytes")).isEqualTo(32 << 20);
        assertThat(Files.readString(Path.of("/proc/" + mediator.pid() + "/comm")))
                .isEqualTo("ob-mediator\n");
        assertThat(files()).containsExactly("i.sock", "m.sock");

        assertThat(mediator.stop(LONG)).as(mediator::errorOutput).isZero();

        var result = mediator.awaitEvent(Event.RESULT, LONG);
        assertThat(result.text("owner")).isEqualTo("mediator");
        assertThat(result.fields().get("clients")).isEqualTo(List.of());
        assertThat(mediator.errorOutput()).isEmpty();
        assertThat(files()).isEmpty();
    }

    @Test
    void shouldTellMachinesWhoCameAndWhatTheyUsed() {
        var mediator = mediator("--json", "--quota", "net:frames=512:1024,mappings=4");
        mediator.awaitReady(LONG);
        try (var gone = client("disk");
                var memory = gone.memory(1 << 20)) {
            assertThat(memory.lengthBytes()).isEqualTo(1 << 20);
        }
        var lost = mediator.awaitEvent(Event.LOST, LONG);
        assertThat(lost.text("name")).isEqualTo("disk");
        assertThat(lost.number("pid")).isEqualTo(ProcessHandle.current().pid());
        assertThat(lost.fields().get("why")).isNull();
        quota(lost.fields(), "frames")
                .containsEntry("usage", 0L)
                .containsEntry("maximum", 256L)
                .containsEntry("barrier", null);

        var client = client("net");
        var memory = client.memory(1 << 20);
        var domain = client.claim("nic0", memory, DomainOptions.DEFAULT);
        var dma = domain.dma(Strategy.STRICT);
        useUp(dma, memory.segments().getFirst().physicalAddress());
        assertThatThrownBy(() -> client.memory(2 << 20)).isInstanceOf(QuotaExceededException.class);

        assertThat(mediator.stop(LONG)).as(mediator::errorOutput).isZero();

        var result = mediator.awaitEvent(Event.RESULT, LONG);
        var clients = (List<?>) result.fields().get("clients");
        assertThat(clients).hasSize(1);
        var net = (Map<?, ?>) clients.getFirst();
        assertThat(net.get("name")).isEqualTo("net");
        assertThat(net.get("devices")).isEqualTo(List.of("nic0"));
        assertThat(net.get("refusedMessages")).isEqualTo(1L);
        assertThat(net.get("refusals")).isEqualTo(Map.of("mappings-quota", 1L));
        quota(net, "frames")
                .containsEntry("usage", 256L)
                .containsEntry("barrier", 512L)
                .containsEntry("limit", 1024L)
                .containsEntry("failures", 1L);
        quota(net, "mappings")
                .containsEntry("usage", 4L)
                .containsEntry("maximum", 4L)
                .containsEntry("failures", 1L);
        // Whoever still had a connection is told, whatever it does next.
        assertThatThrownBy(() -> dma.map(memory.segments().getFirst().physicalAddress(), 8, TO))
                .isInstanceOf(PeerGoneException.class);
        client.close();
    }

    private static void useUp(Dma dma, long physical) {
        for (int mapping = 0; mapping < 4; mapping++) {
            assertThat(dma.map(physical, 8, TO)).isPositive();
        }
        assertThatThrownBy(() -> dma.map(physical, 8, TO))
                .isInstanceOf(QuotaExceededException.class)
                .hasMessageContaining("quota mappings of client=net");
    }

    private static MapAssert<String, Object> quota(Map<?, ?> fields, String resource) {
        return assertThat(fields.get(resource))
                .asInstanceOf(InstanceOfAssertFactories.map(String.class, Object.class));
    }

    @Test
    void shouldTellPeopleTheSameInWords() {
        var mediator = mediator("--quota", "*:entries=100,mappings=5:6");
        awaitFile(listen());
        try (var client = client("net");
                PhysicalMemory memory = client.memory(4096)) {
            assertThat(memory.lengthBytes()).isEqualTo(4096);
            assertThat(mediator.stop(LONG)).as(mediator::errorOutput).isZero();
        }
        assertThat(mediator.output().lines())
                .first()
                .asString()
                .startsWith("mediator at unix:" + listen() + ", devices at unix:" + iommu())
                .endsWith("quotas of *");
        assertThat(mediator.output())
                .contains("client net (process ")
                .contains("frames 1 (most 1, no quota, 0 refused)")
                .contains("mappings 0 (most 0, quota 5:6, 0 refused)")
                .contains("entries 0 (most 0, quota 100, 0 refused)");
        assertThat(mediator.errorOutput()).isEmpty();
    }

    private static void awaitFile(Path file) {
        long deadline = System.nanoTime() + LONG.toNanos();
        while (!Files.exists(file)) {
            assertThat(System.nanoTime()).as("%s", file).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--memory nothing | nothing",
                "--memory 0 | 0",
                "--quota net | CLIENT:RESOURCE=BARRIER:LIMIT",
                "--quota net:bytes=1 | bytes",
                "--quota net:frames=2:1 | 2",
                "--quota net:frames=many | many",
                "--quota net:frames=-1 | -1",
                "--quota net:frames=1 --quota net:entries=2 | is there twice",
                "--spin-us -1 | --spin-us -1 is less than 0",
                "--nonsense | --nonsense",
            })
    void shouldRefuseWhatIsAskedWrongly(String words, String complaint) throws IOException {
        refused(2, complaint, mediator(words.split(" ")));
        assertThat(files()).isEmpty();
    }

    @Test
    void shouldRefusePathsThatAreNone() throws IOException {
        refused(2, "--iommu", start("--listen", "unix:" + listen()));
        refused(2, "unix:PATH", start("--listen", listen().toString(), "--iommu", "unix:x"));
        refused(2, "unix:PATH", start("--listen", "unix:", "--iommu", "unix:" + iommu()));
        var deep = "unix:" + folder.resolve("missing").resolve("m.sock");
        refused(
                1,
                "its directory does not exist",
                start("--listen", deep, "--iommu", "unix:" + iommu()));
        assertThat(files()).isEmpty();
    }

    private static void refused(int exitCode, String complaint, OutboardProcess mediator) {
        assertThat(mediator.awaitExit(LONG)).isEqualTo(exitCode);
        assertThat(mediator.errorOutput().lines())
                .singleElement()
                .asString()
                .startsWith("outboard: ")
                .contains(complaint);
    }

    @Test
    void shouldNotDisturbWhoListensThereAlready() throws IOException {
        var first = mediator("--json");
        first.awaitReady(LONG);
        refused(1, "another process listens there", mediator());
        // One path is free: what was made there is taken away again.
        var free = folder.resolve("free.sock");
        refused(
                1,
                "another process listens there",
                start("--listen", "unix:" + free, "--iommu", "unix:" + iommu()));
        refused(
                1,
                "another process listens there",
                start("--listen", "unix:" + listen(), "--iommu", "unix:" + free));
        assertThat(files()).containsExactly("i.sock", "m.sock");
        try (var client = client("net");
                var memory = client.memory(4096)) {
            assertThat(memory.lengthBytes()).isEqualTo(4096);
        }
        assertThat(first.stop(LONG)).as(first::errorOutput).isZero();
        assertThat(files()).isEmpty();
    }

    @Test
    void shouldRefuseOnePathForBoth() throws IOException {
        refused(
                2,
                "clients and devices cannot come to one socket",
                start("--listen", "unix:" + listen(), "--iommu", "unix:" + listen()));
        assertThat(files()).isEmpty();
    }

    @Test
    void shouldReplaceTheSocketsOfOneThatWasKilled() throws IOException {
        var first = mediator("--json");
        first.awaitReady(LONG);
        first.kill();
        first.awaitExit(LONG);
        assertThat(files()).containsExactly("i.sock", "m.sock");
        var second = mediator("--json");
        second.awaitReady(LONG);
        client("net").close();
        assertThat(second.stop(LONG)).as(second::errorOutput).isZero();
        assertThat(files()).isEmpty();
    }

    @Test
    void shouldLeaveAFileAloneThatIsNoSocket() throws IOException {
        Files.writeString(iommu(), "a letter");
        refused(1, "a file that is no socket is there", mediator());
        assertThat(files()).containsExactly("i.sock");
        assertThat(Files.readString(iommu())).isEqualTo("a letter");
    }
}
