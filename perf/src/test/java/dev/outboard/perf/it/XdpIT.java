package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An interface of the kernel's joined to a driver by AF_XDP, and a TAP behind another: the kernels
 * of two namespaces talk through both.
 *
 * <pre>
 *   left: kernel ── veth0 ══ veth1 ── AF_XDP ── driver ── switch ── driver ── tap0 ── kernel :right
 * </pre>
 */
class XdpIT extends ProcessTest {
    private Namespace left;
    private Namespace right;
    private OutboardProcess device;

    private void start() throws Exception {
        Peers.need("iputils-ping", "ping");
        Peers.need("ethtool", "ethtool");
        Peers.need("busybox-static", "busybox");
        left = Namespace.create(this, "left");
        right = Namespace.create(this, "right");
        left.run("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1");
        left.run("ip", "link", "set", "veth0", "up");
        left.run("ip", "link", "set", "veth1", "up");
        // What leaves a veth is not summed, and nobody is behind AF_XDP to do it.
        left.run("ethtool", "-K", "veth0", "tx", "off");
        left.run("ip", "addr", "add", "10.77.0.1/24", "dev", "veth0");
        device =
                outboard(
                        "the switch",
                        "device",
                        "nic",
                        "--port",
                        path("nic0.sock").toString() + ",iommu=" + path("nic0.iommu"),
                        "--port",
                        path("nic1.sock").toString(),
                        "--json");
        device.awaitReady(LIMIT);
    }

    private OutboardProcess driver(
            Namespace where, String port, String strategy, String way, String name) {
        var words =
                new ArrayList<>(
                        List.of(
                                "run",
                                "net",
                                "--device",
                                "vhost-user:" + path(port + ".sock"),
                                "--strategy",
                                strategy,
                                way,
                                name,
                                "--json"));
        if (!strategy.equals("off")) {
            words.addAll(List.of("--iommu", "unix:" + path(port + ".iommu")));
        }
        return program(
                "the driver of " + port,
                where.inside(outboardCommand(words.toArray(String[]::new))),
                outboardEnvironment());
    }

    private void startRight() {
        driver(right, "nic1", "off", "--tap", "tap0").awaitReady(LIMIT);
        right.run("ip", "addr", "add", "10.77.0.2/24", "dev", "tap0");
    }

    @ParameterizedTest
    @CsvSource({"strict, ''", "deferred, ',copy,native,queue=0'", "batched, ',generic'"})
    void shouldCarryWhatTwoKernelsSay(String strategy, String more) throws Exception {
        start();
        var driver = driver(left, "nic0", strategy, "--xdp", "veth1" + more);
        driver.awaitReady(LIMIT);
        startRight();
        var said =
                left.run("ping", "-c", "5", "-i", "0.05", "-s", "1400", "-p", "a5c3", "10.77.0.2");
        assertThat(said).contains(" 0% packet loss").doesNotContain("wrong data");
        new FileTransfers(this, left, "10.77.0.1", right, "10.77.0.2").carry(8 << 20);
        assertThat(driver.stop(LIMIT)).as(driver.errorOutput()).isZero();
        var result = driver.awaitEvent("result", LIMIT);
        assertThat(result.fields().get("faults")).isEqualTo(0L);
        var counts = (Map<?, ?>) result.fields().get("client");
        assertThat((long) counts.get("sentBytes")).isGreaterThan(8 << 20);
        assertThat((long) counts.get("receivedBytes")).isGreaterThan(8 << 20);
        assertThat(counts.get("native")).isEqualTo(!more.contains("generic"));
        assertThat(left.run("ip", "link", "show", "veth1")).doesNotContain("xdp");
    }

    @Test
    void shouldLeaveNothingWhenItIsKilled() throws Exception {
        start();
        var killed = driver(left, "nic1", "off", "--xdp", "veth1");
        killed.awaitReady(LIMIT);
        assertThat(left.run("ip", "link", "show", "veth1")).contains("xdp");
        killed.kill();
        killed.awaitExit(LIMIT);
        assertThat(left.run("ip", "link", "show", "veth1")).doesNotContain("xdp");
        driver(left, "nic1", "off", "--xdp", "veth1").awaitReady(LIMIT);
    }

    @Test
    void shouldEndWithAnErrorWhenTheInterfaceIsDeleted() throws Exception {
        start();
        var driver = driver(left, "nic1", "off", "--xdp", "veth1");
        driver.awaitReady(LIMIT);
        left.run("ip", "link", "del", "veth0");
        assertThat(driver.awaitExit(LIMIT)).isEqualTo(1);
        assertThat(driver.errorOutput()).contains("the interface veth1 is gone");
    }

    @ParameterizedTest
    @CsvSource({
        "'veth1,zerocopy', leave zerocopy out",
        "'veth1,queue=7', there is no such queue",
        "'none', there is no interface 'none'",
        "'veth1,fast', 'fast' says nothing of an interface"
    })
    void shouldSayWhyItCannotHaveAnInterface(String name, String why) throws Exception {
        start();
        var driver = driver(left, "nic1", "off", "--xdp", name);
        assertThat(driver.awaitExit(LIMIT)).isBetween(1, 2);
        assertThat(driver.errorOutput()).contains(why);
    }
}
