package dev.outboard.uio;

/** What a process may do to itself. */
public final class ProcessControl {
    private ProcessControl() {}

    public static void noNewPrivileges() {
        throw new UnsupportedOperationException("not built yet");
    }

    public static void name(String name) {
        throw new UnsupportedOperationException("not built yet");
    }

    public static void dieWithParent() {
        throw new UnsupportedOperationException("not built yet");
    }

    public static void pinThread(int cpu) {
        throw new UnsupportedOperationException("not built yet");
    }

    public static int threadId() {
        throw new UnsupportedOperationException("not built yet");
    }
}
