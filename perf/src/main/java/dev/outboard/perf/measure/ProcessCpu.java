package dev.outboard.perf.measure;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The processor time of a process, its own or another's, from {@code /proc}.
 *
 * <p>{@code /proc/PID/task/TID/schedstat} counts nanoseconds that ran and nanoseconds that waited
 * for a processor, by thread; {@code /proc/PID/stat} tells user from system, in ticks of 10 ms. A
 * thread that ends between two samples loses what it ran after the first of them.
 */
public final class ProcessCpu {
    /** USER_HZ is 100 on every Linux. */
    private static final long TICK_NANOS = 10_000_000;

    private ProcessCpu() {}

    /** What a thread ran and waited for a processor. */
    private record Task(long runNanos, long waitNanos) {}

    /** What a process had used at an instant. */
    public static final class Sample {
        private final Map<String, Task> tasks;
        private final long userNanos;
        private final long systemNanos;

        private Sample(Map<String, Task> tasks, long userNanos, long systemNanos) {
            this.tasks = tasks;
            this.userNanos = userNanos;
            this.systemNanos = systemNanos;
        }

        /** What was used since {@code earlier}. */
        public Usage since(Sample earlier) {
            long run = 0;
            long waited = 0;
            for (var entry : tasks.entrySet()) {
                var before = earlier.tasks.getOrDefault(entry.getKey(), new Task(0, 0));
                run += Math.max(0, entry.getValue().runNanos - before.runNanos);
                waited += Math.max(0, entry.getValue().waitNanos - before.waitNanos);
            }
            long user = userNanos - earlier.userNanos;
            long system = systemNanos - earlier.systemNanos;
            // A kernel without CONFIG_SCHED_INFO shows zeros: then the ticks have to do.
            return new Usage(run == 0 ? user + system : run, waited, user, system);
        }
    }

    /**
     * Processor time used between two samples.
     *
     * @param cpuNanos time on a processor
     * @param waitNanos time ready to run, waiting for a processor
     * @param userNanos the part in user mode, to 10 ms
     * @param systemNanos the part in the kernel, to 10 ms
     */
    public record Usage(long cpuNanos, long waitNanos, long userNanos, long systemNanos) {
        /** In percent of one processor over {@code elapsedNanos}. */
        public double percentOf(long elapsedNanos) {
            return elapsedNanos <= 0 ? 0 : 100.0 * cpuNanos / elapsedNanos;
        }
    }

    /**
     * Looks at a process.
     *
     * @return what it has used, or null where there is no such process
     */
    public static Sample sample(long pid) {
        var root = Path.of("/proc", Long.toString(pid));
        try {
            return sample(root);
        } catch (NoSuchFileException e) {
            return null;
        } catch (IOException e) {
            // A process that ends while it is read answers ESRCH.
            if (!Files.exists(root)) {
                return null;
            }
            throw new UncheckedIOException(e);
        }
    }

    private static Sample sample(Path root) throws IOException {
        var tasks = new HashMap<String, Task>();
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(root.resolve("task"))) {
            for (var thread : threads) {
                addTask(tasks, thread);
            }
        }
        var stat = Files.readString(root.resolve("stat"));
        // The second field is the name, in parentheses, and may hold anything.
        var fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return new Sample(
                tasks,
                Long.parseLong(fields[11]) * TICK_NANOS,
                Long.parseLong(fields[12]) * TICK_NANOS);
    }

    private static void addTask(Map<String, Task> tasks, Path thread) {
        try {
            var fields = Files.readString(thread.resolve("schedstat")).trim().split(" ");
            tasks.put(
                    thread.getFileName().toString(),
                    new Task(Long.parseLong(fields[0]), Long.parseLong(fields[1])));
        } catch (IOException e) {
            // The thread ended between the listing and the look: it is simply not there.
            return;
        }
    }
}
