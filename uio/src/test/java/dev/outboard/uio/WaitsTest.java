package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Waits go on to their end though somebody interrupts, and the interrupt is kept. */
@Timeout(20)
final class WaitsTest {
    @AfterEach
    void forgetInterrupt() {
        Thread.interrupted();
    }

    @Test
    void shouldWaitForAThreadThoughItIsInterruptedBeforeAndMeanwhile() {
        CountDownLatch go = new CountDownLatch(1);
        AtomicBoolean ended = new AtomicBoolean();
        Thread waiter = Thread.currentThread();
        Thread other =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    Waits.forOpening(go);
                                    while (waiter.getState() != Thread.State.WAITING) {
                                        Thread.onSpinWait();
                                    }
                                    waiter.interrupt();
                                    while (waiter.getState() != Thread.State.WAITING) {
                                        Thread.onSpinWait();
                                    }
                                    ended.set(true);
                                });
        waiter.interrupt();
        go.countDown();
        Waits.forEnd(other);
        assertThat(ended).isTrue();
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void shouldWaitForALatchThoughItIsInterrupted() {
        CountDownLatch latch = new CountDownLatch(1);
        AtomicBoolean opened = new AtomicBoolean();
        Thread waiter = Thread.currentThread();
        Thread other =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    while (waiter.getState() != Thread.State.WAITING) {
                                        Thread.onSpinWait();
                                    }
                                    opened.set(true);
                                    latch.countDown();
                                });
        waiter.interrupt();
        Waits.forOpening(latch);
        assertThat(opened).isTrue();
        assertThat(Thread.interrupted()).isTrue();
        Waits.forEnd(other);
    }

    @Test
    void shouldKeepNoInterruptThatNeverWas() {
        Waits.forEnd(Thread.ofPlatform().start(() -> {}));
        assertThat(Thread.interrupted()).isFalse();
    }

    @Test
    void shouldNotWaitForItsOwnEnd() {
        Waits.forEnd(Thread.currentThread());
    }
}
