package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Memory that comes and goes while drivers run, by the words that a user has for it. */
@Timeout(240)
class HotplugIT extends ProcessTest {
    private static final int FAILED = 1;
    private static final int USAGE = 2;

    @ParameterizedTest
    @ValueSource(strings = {"driver", "mediator"})
    void shouldLoseAndCorruptNothingUnderLoad(String owner) {
        var ended = run("hotplug", "--rounds", "10", "--owner", owner);
        assertThat(ended.exitCode())
                .as(ended.process().output() + ended.process().errorOutput())
                .isZero();
        assertThat(ended.process().output())
                .contains("Verified: 10 times 1G came and went under each of 3 drivers")
                .contains("1 GiB is in use: ")
                .doesNotContain("NO");
    }

    @Test
    void shouldTakeMemoryByForceFromOneDriverAlone() {
        var ended = run("hotplug", "--rounds", "1", "--force");
        assertThat(ended.exitCode())
                .as(ended.process().output() + ended.process().errorOutput())
                .isZero();
        assertThat(ended.process().output()).contains("Verified: 1 times 1G");
        // Whoever had it may end with an error; it is one line, and no stack trace.
        assertThat(ended.process().output().lines().filter(line -> line.contains("\tat ")))
                .isEmpty();
    }

    private OutboardProcess startDriver(NetworkProcesses network) {
        var driver =
                outboard(
                        "the driver",
                        network.driverWords("nic0", "--control", "unix:" + path("ctl")));
        driver.awaitReady(LIMIT);
        return driver;
    }

    private List<String> said(int code, String... words) {
        var ended = run(words);
        assertThat(ended.exitCode()).as(ended.process().errorOutput()).isEqualTo(code);
        if (code == 0) {
            assertThat(ended.complaint()).isEmpty();
            return ended.process().output().lines().toList();
        }
        assertThat(ended.process().output()).isEmpty();
        assertThat(ended.complaint()).hasSize(1);
        return ended.complaint();
    }

    @Test
    void shouldPlugListAndUnplugByName() {
        var network = new NetworkProcesses(this, "strict");
        var device = network.startDevice();
        var driver = startDriver(network);
        var name = "unix:" + path("ctl");

        assertThat(said(0, "memory", "list", name)).hasSize(2);
        assertThat(said(0, "memory", "plug", name, "1G", "--pages", "base").getFirst())
                .startsWith("plugged 0x")
                .contains("+1G (base pages)");
        var listed = said(0, "memory", "list", name);
        assertThat(listed).hasSize(3);
        assertThat(listed.getLast()).contains(" 1G ").contains("base").contains("100.0 %");
        var address = listed.getLast().substring(0, listed.getLast().indexOf(' '));
        assertThat(said(0, "memory", "unplug", name, address + "+2M").getFirst())
                .contains(address + "+2M");
        var first = listed.get(1).substring(0, listed.get(1).indexOf(' '));
        assertThat(said(FAILED, "memory", "unplug", name, first, "--wait", "0").getFirst())
                .startsWith("outboard: " + first + "+64 MiB is in use: ")
                .contains("strict of nic0")
                .endsWith("or unplug by force (--force)");
        assertThat(said(FAILED, "memory", "unplug", name, "0x1000").getFirst())
                .contains("no segment begins at 0x1000");
        assertThat(said(USAGE, "memory", "plug", name, "much").getFirst()).contains("no size");

        assertThat(driver.stop(LIMIT)).as(driver.errorOutput()).isZero();
        var result = driver.awaitEvent(Event.RESULT, LIMIT);
        assertThat(result.fields().get("left")).isEqualTo(Map.of("frames", 0L, "mappedFrames", 0L));
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
        assertThat(said(FAILED, "memory", "list", name).getFirst()).contains("nobody answers at");
    }

    @Test
    void shouldShowWhatRuns() {
        var network = new NetworkProcesses(this, "off");
        var device = network.startDevice();
        var driver = outboard("the driver", network.driverWords("nic1"));
        long pid = driver.awaitReady(LIMIT).number("pid");

        assertThat(said(0, "top", "--once"))
                .anyMatch(line -> line.startsWith("nic1 ") && line.contains(" " + pid + " "));
        var top = run("top", "--once", "--json").process().events().getFirst();
        var processes = (List<?>) top.fields().get("processes");
        assertThat(processes)
                .anySatisfy(
                        process ->
                                assertThat(process)
                                        .isInstanceOfSatisfying(
                                                Map.class,
                                                one -> {
                                                    assertThat(one.get("pid")).isEqualTo(pid);
                                                    assertThat(one.get("kind")).isEqualTo("driver");
                                                }));

        assertThat(driver.stop(LIMIT)).as(driver.errorOutput()).isZero();
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
        assertThat(said(0, "top", "--once")).noneMatch(line -> line.contains(" " + pid + " "));
    }
}
