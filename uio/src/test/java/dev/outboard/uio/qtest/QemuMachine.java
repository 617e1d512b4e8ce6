package dev.outboard.uio.qtest;

import dev.outboard.uio.vhost.PeerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A machine of QEMU's for one test, with the devices that it names. */
final class QemuMachine implements AutoCloseable {
    private static final int ROM_BYTES = 64 * 1024;
    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(20);

    final QtestMachine machine;
    final PeerProcess process;

    private QemuMachine(PeerProcess process, QtestMachine machine) {
        this.process = process;
        this.machine = machine;
    }

    static QemuMachine start(Path directory, String... devices) throws Exception {
        Path rom = Files.write(directory.resolve("halt.rom"), haltingRom());
        Path ram = directory.resolve("ram");
        var arguments =
                new ArrayList<>(
                        List.of(
                                "-accel",
                                "tcg",
                                "-display",
                                "none",
                                "-nodefaults",
                                "-bios",
                                rom.toString(),
                                "-M",
                                "q35,memory-backend=m",
                                "-m",
                                "64M",
                                "-object",
                                "memory-backend-file,id=m,size=64M,share=on,mem-path=" + ram,
                                "-qtest",
                                "unix:q.sock,server=on,wait=off"));
        arguments.addAll(Arrays.asList(devices));
        var process = PeerProcess.start(directory, "qemu-system-x86_64", arguments);
        try {
            return new QemuMachine(
                    process, QtestMachine.connect(directory.resolve("q.sock"), ram, TIMEOUT_NANOS));
        } catch (RuntimeException failure) {
            try (process) {
                throw new AssertionError(process.output(), failure);
            }
        }
    }

    /** The processor starts 16 bytes before the end: cli, hlt, and back if it wakes. */
    private static byte[] haltingRom() throws IOException {
        var rom = new byte[ROM_BYTES];
        byte[] code = {(byte) 0xfa, (byte) 0xf4, (byte) 0xeb, (byte) 0xfd};
        System.arraycopy(code, 0, rom, ROM_BYTES - 16, code.length);
        return rom;
    }

    @Override
    public void close() throws Exception {
        try (process) {
            machine.close();
        }
    }
}
