package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.DataCalls;
import dev.outboard.uio.nativecall.ErrorNames;

/** What a process may do to itself: fewer rights, a name, a processor. */
public final class ProcessControl {
    private static final int PR_SET_NAME = 15;
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int PR_GET_NO_NEW_PRIVS = 39;
    private static final int MAX_CPUS = 1024;

    /** As a shell tells of a process that SIGKILL ended. */
    private static final int EXIT_KILLED = 137;

    private ProcessControl() {}

    /**
     * The calling thread, and every thread and process it starts, can never gain rights by execve:
     * PR_SET_NO_NEW_PRIVS. Other threads that run already are not touched: call it first in {@code
     * main}.
     */
    public static void noNewPrivileges() {
        Failures.check(ControlCalls.prctl(PR_SET_NO_NEW_PRIVS, 1), "prctl", "PR_SET_NO_NEW_PRIVS");
    }

    /** Whether {@link #noNewPrivileges()} holds for the calling thread. */
    public static boolean hasNoNewPrivileges() {
        int answer = ControlCalls.prctl(PR_GET_NO_NEW_PRIVS, 0);
        return Failures.check(answer, "prctl", "PR_GET_NO_NEW_PRIVS") == 1;
    }

    /** Names the calling thread, for {@code top} and {@code ps}; 15 bytes are shown. */
    public static void name(String name) {
        Failures.check(ControlCalls.prctl(PR_SET_NAME, name), "prctl", "PR_SET_NAME, " + name);
    }

    /**
     * Ends this process, at once and without shutdown hooks, when the process that started it ends.
     *
     * <p>A thread waits for the parent's pidfd. The kernel's own way, PR_SET_PDEATHSIG, follows the
     * <em>thread</em> that started this process, and Java's threads come and go.
     */
    public static void dieWithParent() {
        int parent = ControlCalls.parentProcessId();
        int number = ControlCalls.openProcess(parent);
        if (number < 0 || ControlCalls.parentProcessId() != parent) {
            // Gone between the two calls, or before: whoever is the parent now did not start us.
            Runtime.getRuntime().halt(EXIT_KILLED);
        }
        Descriptor descriptor = Descriptor.adopt(number);
        Thread.ofPlatform().daemon().name("parent-" + parent).start(() -> haltAfter(descriptor));
    }

    private static void haltAfter(Descriptor parent) {
        int answer;
        do {
            answer = DataCalls.poll(parent.number(), DataCalls.POLLIN, -1);
        } while (answer == -ErrorNames.EINTR);
        Runtime.getRuntime().halt(EXIT_KILLED);
    }

    /**
     * Keeps the calling thread on one processor.
     *
     * @param cpu counted from 0
     * @throws NativeException EINVAL when there is no such processor, or this process may not use
     *     it
     */
    public static void pinThread(int cpu) {
        if (cpu < 0 || cpu >= MAX_CPUS) {
            throw new IllegalArgumentException("cpu is 0 to 1023: cpu=" + cpu);
        }
        byte[] mask = new byte[MAX_CPUS / Byte.SIZE];
        mask[cpu / Byte.SIZE] = (byte) (1 << cpu % Byte.SIZE);
        Failures.check(ControlCalls.setAffinity(0, mask), "sched_setaffinity", "cpu=" + cpu);
    }

    /** The kernel's number of the calling thread, as under {@code /proc/PID/task}. */
    public static int threadId() {
        return ControlCalls.threadId();
    }
}
