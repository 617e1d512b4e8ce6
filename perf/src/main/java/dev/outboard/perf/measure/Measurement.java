package dev.outboard.perf.measure;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The measured part of a run: elapsed time, processor time of this process and of others that were
 * named, and what the calling thread allocated.
 *
 * <p>One thread: {@link #start}, the work, {@link #stop}. Processor time is sampled just outside
 * the clock, so that reading {@code /proc} costs the work nothing.
 */
public final class Measurement {
    /** The name of this process among the measured ones. */
    public static final String SELF = "self";

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final Map<String, Long> processes = new LinkedHashMap<>();
    private final Map<String, ProcessCpu.Sample> before = new LinkedHashMap<>();
    private final Map<String, ProcessCpu.Usage> usage = new LinkedHashMap<>();
    private long allocatedBytes;
    private long startNanos;
    private long elapsedNanos;

    /** Measures this process and those of {@code watched}: a name for each process identifier. */
    public Measurement(Map<String, Long> watched) {
        processes.put(SELF, ProcessHandle.current().pid());
        processes.putAll(watched);
        // The first call loads what the later ones use; it must not be counted.
        THREADS.getCurrentThreadAllocatedBytes();
    }

    /** The measured part begins. */
    public void start() {
        before.clear();
        usage.clear();
        processes.forEach((name, pid) -> before.put(name, ProcessCpu.sample(pid)));
        allocatedBytes = THREADS.getCurrentThreadAllocatedBytes();
        startNanos = System.nanoTime();
    }

    /** The measured part ended. */
    public void stop() {
        elapsedNanos = System.nanoTime() - startNanos;
        allocatedBytes = THREADS.getCurrentThreadAllocatedBytes() - allocatedBytes;
        processes.forEach(
                (name, pid) -> {
                    var then = before.get(name);
                    var now = ProcessCpu.sample(pid);
                    if (then != null && now != null) {
                        usage.put(name, now.since(then));
                    }
                });
    }

    /** How long the measured part took. */
    public long elapsedNanos() {
        return elapsedNanos;
    }

    /** How long the measured part took, in seconds. */
    public double elapsedSeconds() {
        return elapsedNanos / 1e9;
    }

    /** What the calling thread allocated in the measured part. */
    public long allocatedBytes() {
        return allocatedBytes;
    }

    /**
     * Processor time in percent of one processor; NaN where the process was not there to look at.
     */
    public double cpuPercent(String name) {
        var used = usage.get(name);
        return used == null ? Double.NaN : used.percentOf(elapsedNanos);
    }

    /** The same of its compilers, which {@link #cpuPercent} leaves out. */
    public double compilerPercent(String name) {
        var used = usage.get(name);
        return used == null ? Double.NaN : used.compilerPercentOf(elapsedNanos);
    }

    /** The processor time of a process, or null where it was not there to look at. */
    public ProcessCpu.Usage usage(String name) {
        return usage.get(name);
    }

    /** The processes other than this one. */
    public Iterable<String> watched() {
        return processes.keySet().stream().filter(name -> !name.equals(SELF)).toList();
    }
}
