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
 *
 * <p>What the virtual machine's compilers ran is told apart: it is spent once, while a program
 * warms up, and does not belong to what is measured.
 */
public final class ProcessCpu {
    /** USER_HZ is 100 on every Linux. */
    private static final long TICK_NANOS = 10_000_000;

    private ProcessCpu() {}

    /** How the virtual machine calls the threads of its compilers, as far as the kernel tells. */
    private static final String COMPILER = "C[12] Compiler.*";

    private static final Task NONE = new Task(0, 0, false);

    /** What a thread ran and waited for a processor. */
    private record Task(long runNanos, long waitNanos, boolean isCompiler) {}

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

        /** What its threads have run so far, in nanoseconds, those of compilers too. */
        public long runNanos() {
            return tasks.values().stream().mapToLong(Task::runNanos).sum();
        }

        /** What was used since {@code earlier}. */
        public Usage since(Sample earlier) {
            long run = 0;
            long waited = 0;
            long compiled = 0;
            for (var entry : tasks.entrySet()) {
                var task = entry.getValue();
                var before = earlier.tasks.getOrDefault(entry.getKey(), NONE);
                long ran = Math.max(0, task.runNanos - before.runNanos);
                if (task.isCompiler) {
                    compiled += ran;
                } else {
                    run += ran;
                    waited += Math.max(0, task.waitNanos - before.waitNanos);
                }
            }
            long user = userNanos - earlier.userNanos;
            long system = systemNanos - earlier.systemNanos;
            // A kernel without CONFIG_SCHED_INFO shows zeros: then the ticks have to do.
            return new Usage(run == 0 ? user + system : run, compiled, waited, user, system);
        }
    }

    /**
     * Processor time used between two samples.
     *
     * @param cpuNanos time on a processor, of all threads but the compilers
     * @param compilerNanos the same of the compilers
     * @param waitNanos time that all threads but the compilers waited for a processor, ready to run
     * @param userNanos of the whole process in user mode, to 10 ms
     * @param systemNanos of the whole process in the kernel, to 10 ms
     */
    public record Usage(
            long cpuNanos, long compilerNanos, long waitNanos, long userNanos, long systemNanos) {
        /** Without the compilers, in percent of one processor over {@code elapsedNanos}. */
        public double percentOf(long elapsedNanos) {
            return percent(cpuNanos, elapsedNanos);
        }

        /** The compilers, in percent of one processor over {@code elapsedNanos}. */
        public double compilerPercentOf(long elapsedNanos) {
            return percent(compilerNanos, elapsedNanos);
        }

        private static double percent(long nanos, long elapsedNanos) {
            return elapsedNanos <= 0 ? 0 : 100.0 * nanos / elapsedNanos;
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
                    new Task(
                            Long.parseLong(fields[0]),
                            Long.parseLong(fields[1]),
                            Files.readString(thread.resolve("comm")).trim().matches(COMPILER)));
        } catch (IOException e) {
            // The thread ended between the listing and the look: it is simply not there.
            return;
        }
    }
}
