package dev.outboard.perf.measure;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class MeasurementTest {
    private static final long NO_SUCH_PROCESS = Integer.MAX_VALUE;

    @Test
    void shouldCountTheProcessorTimeThatWasBurntAndNotMore() {
        var measured = new Measurement(Map.of());
        measured.start();
        long spun = spin(TimeUnit.MILLISECONDS.toNanos(200));
        measured.stop();
        var used = measured.usage(Measurement.SELF);
        // This thread may have been kept from its processor, but not by more than the whole time.
        assertThat(used.cpuNanos() + used.waitNanos()).isGreaterThan(spun * 8 / 10);
        assertThat(measured.cpuPercent(Measurement.SELF)).isGreaterThan(5);
    }

    @Test
    void shouldSeeThatASleepCostsNoProcessorTime() throws InterruptedException {
        var before = ProcessCpu.sample(ProcessHandle.current().pid());
        long start = System.nanoTime();
        Thread.sleep(100);
        var used = ProcessCpu.sample(ProcessHandle.current().pid()).since(before);
        // Compilers may still be at work in the background: less than one processor is enough.
        assertThat(used.percentOf(System.nanoTime() - start)).isLessThan(250);
        assertThat(used.userNanos()).isNotNegative();
    }

    @Test
    void shouldSayNothingOfAProcessThatIsNotThere() {
        var measured = new Measurement(Map.of("device", NO_SUCH_PROCESS));
        measured.start();
        measured.stop();
        assertThat(measured.usage("device")).isNull();
        assertThat(measured.cpuPercent("device")).isNaN();
        assertThat(new Results().put(measured).fields()).doesNotContainKey("deviceCpuPercent");
    }

    @Test
    void shouldWatchAnotherProcess() {
        var measured = new Measurement(Map.of("other", ProcessHandle.current().pid()));
        measured.start();
        spin(TimeUnit.MILLISECONDS.toNanos(50));
        measured.stop();
        assertThat(measured.usage("other").cpuNanos()).isPositive();
        assertThat(new Results().put(measured).fields())
                .containsKeys("seconds", "cpuPercent", "otherCpuPercent");
    }

    @Test
    void shouldSeeWhatTheThreadAllocated() {
        var measured = new Measurement(Map.of());
        measured.start();
        var kept = new byte[100_000];
        measured.stop();
        assertThat(measured.allocatedBytes()).isBetween(100_000L, 110_000L);
        assertThat(kept).hasSize(100_000);
    }

    private static long spin(long nanos) {
        long start = System.nanoTime();
        while (System.nanoTime() - start < nanos) {
            Thread.onSpinWait();
        }
        return nanos;
    }
}
