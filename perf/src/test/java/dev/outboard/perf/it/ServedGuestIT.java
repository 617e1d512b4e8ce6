package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The paper's domU: a guest of QEMU's with Debian's kernel, whose network is a driver that serves.
 *
 * <pre>
 *   guest ── vhost-user ── serving driver ── nic0 ── switch ── nic1 ── driver ── TAP ── kernel:
 *   DHCP, wget                                                                    DHCP, HTTP
 * </pre>
 */
@Timeout(300)
class ServedGuestIT extends ProcessTest {
    private static final Duration PATIENCE = Duration.ofSeconds(200);
    private static final int FILE_BYTES = 64 << 20;

    private static final String LEASES =
            """
            start 10.9.0.10
            end 10.9.0.20
            interface tap0
            option subnet 255.255.255.0
            option router 10.9.0.1
            lease_file %s
            """;

    @Test
    void shouldGetAnAddressAndAFileThroughADriverThatServes() throws Exception {
        Peers.need("qemu-system-x86", "qemu-system-x86_64");
        Peers.need("busybox-static", "busybox");
        var other = Namespace.create(this, "the other side");
        var device =
                outboard(
                        "the switch",
                        "device",
                        "nic",
                        "--port",
                        path("nic0.sock") + ",iommu=" + path("nic0.iommu"),
                        "--port",
                        path("nic1.sock").toString(),
                        "--json");
        device.awaitReady(LIMIT);
        var server =
                outboard(
                        "the serving driver",
                        "run",
                        "net",
                        "--device",
                        "vhost-user:" + path("nic0.sock"),
                        "--strategy",
                        "strict",
                        "--iommu",
                        "unix:" + path("nic0.iommu"),
                        "--serve",
                        path("out.sock").toString(),
                        "--json");
        server.awaitReady(LIMIT);
        var tap = startTap(other);
        var sum = serveFile(other);

        var guest =
                outboard(
                        "the guest",
                        "guest",
                        "--timeout",
                        "180",
                        "--net",
                        path("out.sock").toString(),
                        "--run",
                        "wget -q -O - http://10.9.0.1/file.bin | sha256sum");
        int code = guest.awaitExit(PATIENCE);
        if (code != 0 && guest.errorOutput().contains("linux-image-amd64")) {
            Peers.missing(guest.errorOutput().strip());
        }
        assertThat(guest.output()).as(guest.errorOutput()).contains("address 10.9.0.1", sum);
        assertThat(code).isZero();

        assertThat(server.stop(LIMIT)).as(server.errorOutput()).isZero();
        var result = server.awaitEvent("result", LIMIT);
        var client = (Map<?, ?>) result.fields().get("client");
        assertThat(result.number("faults")).isZero();
        assertThat(((Number) client.get("lentFrames")).longValue()).isPositive();
        assertThat(((Number) client.get("copiedFrames")).longValue()).isZero();
        assertThat(((Number) client.get("receivedBytes")).longValue()).isGreaterThan(FILE_BYTES);
        assertThat(tap.stop(LIMIT)).as(tap.errorOutput()).isZero();
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    private OutboardProcess startTap(Namespace other) {
        var tap =
                program(
                        "the driver with the TAP",
                        other.inside(
                                outboardCommand(
                                        "run",
                                        "net",
                                        "--device",
                                        "vhost-user:" + path("nic1.sock"),
                                        "--strategy",
                                        "off",
                                        "--tap",
                                        "tap0",
                                        "--json")),
                        outboardEnvironment());
        tap.awaitReady(LIMIT);
        return tap;
    }

    /** A file behind HTTP and addresses by DHCP, in the other side's kernel; the file's SHA-256. */
    private String serveFile(Namespace other) throws Exception {
        other.run("ip", "address", "add", "10.9.0.1/24", "dev", "tap0");
        other.run("ip", "link", "set", "tap0", "up");
        var bytes = new byte[FILE_BYTES];
        new Random(6).nextBytes(bytes);
        Files.write(path("file.bin"), bytes);
        Files.createFile(path("leases"));
        Files.writeString(path("udhcpd.conf"), LEASES.formatted(path("leases")));
        var busybox = Peers.find("busybox");
        other.start(busybox, "udhcpd", "-f", "-S", path("udhcpd.conf").toString());
        other.start(busybox, "httpd", "-f", "-p", "80", "-h", path("").toString());
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }
}
