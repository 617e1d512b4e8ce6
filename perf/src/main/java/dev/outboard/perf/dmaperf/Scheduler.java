package dev.outboard.perf.dmaperf;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** How long the calling thread was ready to run and had no processor. Stateless. */
final class Scheduler {
    private static final Path SELF = Path.of("/proc/thread-self/schedstat");

    private Scheduler() {}

    /** Since the thread began; 0 where the kernel does not count. */
    static long waitedNanos() {
        try {
            var fields = Files.readString(SELF, StandardCharsets.US_ASCII).trim().split(" ");
            return fields.length < 2 ? 0 : Long.parseLong(fields[1]);
        } catch (IOException notCounted) {
            return 0;
        }
    }
}
