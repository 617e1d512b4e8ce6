package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.perf.measure.ProcessCpu;
import java.util.concurrent.TimeUnit;

/**
 * How long a process takes to notice something, from an instant on: 100 ms, and whatever it, and
 * this process, stood ready to run without a processor. A busy machine must not fail a test, and a
 * slow notice must.
 */
final class Notice {
    private static final long LIMIT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long SELF = ProcessHandle.current().pid();

    private final long pid;
    private final ProcessCpu.Sample subject;
    private final ProcessCpu.Sample self;
    private final long start;

    private Notice(long pid) {
        this.pid = pid;
        subject = ProcessCpu.sample(pid);
        self = ProcessCpu.sample(SELF);
        start = System.nanoTime();
    }

    /** The clock runs. */
    static Notice from(long pid) {
        return new Notice(pid);
    }

    /** How long it took, and how much of that was waiting for a processor. */
    record Taken(long nanos, long waitedNanos) {
        void shouldBeAtOnce() {
            shouldBeWithin(LIMIT_NANOS);
        }

        void shouldBeWithin(long limitNanos) {
            assertThat(nanos)
                    .as(
                            "nanoseconds until it was noticed, %d of them without a processor",
                            waitedNanos)
                    .isLessThan(limitNanos + waitedNanos);
        }
    }

    /** It was noticed now. */
    Taken taken() {
        long nanos = System.nanoTime() - start;
        var later = ProcessCpu.sample(pid);
        long waited = ProcessCpu.sample(SELF).since(self).waitNanos();
        // Who notices may be at its end already.
        waited += later == null ? 0 : later.since(subject).waitNanos();
        return new Taken(nanos, waited);
    }
}
