package dev.outboard.host.run;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * Processor time of this process, in steps of 10 ms: what the kernel splits into user and system
 * (proc(5), {@code /proc/PID/stat}, fields 14 and 15).
 *
 * @param userNanos time in the process itself
 * @param systemNanos time in the kernel for it
 */
record CpuTime(long userNanos, long systemNanos) {
    private static final Path STAT = Path.of("/proc/self/stat");

    /** USER_HZ is 100 on every architecture that runs Java. */
    private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private static final int USER_FIELD = 14;
    private static final int SYSTEM_FIELD = 15;

    /** What this process has used until now. */
    static CpuTime now() {
        try {
            return parse(Files.readString(STAT));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + STAT, e);
        }
    }

    /** Field 2 is the name in parentheses and may hold spaces: fields are counted from its end. */
    static CpuTime parse(String stat) {
        var fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return new CpuTime(
                Long.parseLong(fields[USER_FIELD - 3]) * TICK_NANOS,
                Long.parseLong(fields[SYSTEM_FIELD - 3]) * TICK_NANOS);
    }

    CpuTime minus(CpuTime earlier) {
        return new CpuTime(userNanos - earlier.userNanos, systemNanos - earlier.systemNanos);
    }
}
