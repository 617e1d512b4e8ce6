package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The block driver on qemu-storage-daemon's vhost-user-blk back-end. */
class StorageDaemonIT extends ProcessTest {
    private static final int PATTERN = 0xA7;
    private static final long OFFSET = 3 << 20;
    private static final long LENGTH = 2 << 20;

    private Path image;
    private Path socket;

    @BeforeEach
    void makeImage() throws Exception {
        Peers.need("qemu-system-common", "qemu-storage-daemon");
        Peers.need("qemu-utils", "qemu-io");
        Peers.need("e2fsprogs", "mkfs.ext4");
        image = path("disk.raw");
        socket = path("disk.peer");
        // Real files, in a real file system: this project's own classes and libraries.
        var made =
                program(
                        "mkfs.ext4",
                        List.of(
                                Peers.find("mkfs.ext4"),
                                "-q",
                                "-d",
                                files().toString(),
                                image.toString(),
                                "48M"),
                        Map.of());
        assertThat(made.awaitExit(LIMIT)).as(made.errorOutput()).isZero();
    }

    /** The folder of the libraries that this test runs on. */
    private static Path files() {
        return Path.of("target", "modules").toAbsolutePath();
    }

    @Test
    void shouldReadAWholeFileSystemWithTheRightHash() throws Exception {
        var daemon = StorageDaemon.start(this, image, socket);
        var read =
                run("run", "virtio-blk", "--device", device(), "--client", "disk-sha256", "--json");
        assertThat(read.exitCode()).as(read.process().errorOutput()).isZero();
        assertThat(client(read)).containsEntry("sha256", sha256(image));
        assertThat(daemon.isAlive()).isTrue();
        end(daemon);
    }

    @Test
    void shouldWriteWhatAnotherProgramReadsBack() throws Exception {
        var daemon = StorageDaemon.start(this, image, socket);
        var before = sha256(image);
        var wrote =
                run(
                        "run",
                        "virtio-blk",
                        "--device",
                        device(),
                        "--client",
                        "disk-fill",
                        "-o",
                        "byte=" + PATTERN,
                        "-o",
                        "offset=" + OFFSET,
                        "-o",
                        "bytes=" + LENGTH,
                        "--json");
        assertThat(wrote.exitCode()).as(wrote.process().errorOutput()).isZero();
        assertThat(client(wrote)).containsEntry("flushed", true);
        // Ended by SIGKILL: what was flushed must be in the file whatever happens to the daemon.
        daemon.kill();
        daemon.awaitExit(LIMIT);
        Files.deleteIfExists(socket);
        var reader =
                program(
                        "qemu-io",
                        List.of(
                                "qemu-io",
                                "-f",
                                "raw",
                                "-c",
                                "read -P %d %d %d".formatted(PATTERN, OFFSET, LENGTH),
                                image.toString()),
                        Map.of());
        assertThat(reader.awaitExit(LIMIT)).as(reader.output() + reader.errorOutput()).isZero();
        assertThat(reader.output()).doesNotContain("verification failed");
        assertThat(sha256(image)).isNotEqualTo(before);
    }

    @Test
    void shouldWriteFlushReadAndCompareEveryByte() throws Exception {
        var daemon = StorageDaemon.start(this, image, socket);
        var checked =
                run(
                        "run",
                        "virtio-blk",
                        "--device",
                        device(),
                        "--client",
                        "disk-check",
                        "-o",
                        "blocks=4096,65536,1048576",
                        "-o",
                        "bytes=8388608",
                        "-o",
                        "millis=200",
                        "--json");
        assertThat(checked.exitCode()).as(checked.process().errorOutput()).isZero();
        assertThat(client(checked)).containsEntry("verified", true);
        end(daemon);
    }

    private void end(dev.outboard.host.process.OutboardProcess daemon) {
        assertThat(daemon.stop(LIMIT)).as(daemon.errorOutput()).isZero();
    }

    private String device() {
        return "vhost-user:" + socket;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> client(Ended ended) {
        var result =
                ended.process().events().stream()
                        .filter(event -> event.name().equals("result"))
                        .findFirst()
                        .orElseThrow(() -> new AssertionError(ended.process().errorOutput()));
        return (Map<String, Object>) result.fields().get("client");
    }

    private static String sha256(Path file) throws Exception {
        var digest = MessageDigest.getInstance("SHA-256");
        try (var in = Files.newInputStream(file)) {
            in.transferTo(
                    new java.io.OutputStream() {
                        @Override
                        public void write(int value) {
                            digest.update((byte) value);
                        }

                        @Override
                        public void write(byte[] bytes, int offset, int length) throws IOException {
                            digest.update(bytes, offset, length);
                        }
                    });
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
