package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The network driver on DPDK's vhost back-end with its IOTLB (iommu-support=1): a program that we
 * did not write translates through our mappings.
 */
class DpdkIotlbIT extends ProcessTest {
    private static final String[] DEFERRED = {"--strategy", "deferred", "--flush-entries", "512"};

    private Path socket;

    @BeforeEach
    void need() {
        Peers.need("dpdk", "dpdk-testpmd");
        socket = path("net.peer");
    }

    private static String[] words(String strategy) {
        return strategy.equals("deferred") ? DEFERRED : new String[] {"--strategy", strategy};
    }

    private String[] driver(String strategy, String... more) {
        var words =
                new ArrayList<>(
                        List.of("run", "virtio-net", "--device", "vhost-user:" + socket, "--json"));
        words.addAll(List.of(words(strategy)));
        words.addAll(List.of("--iommu", "device"));
        words.addAll(List.of(more));
        return words.toArray(String[]::new);
    }

    private Testpmd vhost(String features, String mode, String... more) throws Exception {
        var testpmd =
                Testpmd.start("net_vhost0,iface=" + socket + ",queues=1" + features, mode, more);
        testpmd.await("binding succeeded");
        return testpmd;
    }

    @ParameterizedTest
    @ValueSource(strings = {"strict", "deferred", "batched", "cached"})
    void shouldSendThroughTranslationsOfOurs(String strategy) throws Exception {
        try (var testpmd = vhost(",iommu-support=1", "rxonly")) {
            testpmd.forward();
            var sent =
                    outboard(
                            "the sender",
                            driver(
                                    strategy,
                                    "--client",
                                    "net-generate",
                                    "-o",
                                    "size=1500",
                                    "-o",
                                    "millis=300",
                                    "-o",
                                    "warmupMillis=100"));
            var result = result(sent);
            var client = client(result);
            long frames = number(client, "sentFrames") + number(client, "warmupFrames");
            assertThat(frames).isPositive();
            assertThat(number(client, "finishedFrames")).isEqualTo(frames);
            assertThat(testpmd.stop().received()).isEqualTo(frames);
            assertThat(result).containsEntry("owner", "device").containsEntry("strategy", strategy);
            assertThat(number(result, "faults")).isZero();
            assertThat(number(part(result, "dma"), "liveMappings")).isZero();
            assertThat(number(part(result, "iotlb"), "misses")).as("it asked").isPositive();
        }
        Files.deleteIfExists(socket);
    }

    @ParameterizedTest
    @ValueSource(strings = {"strict", "cached"})
    void shouldReceiveThroughTranslationsOfOurs(String strategy) throws Exception {
        try (var testpmd = vhost(",iommu-support=1", "txonly", "--txpkts=256")) {
            var receiver =
                    outboard(
                            "the receiver",
                            driver(
                                    strategy,
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
            var result = result(receiver);
            assertThat(sent).isPositive();
            assertThat(client(result))
                    .containsEntry("allFrames", sent)
                    .containsEntry("allBytes", sent * 256)
                    .containsEntry("shortestBytes", 256L)
                    .containsEntry("longestBytes", 256L);
            assertThat(number(result, "faults")).isZero();
        }
        Files.deleteIfExists(socket);
    }

    @Test
    void shouldSayThatADeviceHasNoIotlb() throws Exception {
        try (var testpmd = vhost("", "rxonly")) {
            assertThat(testpmd.said()).contains("binding succeeded");
            var refused = run(driver("strict", "--client", "net-generate"));
            assertThat(refused.exitCode()).isEqualTo(1);
            assertThat(refused.complaint())
                    .singleElement()
                    .asString()
                    .contains("does not offer VIRTIO_F_ACCESS_PLATFORM")
                    .contains("iommu-support=1");
        }
        Files.deleteIfExists(socket);
    }

    private static Map<String, Object> result(OutboardProcess process) {
        var result = process.awaitEvent("result", LIMIT);
        assertThat(process.awaitExit(LIMIT)).as(process.errorOutput()).isZero();
        return result.fields();
    }

    private static Map<String, Object> client(Map<String, Object> result) {
        return part(result, "client");
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> part(Map<String, Object> result, String name) {
        return (Map<String, Object>) result.get(name);
    }

    private static long number(Map<String, Object> fields, String name) {
        return ((Number) fields.get(name)).longValue();
    }
}
