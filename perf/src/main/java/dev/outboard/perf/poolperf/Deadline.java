package dev.outboard.perf.poolperf;

/** When a run ends: at a time that is set, or earlier when somebody asks for it. Any thread. */
final class Deadline {
    private volatile long atNanos;

    Deadline(long atNanos) {
        this.atNanos = atNanos;
    }

    boolean isPast() {
        return isPast(System.nanoTime());
    }

    boolean isPast(long nanos) {
        return nanos - atNanos >= 0;
    }

    void isNow() {
        atNanos = System.nanoTime();
    }
}
