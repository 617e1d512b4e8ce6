package dev.outboard.models;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** What the one thread of a device model costs. */
final class LoopThread {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private LoopThread() {}

    private static long id(String name) {
        for (var info : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
            if (info != null && info.getThreadName().equals(name)) {
                return info.getThreadId();
            }
        }
        throw new AssertionError("no thread is called " + name);
    }

    /** How much of so long a time it works. */
    static long busyMillis(String name, long millis) throws InterruptedException {
        long id = id(name);
        long before = THREADS.getThreadCpuTime(id);
        Thread.sleep(millis);
        return (THREADS.getThreadCpuTime(id) - before) / 1_000_000;
    }

    /** What it has allocated so far. */
    static long allocatedBytes(String name) {
        return THREADS.getThreadAllocatedBytes(id(name));
    }
}
