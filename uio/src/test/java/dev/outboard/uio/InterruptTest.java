package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
final class InterruptTest {
    private static final long FOR_EVER = -1;

    private final Line line = new Line();
    private final EventDescriptor event = EventDescriptor.create();
    private Interrupt interrupt = open(WaitPolicy.BLOCK);

    /**
     * A line that is masked by a flag, as a queue's event suppression; device is the other side.
     */
    private static final class Line implements InterruptLine {
        final AtomicBoolean masked = new AtomicBoolean();
        final AtomicInteger work = new AtomicInteger();

        @Override
        public boolean unmask() {
            masked.set(false);
            return work.get() > 0;
        }

        @Override
        public void mask() {
            masked.set(true);
        }

        @Override
        public boolean isPending() {
            return work.get() > 0;
        }

        void raise(EventDescriptor event) {
            work.incrementAndGet();
            if (!masked.get()) {
                event.signal();
            }
        }
    }

    private Interrupt open(WaitPolicy policy) {
        return Interrupt.open(
                "test", line, EventDescriptor.adopt(event.descriptor().duplicate()), policy);
    }

    @AfterEach
    void close() {
        interrupt.close();
        event.close();
    }

    @Test
    void shouldBeMaskedWheneverNobodyWaits() {
        assertThat(line.masked).isTrue();
        interrupt.await(0);
        assertThat(line.masked).isTrue();
        interrupt.close();
        assertThat(line.masked).isTrue();
    }

    @Test
    void shouldSeeWorkThatCameWhileMaskedWithoutASignal() {
        line.raise(event);
        assertThat(interrupt.await(FOR_EVER)).isTrue();
        assertThat(interrupt.count()).isZero();
    }

    @Test
    void shouldKeepSignalsThatComeWhileNobodyWaits() {
        event.signal();
        event.signal();
        assertThat(interrupt.await(FOR_EVER)).isTrue();
        assertThat(interrupt.count()).isEqualTo(2);
        assertThat(interrupt.await(0)).isFalse();
        event.signal();
        assertThat(interrupt.await(FOR_EVER)).isTrue();
        assertThat(interrupt.count()).isEqualTo(3);
    }

    @Test
    void shouldGiveUpWhenTheTimeIsOver() {
        long start = System.nanoTime();
        assertThat(interrupt.await(3_000_000)).isFalse();
        assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(3_000_000);
    }

    @Test
    void shouldNotSpinWhereALookFindsNothingEver() {
        interrupt.close();
        var looks = new AtomicInteger();
        var silent =
                new InterruptLine() {
                    @Override
                    public boolean unmask() {
                        return false;
                    }

                    @Override
                    public void mask() {}

                    @Override
                    public boolean isPending() {
                        looks.incrementAndGet();
                        return false;
                    }

                    @Override
                    public boolean tellsOfWork() {
                        return false;
                    }
                };
        try (var rare = Interrupt.open("rare", silent, EventDescriptor.create(), WaitPolicy.SPIN)) {
            assertThat(rare.await(20_000_000)).isFalse();
            assertThat(looks).hasValueLessThan(3);
        }
    }

    @Test
    void shouldSpinNoLongerThanItMayWait() {
        interrupt.close();
        interrupt = open(WaitPolicy.SPIN);
        assertThat(interrupt.await(1_000_000)).isFalse();
    }

