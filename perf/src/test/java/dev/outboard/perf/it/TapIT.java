package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two namespaces whose kernels talk through two TAPs, two drivers and our switch, each a process.
 *
 * <pre>
 *   left: kernel ── tap0 ── driver ── port ── switch ── port ── driver ── tap0 ── kernel :right
 * </pre>
 */
class TapIT extends ProcessTest {
    private static final int FILE_BYTES = 24 << 20;
    private static final String LINK = "tap0";

    private Namespace left;
    private Namespace right;

    private OutboardProcess driver(Namespace where, String port, String strategy, String... more) {
        var words =
                new ArrayList<>(
                        List.of(
                                "run",
                                "net",
                                "--device",
                                "vhost-user:" + path(port + ".sock"),
                                "--strategy",
                                strategy,
                                "--tap",
                                LINK,
                                "--json"));
        if (!strategy.equals("off")) {
            words.addAll(List.of("--iommu", "unix:" + path(port + ".iommu")));
        }
        words.addAll(List.of(more));
        var driver =
                program(
                        "the driver of " + port,
                        where.inside(outboardCommand(words.toArray(String[]::new))),
                        outboardEnvironment());
        driver.awaitReady(LIMIT);
        return driver;
    }

    private OutboardProcess device(String strategy) {
        return device(strategy, "");
    }

    /** With options for both ports. */
    private OutboardProcess device(String strategy, String options) {
        var words = new ArrayList<>(List.of("device", "nic", "--json"));
        for (var port : List.of("nic0", "nic1")) {
            var iommu = strategy.equals("off") ? "" : ",iommu=" + path(port + ".iommu");
            words.addAll(List.of("--port", path(port + ".sock") + iommu + options));
        }
        var device = outboard("the switch", words.toArray(String[]::new));
        device.awaitReady(LIMIT);
        return device;
    }

    private void namespaces() throws InterruptedException {
        Peers.need("iputils-ping", "ping");
        left = Namespace.create(this, "left");
        right = Namespace.create(this, "right");
    }

    private void address(Namespace where, int host) {
        where.run("ip", "addr", "add", "10.77.0." + host + "/24", "dev", LINK);
        where.run("ip", "-6", "addr", "add", "fd77::" + host + "/64", "dev", LINK, "nodad");
    }

    private void ping() {
        // -p: the answer is compared, byte by byte.
        var said =
                left.run("ping", "-c", "5", "-i", "0.05", "-s", "1400", "-p", "a5c3", "10.77.0.2");
        assertThat(said).contains(" 0% packet loss").doesNotContain("wrong data");
        left.run("ping", "-6", "-c", "3", "-i", "0.05", "-s", "1200", "fd77::2");
        // Two fragments, which the kernel cuts and the driver has no part in.
        left.run("ping", "-c", "3", "-i", "0.05", "-s", "2500", "10.77.0.2");
    }

    private static Map<?, ?> stop(OutboardProcess driver) {
        assertThat(driver.stop(LIMIT)).as(driver.errorOutput()).isZero();
        var result = driver.awaitEvent(Event.RESULT, LIMIT);
        assertThat(result.fields().get("faults")).isEqualTo(0L);
        return (Map<?, ?>) result.fields().get("client");
    }

