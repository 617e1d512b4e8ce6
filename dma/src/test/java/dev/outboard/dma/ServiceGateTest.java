package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

final class ServiceGateTest {
    private static final int TURNS = 50_000;

    /** What both sides change without any care of their own. */
    private static final class Guarded extends ServiceGate {
        private long first;
        private long second;

        boolean change() {
            long before = first;
            first = before + 1;
            boolean alone = second == before;
            second = before + 1;
            return alone;
        }

        boolean changeInside() {
            enter();
            try {
                return change();
            } finally {
                leave();
            }
        }
    }

    @Test
    void shouldLetOnlyOneOfBothIn() throws InterruptedException {
        Guarded guarded = new Guarded();
        AtomicBoolean stop = new AtomicBoolean();
        long[] calls = {0, 0};
        Thread service =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    while (!stop.getPlain()) {
                                        calls[0]++;
                                        calls[1] += guarded.changeInside() ? 0 : 1;
                                        stop.getOpaque();
                                    }
                                });
        boolean[] alone = {true};
        for (int turn = 0; turn < TURNS; turn++) {
            guarded.alone(
                    () -> {
                        for (int change = 0; change < 4; change++) {
                            alone[0] &= guarded.change();
                        }
                    });
        }
        stop.set(true);
        service.join();
        assertThat(alone[0]).as("while the other had it alone").isTrue();
        assertThat(calls[1]).as("calls that saw it half changed").isZero();
        assertThat(guarded.first).isEqualTo(calls[0] + 4L * TURNS);
    }

    @Test
    void shouldWaitForACallThatHasBegunAndKeepTheNextOneWaiting() throws InterruptedException {
        Guarded guarded = new Guarded();
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch mayLeave = new CountDownLatch(1);
        AtomicBoolean left = new AtomicBoolean();
        AtomicBoolean over = new AtomicBoolean();
        AtomicBoolean again = new AtomicBoolean();
        Thread service =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    guarded.enter();
                                    inside.countDown();
                                    await(mayLeave);
                                    left.set(true);
                                    guarded.leave();
                                    guarded.enter();
                                    again.set(true);
                                    guarded.leave();
                                });
        inside.await();
        Thread other =
                Thread.ofPlatform()
                        .start(
                                () ->
                                        guarded.alone(
                                                () -> {
                                                    over.set(left.get());
                                                    await(100);
                                                    over.set(over.get() && !again.get());
                                                }));
        await(20);
        assertThat(over).isFalse();
        mayLeave.countDown();
        other.join();
        assertThat(over).as("the call was over, and the next had not begun").isTrue();
        service.join();
        assertThat(again).isTrue();
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void await(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