    /** The gap between the last look and sleep: a signal in it would be a hang. */
    @ParameterizedTest
    @ValueSource(longs = {0, 5_000, 1_000_000_000})
    void shouldNeverSleepOverWork(long spinNanos) throws InterruptedException {
        interrupt.close();
        interrupt = open(new WaitPolicy(spinNanos, spinNanos > 5_000));
        int rounds = 5_000;
        AtomicInteger done = new AtomicInteger();
        Thread device =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    for (int i = 0; i < rounds; i++) {
                                        line.raise(event);
                                        while (done.get() <= i) {
                                            Thread.onSpinWait();
                                        }
                                    }
                                });
        int taken = 0;
        while (taken < rounds) {
            boolean work = interrupt.await(TimeUnit.SECONDS.toNanos(10));
            assertThat(work || line.work.get() > 0).as("after %d", taken).isTrue();
            int found = line.work.getAndSet(0);
            taken += found;
            done.addAndGet(found);
        }
        device.join();
        assertThat(interrupt.count()).isLessThanOrEqualTo(rounds);
    }

    @Test
    void shouldLoseNoCountWithManySignallers() throws InterruptedException {
        int each = 2_000;
        Runnable signaller =
                () -> {
                    for (int i = 0; i < each; i++) {
                        event.signal();
                    }
                };
        Thread first = Thread.ofPlatform().start(signaller);
        Thread second = Thread.ofPlatform().start(signaller);
        while (interrupt.count() < 2 * each) {
            assertThat(interrupt.await(TimeUnit.SECONDS.toNanos(10))).isTrue();
        }
        first.join();
        second.join();
        assertThat(interrupt.count()).isEqualTo(2 * each);
        assertThat(interrupt.await(0)).isFalse();
    }

    @Test
    void shouldEndAWaitWhenWokenAndCountNoInterrupt() throws InterruptedException {
        for (WaitPolicy policy : new WaitPolicy[] {WaitPolicy.BLOCK, WaitPolicy.SPIN}) {
            interrupt.close();
            interrupt = open(policy);
            CountDownLatch waiting = new CountDownLatch(1);
            Interrupt waited = interrupt;
            Thread waker =
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        awaitQuietly(waiting);
                                        waited.wake();
                                    });
            waiting.countDown();
            assertThat(interrupt.await(FOR_EVER)).isFalse();
            waker.join();
            assertThat(interrupt.count()).isZero();
            assertThat(interrupt.await(0)).isFalse();
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void shouldEndTheNextWaitWhenWokenBefore() {
        interrupt.wake();
        interrupt.wake();
        event.signal();
        assertThat(interrupt.await(FOR_EVER)).isTrue();
        assertThat(interrupt.count()).isEqualTo(1);
        interrupt.wake();
        assertThat(interrupt.await(FOR_EVER)).isFalse();
        assertThat(interrupt.count()).isEqualTo(1);
    }

    @Test
    void shouldBeWatchableWithOthers() {
        try (Epoll epoll = Epoll.create()) {
            epoll.add(interrupt.descriptor(), Epoll.READABLE, 1);
            assertThat(interrupt.arm()).isFalse();
            assertThat(line.masked).isFalse();
            assertThat(epoll.await(0, (token, events) -> {})).isZero();
            line.raise(event);
            assertThat(epoll.await(0, (token, events) -> {})).isEqualTo(1);
            assertThat(interrupt.acknowledge()).isTrue();
            assertThat(line.masked).isTrue();
            assertThat(interrupt.count()).isEqualTo(1);
            assertThat(epoll.await(0, (token, events) -> {})).isZero();
            assertThat(interrupt.arm()).isTrue();
        }
    }

    @Test
    void shouldRefuseASecondClaim() {
        EventDescriptor second = EventDescriptor.create();
        assertThatThrownBy(() -> Interrupt.open("other", line, second, WaitPolicy.BLOCK))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("claimed already");
        assertThat(second.descriptor().isClosed()).isTrue();
        interrupt.close();
        interrupt = open(WaitPolicy.BLOCK);
    }

    @Test
    void shouldClaimNothingWhenTheLineCannotBeMasked() {
        InterruptLine broken =
                new InterruptLine() {
                    @Override
                    public boolean unmask() {
                        return false;
                    }

                    @Override
                    public void mask() {
                        throw new IllegalStateException("the device is gone");
                    }

                    @Override
                    public boolean isPending() {
                        return false;
                    }
                };
        for (int i = 0; i < 2; i++) {
            EventDescriptor given = EventDescriptor.create();
            assertThatThrownBy(() -> Interrupt.open("broken", broken, given, WaitPolicy.BLOCK))
                    .hasMessage("the device is gone");
            assertThat(given.descriptor().isClosed()).isTrue();
        }
    }

    @Test
    void shouldEndAWaitWhenClosedAndFreeTheLine() throws InterruptedException {
        for (int i = 0; i < 50; i++) {
            int before = Descriptor.openCount();
            Interrupt closing = interrupt;
            Thread closer = Thread.ofPlatform().start(closing::close);
            try {
                assertThat(closing.await(FOR_EVER)).isFalse();
            } catch (IllegalStateException closedFirst) {
                assertThat(closedFirst).hasMessageContaining("is closed");
            }
            closer.join();
            closing.close();
            closing.wake();
            assertThat(closing.descriptor().isClosed()).isTrue();
            assertThat(Descriptor.openCount()).isEqualTo(before - 1);
            interrupt = open(WaitPolicy.BLOCK);
        }
    }

    @Test
    void shouldRefuseWaitingOnceClosed() {
        interrupt.close();
        interrupt.close();
        assertThatThrownBy(() -> interrupt.await(0))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("is closed");
    }

    @Test
    void shouldRefuseASecondWaiter() throws InterruptedException {
        Interrupt waited = interrupt;
        Thread waiter = Thread.ofPlatform().start(() -> waited.await(FOR_EVER));
        while (line.masked.get()) {
            Thread.onSpinWait();
        }
        assertThatThrownBy(() -> interrupt.await(0))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("by another thread");
        interrupt.wake();
        waiter.join();
    }

    @Test
    void shouldRefuseANegativeSpin() {
        assertThatThrownBy(() -> new WaitPolicy(-1, false))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