    @ParameterizedTest
    @CsvSource({"off, on", "off, off", "strict, on", "deferred, off", "batched, on"})
    void shouldCarryWhatTwoKernelsSay(String strategy, String offloads) throws Exception {
        namespaces();
        var device = device(strategy);
        var first = driver(left, "nic0", strategy, "-o", "offloads=" + offloads);
        var second = driver(right, "nic1", strategy, "-o", "offloads=" + offloads);
        address(left, 1);
        address(right, 2);
        ping();
        new FileTransfers(this, left, "10.77.0.1", right, "10.77.0.2").carry(FILE_BYTES);
        for (var driver : List.of(first, second)) {
            var counts = stop(driver);
            assertThat((long) counts.get("sentBytes")).isGreaterThan(FILE_BYTES);
            assertThat((long) counts.get("receivedBytes")).isGreaterThan(FILE_BYTES);
            assertThat(counts.get("sentRefused")).isEqualTo(0L);
            if (offloads.equals("on")) {
                assertThat((long) counts.get("sentUnfinished")).isPositive();
                assertThat((long) counts.get("receivedUnfinished")).isPositive();
            } else {
                assertThat(counts.get("sentUnfinished")).isEqualTo(0L);
                assertThat(counts.get("receivedUnfinished")).isEqualTo(0L);
            }
        }
        assertThat(left.has(LINK)).as("the interface goes with its driver").isFalse();
        assertThat(device.stop(LIMIT)).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"off", "strict"})
    void shouldCarryItOverSeveralQueues(String strategy) throws Exception {
        namespaces();
        device(strategy, ",queues=2");
        var first = driver(left, "nic0", strategy, "--queues", "2");
        var second = driver(right, "nic1", strategy, "--queues", "2");
        address(left, 1);
        address(right, 2);
        ping();
        new FileTransfers(this, left, "10.77.0.1", right, "10.77.0.2").carry(FILE_BYTES);
        for (var driver : List.of(first, second)) {
            var counts = stop(driver);
            assertThat(counts.get("queues")).isEqualTo(2L);
            assertThat((long) counts.get("sentUnfinished")).as("frames of 64 KiB").isPositive();
            assertThat((long) counts.get("receivedUnfinished")).isPositive();
        }
    }

    /** The host that QEMU plays behind the card answers at 10.0.2.2. */
    @Test
    void shouldJoinTheKernelToAnIntelCard() throws Exception {
        Peers.need("qemu-system-x86", "qemu-system-x86_64");
        namespaces();
        var words = outboardCommand("run", "net", "--device", "qtest:e1000e");
        words.addAll(List.of("--strategy", "off", "--tap", LINK, "--json"));
        var driver = program("the driver", left.inside(words), outboardEnvironment());
        driver.awaitReady(LIMIT);
        left.run("ip", "addr", "add", "10.0.2.15/24", "dev", LINK);
        var said = left.run("ping", "-c", "3", "-i", "0.2", "-s", "1400", "10.0.2.2");
        assertThat(said).contains(" 0% packet loss").doesNotContain("wrong data");
        assertThat((long) stop(driver).get("receivedFrames")).isGreaterThanOrEqualTo(3);
    }

    @Test
    void shouldTakeNoProcessorWithoutTraffic() throws Exception {
        namespaces();
        var device = device("off");
        var first = driver(left, "nic0", "off");
        var second = driver(right, "nic1", "off");
        // What an interface says of itself when it is new: neighbours, groups.
        Thread.sleep(4000);
        for (var process : List.of(first, second, device)) {
            long before = runNanos(process.pid());
            Thread.sleep(2000);
            long percent = (runNanos(process.pid()) - before) / TimeUnit.MILLISECONDS.toNanos(20);
            assertThat(percent).as(process.name()).isLessThan(5);
        }
        stop(first);
        stop(second);
    }

    /** How long all threads of a process have run. */
    private static long runNanos(long pid) throws IOException {
        long sum = 0;
        try (var tasks = Files.list(Path.of("/proc", Long.toString(pid), "task"))) {
            for (var task : tasks.toList()) {
                sum += Long.parseLong(Files.readString(task.resolve("schedstat")).split(" ")[0]);
            }
        }
        return sum;
    }

    @Test
    void shouldEndWithAnErrorWhenTheInterfaceIsDeleted() throws Exception {
        namespaces();
        device("off");
        var driver = driver(left, "nic0", "off");
        left.run("ip", "link", "del", LINK);
        assertThat(driver.awaitExit(LIMIT)).isEqualTo(1);
        assertThat(driver.errorOutput()).contains("the interface tap0 is gone: it was deleted");
    }

    @Test
    void shouldLeaveNothingWhenItIsKilledAndBeThereAgain() throws Exception {
        namespaces();
        device("off");
        var first = driver(left, "nic0", "off");
        var second = driver(right, "nic1", "off");
        address(left, 1);
        address(right, 2);
        ping();
        first.kill();
        first.awaitExit(LIMIT);
        assertThat(left.has(LINK)).isFalse();
        driver(left, "nic0", "off");
        address(left, 1);
        ping();
        stop(second);
    }

    @Test
    void shouldGoOnWhenTheInterfaceIsDownForAWhile() throws Exception {
        namespaces();
        device("off");
        var first = driver(left, "nic0", "off");
        var second = driver(right, "nic1", "off");
        address(left, 1);
        address(right, 2);
        right.run("ip", "link", "set", LINK, "down");
        var lost = left.start("ping", "-c", "3", "-i", "0.05", "-W", "1", "10.77.0.2");
        assertThat(lost.awaitExit(LIMIT)).isEqualTo(1);
        right.run("ip", "link", "set", LINK, "up");
        // Without its address of IPv6, which went with it.
        left.run("ping", "-c", "3", "-i", "0.05", "10.77.0.2");
        stop(first);
        assertThat((long) stop(second).get("receivedRefused")).isPositive();
    }

    @Test
    void shouldUseAnInterfaceThatIsThereAndLeaveIt() throws Exception {
        namespaces();
        device("off");
        left.run("ip", "tuntap", "add", "dev", LINK, "mode", "tap", "multi_queue");
        left.run("ip", "link", "set", LINK, "mtu", "9000");
        var driver = driver(left, "nic0", "off");
        var shown = left.run("ip", "link", "show", LINK);
        assertThat(shown).contains("mtu 1500").contains("UP");
        stop(driver);
        assertThat(left.has(LINK)).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "lo, there is an interface of this name that is no TAP",
        "a/b, 'a/b' is no name of an interface",
        "sixteencharacter, 'sixteencharacter' is no name of an interface"
    })
    void shouldSayWhyItCannotHaveAnInterface(String name, String why) throws Exception {
        namespaces();
        device("off");
        var words = List.of("run", "net", "--device", "vhost-user:" + path("nic0.sock"));
        var all = new ArrayList<>(words);
        all.addAll(Arrays.asList("--strategy", "off", "--tap", name, "--json"));
        var driver =
                program(
                        "the driver",
                        left.inside(outboardCommand(all.toArray(String[]::new))),
                        outboardEnvironment());
        assertThat(driver.awaitExit(LIMIT)).isBetween(1, 2);
        assertThat(driver.errorOutput()).contains(why);
    }
}
