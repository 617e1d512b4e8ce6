package dev.outboard.uio.qtest;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A QEMU of one's own, without a guest: a machine of type q35 whose processor halts at once, with
 * the devices that its starter names, and the connection to it. Owned by who started it; dies with
 * {@link #close}, and with its starter, however that dies: a shell between the two holds the end of
 * a pipe, and ends it when the pipe does.
 */
public final class QemuProcess implements AutoCloseable {
    /** The program, of the PATH. */
    public static final String PROGRAM = "qemu-system-x86_64";

    /** Runs its arguments until they end, or its input does; that, too, ends with them. */
    private static final String UNTIL_INPUT_ENDS =
            "exec 3<&0; \"$@\" </dev/null 3<&- & one=$!;"
                    + " { cat <&3 >/dev/null; kill $one; } 2>/dev/null & wait $one";

    private static final int ROM_BYTES = 64 * 1024;

    /** The processor starts 16 bytes before the end of the ROM. */
    private static final int ENTRY = ROM_BYTES - 16;

    /** cli; hlt; and back to hlt if anything wakes it. */
    private static final byte[] HALT = {(byte) 0xfa, (byte) 0xf4, (byte) 0xeb, (byte) 0xfd};

    private static final long RAM_BYTES = 64L << 20;
    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final long LOOK_MILLIS = 5;
    private static final long END_SECONDS = 5;

    private final Process process;
    private final Path output;
    private final QtestMachine machine;

    private QemuProcess(Process process, Path output, QtestMachine machine) {
        this.process = process;
        this.output = output;
        this.machine = machine;
    }

    /**
     * Starts it and connects.
     *
     * @param directory for its socket, its RAM and its output; exists
     * @param options beyond those of the machine, as {@code -device}, {@code edu,addr=04.0}
     * @throws UncheckedIOException if it cannot be started: it may not be installed
     * @throws IllegalStateException if it ends at once, with what it said
     */
    public static QemuProcess start(Path directory, List<String> options) {
        Path rom = directory.resolve("halt.rom");
        Path ram = directory.resolve("ram");
        Path output = directory.resolve("qemu.log");
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "/bin/sh",
                                "-c",
                                UNTIL_INPUT_ENDS,
                                "qemu",
                                PROGRAM,
                                "-accel",
                                "tcg",
                                "-display",
                                "none",
                                "-nodefaults",
                                "-bios",
                                rom.toString(),
                                "-M",
                                "q35,memory-backend=ram",
                                "-m",
                                "size=%d,slots=8,maxmem=64G".formatted(RAM_BYTES >>> 20),
                                "-object",
                                "memory-backend-file,id=ram,share=on,size=%d,mem-path=%s"
                                        .formatted(RAM_BYTES, ram),
                                "-qtest",
                                "unix:qtest.sock,server=on,wait=off"));
        command.addAll(options);
        try {
            byte[] code = new byte[ROM_BYTES];
            System.arraycopy(HALT, 0, code, ENTRY, HALT.length);
            Files.write(rom, code);
            // There before QEMU is: its socket may be there before it has made its RAM.
            try (var file = new RandomAccessFile(ram.toFile(), "rw")) {
                file.setLength(RAM_BYTES);
            }
            Process process =
                    new ProcessBuilder(command)
                            .directory(directory.toFile())
                            .redirectErrorStream(true)
                            .redirectOutput(output.toFile())
                            .start();
            return connect(directory, ram, process, output);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    private static QemuProcess connect(Path directory, Path ram, Process process, Path output) {
        try {
            Path socket = directory.resolve("qtest.sock");
            awaitSocket(socket, process);
            QtestMachine machine = QtestMachine.connect(socket, ram, TIMEOUT_NANOS);
            return new QemuProcess(process, output, machine);
        } catch (RuntimeException failure) {
            end(process);
            throw new IllegalStateException(
                    PROGRAM + " does not answer: " + read(output).strip(), failure);
        }
    }

    /** There is no need to wait for the socket of what has ended, as for a wrong option. */
    private static void awaitSocket(Path socket, Process process) {
        long deadline = System.nanoTime() + TIMEOUT_NANOS;
        while (!Files.exists(socket) && System.nanoTime() - deadline < 0) {
            try {
                if (process.waitFor(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
                    throw new IllegalStateException("it ended: status=" + process.exitValue());
                }
            } catch (InterruptedException wakened) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while it started", wakened);
            }
        }
    }

    /**
     * The options that give a machine one more piece of memory, from a file that others have too.
     *
     * @param name of the module, unique in the machine
     * @param file behind it, from offset 0: any path that QEMU can open
     * @param address physical; from 4 GiB on, a multiple of the file's alignment
     */
    public static List<String> memory(String name, Path file, long address, long lengthBytes) {
        return List.of(
                "-object",
                "memory-backend-file,id=%s,share=on,size=%d,mem-path=%s"
                        .formatted(name, lengthBytes, file),
                "-device",
                "pc-dimm,memdev=%s,addr=0x%x".formatted(name, address));
    }

    /** The connection. */
    public QtestMachine machine() {
        return machine;
    }

    /** What it has said so far. */
    public String output() {
        return read(output);
    }

    private static String read(Path output) {
        try {
            return Files.readString(output);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    /** As {@code kill -9}. */
    public void kill() {
        end(process);
    }

    private static void end(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        process.onExit().join();
    }

    /** Runs when QEMU has ended, however; on a thread of its own, and at once if it has. */
    public void onEnd(Runnable listener) {
        process.onExit().thenRun(listener);
    }

    @Override
    public void close() {
        machine.close();
        try {
            process.getOutputStream().close();
            if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
                kill();
            }
        } catch (IOException gone) {
            kill();
        } catch (InterruptedException wakened) {
            kill();
            Thread.currentThread().interrupt();
        }
    }
}
