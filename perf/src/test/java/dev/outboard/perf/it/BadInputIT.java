package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a user gets wrong: one clear line, an exit code, nothing left behind. */
class BadInputIT extends ProcessTest {
    @Test
    void shouldNameAnUnknownDriver() {
        refuse(
                2,
                "there is no driver 'virtio-nix'",
                "run",
                "virtio-nix",
                "--device",
                "vhost-user:a");
    }

    @Test
    void shouldNameAnUnknownBus() {
        refuse(2, "is no device address", "run", "virtio-net", "--device", "usb:1");
    }

    @Test
    void shouldNameASocketThatIsNotThere() {
        var socket = path("missing.sock");
        refuse(
                1,
                "there is no such socket",
                "run",
                "virtio-net",
                "--device",
                "vhost-user:" + socket);
        assertThat(socket).doesNotExist();
    }

    @Test
    void shouldNameADiskFileThatIsNotThere() {
        refuse(
                1,
                "missing.raw",
                "device",
                "disk",
                "--port",
                path("d0.sock").toString(),
                "--file",
                path("missing.raw").toString());
    }

    @Test
    void shouldRefuseADiskFileThatIsNoWholeNumberOfSectors() throws IOException {
        var file = path("odd.raw");
        Files.write(file, new byte[1000]);
        refuse(
                1,
                "sector",
                "device",
                "disk",
                "--port",
                path("d0.sock").toString(),
                "--file",
                file.toString());
    }

    @Test
    void shouldRefuseAnOptionThatDoesNotExist() {
        refuse(2, "--nonsense", "demo", "--nonsense");
        refuse(
                2,
                "--nonsense",
                "device",
                "nic",
                "--port",
                path("n0.sock").toString(),
                "--port",
                path("n1.sock").toString(),
                "--nonsense");
    }

    @Test
    void shouldRefuseASwitchWithOnePort() {
        refuse(2, "ports", "device", "nic", "--port", path("n0.sock").toString());
    }

    @Test
    void shouldRefuseAClientThatDoesNotFitTheDriver() throws Exception {
        var disk = new DiskProcesses(this, "off");
        var device = disk.startDevice();
        refuse(
                2,
                "stream-send",
                "run",
                "virtio-blk",
                "--device",
                "vhost-user:" + path("disk0.sock"),
                "--client",
                "stream-send");
        assertThat(device.stop(LIMIT)).isZero();
    }

    @Test
    void shouldNameAClientsWrongOption() throws Exception {
        var disk = new DiskProcesses(this, "off");
        var device = disk.startDevice();
        refuse(
                2,
                "no option size here",
                "run",
                "virtio-blk",
                "--device",
                "vhost-user:" + path("disk0.sock"),
                "--client",
                "disk-check",
                "-o",
                "size=1");
        assertThat(device.stop(LIMIT)).isZero();
    }

    private void refuse(int exitCode, String complaint, String... words) {
        var ended = run(words);
        assertThat(ended.complaint())
                .as(List.of(words).toString())
                .singleElement()
                .asString()
                .startsWith("outboard: ")
                .contains(complaint);
        assertThat(ended.exitCode()).as(List.of(words).toString()).isEqualTo(exitCode);
        assertThat(outboardProcesses())
                .allMatch(pid -> ProcessHandle.of(pid).isPresent())
                .hasSizeLessThanOrEqualTo(1);
    }
}
