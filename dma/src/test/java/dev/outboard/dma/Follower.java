package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.Access;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The device of a {@link Bench} on a thread of its own, which maps and unmaps what comes and goes,
 * as a device process does between its DMA sections.
 */
final class Follower implements AutoCloseable {
    private final Bench bench;
    private final AtomicReference<RuntimeException> failure = new AtomicReference<>();
    private final Thread thread;
    private volatile boolean stopped;

    Follower(Bench bench) {
        this.bench = bench;
        thread = Thread.ofPlatform().daemon().start(this::run);
    }

    private void run() {
        try {
            while (!stopped) {
                synchronized (this) {
                    bench.device.receive();
                }
                Thread.sleep(1);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            failure.set(e);
        }
    }

    /** Whether the device gets this access to eight bytes. */
    synchronized boolean reaches(long iova, int access) {
        return bench.reaches(iova, 8, access);
    }

    /** What the device reads there, which it must be able to. */
    synchronized long read(long iova) {
        assertThat(bench.reaches(iova, 8, Access.READ)).as("reaches 0x%x", iova).isTrue();
        return bench.window.memory.get(ValueLayout.JAVA_LONG_UNALIGNED, bench.window.offset);
    }

    @Override
    public void close() {
        stopped = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        assertThat(failure.get()).isNull();
    }
}
