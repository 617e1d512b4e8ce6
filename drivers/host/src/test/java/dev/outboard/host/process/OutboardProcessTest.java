package dev.outboard.host.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class OutboardProcessTest {
    private static final Duration LONG = Duration.ofSeconds(20);

    private static OutboardProcess shell(String script) {
        return OutboardProcess.startProgram("child", List.of("sh", "-c", script), Map.of());
    }

    @Test
    void shouldHearEventsAndKeepTheRest() {
        try (var child =
                shell("echo '{\"event\":\"ready\",\"n\":7}'; echo text; echo sorry >&2; exit 3")) {
            assertThat(child.awaitReady(LONG).number("n")).isEqualTo(7);
            assertThat(child.awaitExit(LONG)).isEqualTo(3);
            assertThat(child.output()).isEqualTo("text");
            assertThat(child.errorOutput()).isEqualTo("sorry");
            assertThat(child.isAlive()).isFalse();
        }
    }

    @Test
    void shouldTakeEventsOfOneNameInOrderAndLeaveOthers() {
        try (var child =
                shell(
                        "for i in 1 2; do echo \"{\\\"event\\\":\\\"a\\\",\\\"n\\\":$i}\";"
                                + " echo '{\"event\":\"b\"}'; done")) {
            assertThat(child.awaitEvent("a", LONG).number("n")).isEqualTo(1);
            assertThat(child.awaitEvent("a", LONG).number("n")).isEqualTo(2);
            child.awaitExit(LONG);
            assertThat(child.events()).extracting("name").containsExactly("b", "b");
        }
    }

    @Test
    void shouldTellListenersWhenEventsCome() throws InterruptedException {
        var heard = new LinkedBlockingQueue<String>();
        try (var child = shell("read line < /dev/null; sleep 0.1; echo '{\"event\":\"late\"}'")) {
            child.onEvent(event -> heard.add(event.name()));
            assertThat(heard.poll(20, TimeUnit.SECONDS)).isEqualTo("late");
        }
    }

    @Test
    void shouldSayWhyAChildEndedInsteadOfAnswering() {
        try (var child = shell("echo 'no such disk' >&2; exit 1")) {
            assertThatExceptionOfType(ProcessFailedException.class)
                    .isThrownBy(() -> child.awaitReady(LONG))
                    .withMessageContaining("child ended")
                    .withMessageContaining("before its ready");
            child.awaitExit(LONG);
            assertThat(child.errorOutput()).isEqualTo("no such disk");
        }
    }

    @Test
    void shouldNotWaitForEverForASilentChild() {
        try (var child = shell("exec sleep 30")) {
            assertThatExceptionOfType(ProcessFailedException.class)
                    .isThrownBy(() -> child.awaitReady(Duration.ofMillis(50)))
                    .withMessageContaining("child said no ready in 50 ms");
            assertThatExceptionOfType(ProcessFailedException.class)
                    .isThrownBy(() -> child.awaitExit(Duration.ofMillis(50)))
                    .withMessageContaining("did not end in 50 ms");
        }
    }

    @Test
    void shouldEndAChildPolitelyOnClose() {
        var child =
                shell(
                        "trap 'echo bye; exit 0' TERM; echo '{\"event\":\"ready\"}';"
                                + " while :; do sleep 0.02; done");
        child.awaitReady(LONG);
        child.close();

        assertThat(child.isAlive()).isFalse();
        assertThat(child.output()).isEqualTo("bye");
    }

    @Test
    void shouldEndAChildThatDoesNotListen() {
        try (var child = shell("trap '' TERM; echo '{\"event\":\"ready\"}'; exec sleep 30")) {
            child.awaitReady(LONG);
            assertThat(child.stop(Duration.ofMillis(100))).isEqualTo(128 + 9);
        }
    }

    @Test
    void shouldSayWhatCannotBeStarted() {
        assertThatExceptionOfType(ProcessFailedException.class)
                .isThrownBy(
                        () ->
                                OutboardProcess.startProgram(
                                        "disk", List.of("/nonexistent/program"), Map.of()))
                .withMessageContaining("disk could not be started")
                .withMessageContaining("/nonexistent/program");
    }

    @Test
    void shouldStartAnotherOutboardWithTheModulesOfThisOne() {
        try (var child = OutboardProcess.start("version", List.of("--version"))) {
            assertThat(child.awaitExit(LONG)).as(child::errorOutput).isZero();
            assertThat(child.output()).startsWith("outboard ").contains("Java ");
            assertThat(child.errorOutput()).isEmpty();
        }
    }

    @Test
    void shouldEndWithTheProcessThatStartedItThoughThatWasKilled(@TempDir Path folder)
            throws Exception {
        Files.write(folder.resolve("disk.raw"), new byte[512]);
        var words = new ArrayList<>(OutboardCommand.prefix());
        words.addAll(List.of("device", "disk", "--socket", folder.resolve("d.sock").toString()));
        words.addAll(List.of("--file", folder.resolve("disk.raw").toString(), "--json"));
        // A shell plays the parent: it names itself, as OutboardProcess does, and is killed.
        var script = new ArrayList<>(List.of("sh", "-c", "OUTBOARD_PARENT=$$ \"$@\" & wait", "sh"));
        script.addAll(words);
        try (var parent = OutboardProcess.startProgram("parent", script, Map.of())) {
            var child = ProcessHandle.of(parent.awaitReady(LONG).number("pid")).orElseThrow();

            parent.kill();

            child.onExit().get(20, TimeUnit.SECONDS);
            assertThat(child.isAlive()).isFalse();
        }
    }
}
