package dev.outboard.host.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Device;
import dev.outboard.driver.Match;
import dev.outboard.driver.net.NetworkService;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The programs for networks, on QEMU's interfaces, with the host that QEMU plays behind them. */
@Timeout(120)
class ClientsOnQemuTest {
    private static final String E1000E = "e1000e,netdev=n,addr=04.0";
    private static final String VIRTIO =
            "virtio-net-pci,disable-legacy=on,mq=off,netdev=n,addr=04.0";

    @TempDir Path directory;

    private Map<String, Object> run(String driver, String client, Map<String, String> options) {
        boolean isVirtio = driver.equals("virtio-net");
        try (var bench =
                        new QemuBench(
                                directory,
                                "-netdev",
                                "user,id=n,restrict=on,tftp=" + directory,
                                "-device",
                                isVirtio ? VIRTIO : E1000E);
                var device =
                        bench.open(
                                "00:04.0",
                                isVirtio ? Match.type("virtio", 1) : Match.pci(0x8086, 0x10d3));
                var net = (NetworkService) QemuBench.driver(driver).start(device)) {
            var context = new Context(device, options);
            QemuBench.client(client).run(net, context);
            return context.results;
        }
    }

    @ParameterizedTest
    @CsvSource({"e1000e", "virtio-net"})
    void shouldPingTheHostThatQemuPlays(String driver) {
        var results = run(driver, "net-ping", Map.of("count", "5", "interval", "1"));
        assertThat(results)
                .containsEntry("answered", 5)
                .containsEntry("sent", 5)
                .containsEntry(ClientContext.VERIFIED, true);
        assertThat((double) results.get("leastMicros")).isPositive();
    }

    @Test
    void shouldSayThatNobodyAnswers() {
        var results = run("e1000e", "net-ping", Map.of("to", "10.0.2.77", "timeout", "50"));
        assertThat(results)
                .containsEntry(ClientContext.VERIFIED, false)
                .containsEntry("error", "nobody answers ARP for 10.0.2.77");
    }

    @ParameterizedTest
    @CsvSource({
        "e1000e, 1000000, 1428, 1",
        "e1000e, 1024, 512, 1",
        "e1000e, 0, 512, 0",
        "virtio-net, 1000000, 1428, 1"
    })
    void shouldFetchAFileWhole(String driver, int lengthBytes, String block, String offload)
            throws Exception {
        var content = new byte[lengthBytes];
        new Random(lengthBytes).nextBytes(content);
        Files.write(directory.resolve("file.bin"), content);
        var sum = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        var target = directory.resolve("fetched.bin");
        var results =
                run(
                        driver,
                        "net-fetch",
                        Map.of(
                                "file",
                                "file.bin",
                                "to",
                                target.toString(),
                                "sha256",
                                sum,
                                "block",
                                block,
                                "offload",
                                offload));
        assertThat(results)
                .as("%s", results)
                .containsEntry(ClientContext.VERIFIED, true)
                .containsEntry("sha256", sum)
                .containsEntry("bytes", (long) lengthBytes);
        assertThat(Files.readAllBytes(target)).isEqualTo(content);
    }

    @Test
    void shouldLeaveNothingOfAFileThatIsNotThere() throws Exception {
        var target = directory.resolve("fetched.bin");
        var results = run("e1000e", "net-fetch", Map.of("file", "no.bin", "to", target.toString()));
        assertThat(results).containsEntry(ClientContext.VERIFIED, false);
        assertThat((String) results.get("error")).contains("the server refuses", "(error 1)");
        try (var left = Files.list(directory)) {
            assertThat(left.map(path -> path.getFileName().toString()))
                    .noneMatch(name -> name.startsWith("fetched"));
        }
    }

    /** Options in, results out. */
    private static final class Context implements ClientContext {
        final Map<String, Object> results = new HashMap<>();
        private final Device device;
        private final Map<String, String> options;

        Context(Device device, Map<String, String> options) {
            this.device = device;
            this.options = options;
        }

        @Override
        public Device device() {
            return device;
        }

        @Override
        public Map<String, String> options() {
            return options;
        }

        @Override
        public boolean isStopping() {
            return false;
        }

        @Override
        public void ready() {
            // Nobody waits for it.
        }

        @Override
        public void result(String name, Object value) {
            results.put(name, value);
        }
    }
}
