package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** DPDK's own driver, virtio-user, on a port of our switch; our driver on the other. */
class DpdkDriverIT extends ProcessTest {
    private final NetworkProcesses network = new NetworkProcesses(this, "off");

    @BeforeEach
    void need() {
        Peers.need("dpdk", "dpdk-testpmd");
    }

    @Test
    void shouldCarryOurFramesToDpdksDriverAndBackUnchanged() throws Exception {
        var device = network.startDevice();
        try (var testpmd = virtioUser("io", "--port-topology=loop")) {
            testpmd.forward();
            var echo =
                    outboard(
                            "the echo",
                            network.driverWords(
                                    "nic0",
                                    "--client",
                                    "stream-echo",
                                    "-o",
                                    "sizes=64,1500,16384",
                                    "-o",
                                    "millis=300"));
            var client = result(echo);
            assertThat(client).as(client.toString()).containsEntry("verified", true);
            long frames = 0;
            for (var row : (List<?>) client.get("streams")) {
                frames += ((Number) ((Map<?, ?>) row).get("sentFrames")).longValue();
            }
            var counts = testpmd.stop();
            assertThat(counts.sent()).isEqualTo(counts.received());
            // Probes that looked for the echo come on top.
            assertThat(counts.received()).isBetween(frames + 1, frames + 400);
        }
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    @Test
    void shouldDeliverAllThatDpdksDriverSent() throws Exception {
        var device = network.startDevice();
        try (var testpmd = virtioUser("txonly", "--txpkts=256")) {
            var receiver =
                    outboard(
                            "the receiver",
                            network.driverWords(
                                    "nic0",
                                    "--client",
                                    "net-sink",
                                    "-o",
                                    "millis=300",
                                    "-o",
                                    "warmupMillis=100",
                                    "-o",
                                    "quietMillis=3000"));
            receiver.awaitReady(LIMIT);
            testpmd.forward();
            Thread.sleep(800);
            long sent = testpmd.stop().sent();
            var client = result(receiver);
            assertThat(sent).isPositive();
            assertThat(client)
                    .containsEntry("allFrames", sent)
                    .containsEntry("allBytes", sent * 256)
                    .containsEntry("shortestBytes", 256L)
                    .containsEntry("longestBytes", 256L);
        }
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    @Test
    void shouldDeliverAllThatWeSendToDpdksDriver() throws Exception {
        var device = network.startDevice();
        try (var testpmd = virtioUser("rxonly")) {
            testpmd.forward();
            var sender =
                    outboard(
                            "the sender",
                            network.driverWords(
                                    "nic0",
                                    "--client",
                                    "net-generate",
                                    "-o",
                                    "millis=300",
                                    "-o",
                                    "warmupMillis=100"));
            var client = result(sender);
            long sent =
                    ((Number) client.get("sentFrames")).longValue()
                            + ((Number) client.get("warmupFrames")).longValue();
            assertThat(sent).isPositive();
            assertThat(testpmd.stop().received()).isEqualTo(sent);
        }
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    private Testpmd virtioUser(String mode, String... more) throws Exception {
        return Testpmd.start(
                "net_virtio_user0,path=" + path("nic1.sock") + ",queues=1,server=0", mode, more);
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> result(dev.outboard.host.process.OutboardProcess process) {
        var result = process.awaitEvent("result", LIMIT);
        assertThat(process.awaitExit(LIMIT)).as(process.errorOutput()).isZero();
        return (Map<String, Object>) result.fields().get("client");
    }
}
