package dev.outboard.host.cli;

import dev.outboard.uio.ProcessControl;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a command does to its own process. */
public final class OwnProcess {
    private static final Path NAME = Path.of("/proc/self/comm");
    private static final int NAME_BYTES = 15;

    private OwnProcess() {}

    /**
     * Gives up the right to gain rights: nothing this thread, or a thread it starts, runs can
     * become more than this process is.
     */
    public static void dropRights() {
        ProcessControl.noNewPrivileges();
    }

    /**
     * Names the process, for {@code ps} and {@code top}. The first thread's name is the process's,
     * and that one is not Java's main thread, so the file is written rather than the system call
     * made.
     *
     * @param name shown as far as 15 bytes go
     */
    public static void name(String name) {
        var bytes = name.getBytes(StandardCharsets.UTF_8);
        try {
            Files.write(NAME, java.util.Arrays.copyOf(bytes, Math.min(bytes.length, NAME_BYTES)));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + NAME + ": is /proc mounted?", e);
        }
    }
}
