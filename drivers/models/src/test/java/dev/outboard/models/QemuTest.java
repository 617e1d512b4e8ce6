package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The disk with a front-end and a driver that we did not write: QEMU, and SeaBIOS within it, which
 * boots from the disk. Needs qemu-system-x86_64; where the environment variable CI is set, its
 * absence is a failure.
 */
class QemuTest {
    private static final String QEMU = "qemu-system-x86_64";
    private static final Path NETWORK_ROM = Path.of("/usr/lib/ipxe/qemu/pxe-virtio.rom");
    private static final MacAddress GUEST = MacAddress.parse("52:54:00:12:34:56");
    private static final int SECTOR = 512;

    /** Where the boot sector's program has its request: length, count, where to, which sector. */
    private static final String PROGRAM =
            // cli; ax, ds, es, ss = 0; sp = 0x7c00; sti
            "fa31c08ed88ec08ed0bc007cfb"
                    // si = request; extended read (int 0x13, ah = 0x42) from drive 0x80; on error:
                    // fail
                    + "be517cb442b280cd13722e"
                    // each byte at 0x8000 up to a zero goes to the debug console, port 0xe9
                    + "be0080ac84c07404e6e9ebf7"
                    // the request's sector becomes 50; extended write (ah = 0x43); on error: fail
                    + "c606597c32be517cb80043b280cd137211"
                    // "K", end of line, leave QEMU with 0
                    + "b04be6e9b00ae6e9ba010531c0eef4ebfd"
                    // fail: "E", leave QEMU with 1
                    + "b045e6e9ba0105b001eef4"
                    // request: 16 bytes, 8 sectors, to 0000:8000, from sector 1
                    + "10000800008000000100000000000000";

    @TempDir Path directory;

    @BeforeEach
    void requirePeer() {
        boolean there =
                Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                        .anyMatch(path -> Files.isExecutable(Path.of(path, QEMU)));
        Assumptions.assumeTrue(there, QEMU + " is not installed: apt install qemu-system-x86");
    }

    /** A machine of 64 MiB of shared memory, and what else it has. */
    private Process qemu(String... more) throws IOException {
        var command =
                new ArrayList<>(
                        List.of(
                                QEMU,
                                "-M",
                                "q35,memory-backend=m",
                                "-accel",
                                "tcg",
                                "-m",
                                "64",
                                "-nodefaults",
                                "-nographic",
                                "-object",
                                "memory-backend-memfd,id=m,size=64M,share=on"));
        command.addAll(List.of(more));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("qemu.log").toFile())
                .start();
    }

    private Process boot(Path socket, Path console) throws IOException {
        return qemu(
                "-chardev",
                "socket,id=c0,path=" + socket,
                "-device",
                "vhost-user-blk-pci,chardev=c0,num-queues=1,bootindex=0",
                "-chardev",
                "file,id=dbg,path=" + console,
                "-device",
                "isa-debugcon,iobase=0xe9,chardev=dbg",
                "-device",
                "isa-debug-exit,iobase=0x501,iosize=1");
    }

    @Test
    void shouldBootAGuestThatReadsAndWrites() throws Exception {
        var image = new byte[SECTOR * 2048];
        byte[] program = HexFormat.of().parseHex(PROGRAM);
        System.arraycopy(program, 0, image, 0, program.length);
        image[SECTOR - 2] = 0x55;
        image[SECTOR - 1] = (byte) 0xaa;
        byte[] text = "read by the firmware\n\0".getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(text, 0, image, SECTOR, text.length);
        var rest = new byte[8 * SECTOR - text.length];
        new Random(8).nextBytes(rest);
        System.arraycopy(rest, 0, image, SECTOR + text.length, rest.length);
        var file = Files.write(directory.resolve("boot.raw"), image);
        var socket = directory.resolve("disk.sock");
        var console = directory.resolve("console.txt");
        try (var model = new DiskModel(DiskOptions.of(socket, file))) {
            model.start();
            var qemu = boot(socket, console);
            try {
                assertThat(qemu.waitFor(60, TimeUnit.SECONDS)).isTrue();
            } finally {
                qemu.destroyForcibly();
            }
            // The device makes 2n + 1 of what the guest leaves with.
            assertThat(qemu.exitValue())
                    .as(Files.readString(directory.resolve("qemu.log")))
                    .isEqualTo(1);
            Await.until("the hang-up", () -> model.statistics().disconnections() == 1);
            assertThat(model.statistics().errors()).isZero();
        }
        assertThat(console).hasContent("read by the firmware\nK");
        byte[] after = Files.readAllBytes(file);
        assertThat(Arrays.copyOfRange(after, 50 * SECTOR, 58 * SECTOR))
                .isEqualTo(Arrays.copyOfRange(image, SECTOR, 9 * SECTOR));
    }

    @Test
    void shouldCarryTheFramesOfAGuestThatLooksForAServer() throws Exception {
        Assumptions.assumeTrue(Files.exists(NETWORK_ROM), "apt install ipxe-qemu");
        var a = directory.resolve("a.sock");
        var b = directory.resolve("b.sock");
        try (var model = new NicModel(NicOptions.of(NicPortOptions.at(a), NicPortOptions.at(b)))) {
            model.start();
            try (var driver = NicDriver.start(b, null).supply(64)) {
                var qemu =
                        qemu(
                                "-chardev",
                                "socket,id=c0,path=" + a,
                                "-netdev",
                                "vhost-user,id=n0,chardev=c0,queues=1",
                                "-device",
                                "virtio-net-pci,netdev=n0,mac=" + GUEST + ",bootindex=0");
                try {
                    byte[] frame = driver.next();
                    // DHCP: from the guest to everybody, IPv4, UDP, from port 68 to port 67.
                    assertThat(Arrays.copyOf(frame, 6)).containsOnly(0xff);
                    assertThat(Arrays.copyOfRange(frame, 6, 12)).isEqualTo(GUEST.bytes());
                    assertThat(Arrays.copyOfRange(frame, 12, 14)).containsExactly(8, 0);
                    assertThat(frame[23]).isEqualTo((byte) 17);
                    assertThat(Arrays.copyOfRange(frame, 34, 38)).containsExactly(0, 68, 0, 67);
                } finally {
                    qemu.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
                }
                Await.until(
                        "its end", () -> model.statistics().ports().get(0).disconnections() > 0);
                assertThat(model.statistics().ports().get(0).droppedMalformed()).isZero();
            }
        }
    }
}
