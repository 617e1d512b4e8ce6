package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class EventDescriptorTest {
    @Test
    void shouldCountEverySignal() {
        try (EventDescriptor event = EventDescriptor.create()) {
            assertThat(event.drain()).isZero();
            event.signal();
            event.signal();
            event.signal();
            assertThat(event.drain()).isEqualTo(3);
            assertThat(event.drain()).isZero();
        }
    }

    @Test
    void shouldNotTakeAnythingByWaiting() {
        try (EventDescriptor event = EventDescriptor.create()) {
            event.signal();
            assertThat(event.await(-1)).isTrue();
            assertThat(event.await(0)).isTrue();
            assertThat(event.drain()).isEqualTo(1);
        }
    }

    @Test
    void shouldGiveUpWhenTheTimeIsOver() {
        try (EventDescriptor event = EventDescriptor.create()) {
            long start = System.nanoTime();
            assertThat(event.await(5_000_000)).isFalse();
            assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(5_000_000);
            assertThat(event.await(0)).isFalse();
        }
    }

    @Test
    void shouldWakeAWaiterInAnotherThread() throws InterruptedException {
        try (EventDescriptor event = EventDescriptor.create()) {
            Thread signaller = Thread.ofPlatform().start(event::signal);
            assertThat(event.await(TimeUnit.SECONDS.toNanos(10))).isTrue();
            signaller.join();
        }
    }

    @Test
    void shouldRefuseAndCloseWhatIsNoEvent() {
        MemoryFile file = MemoryFile.create("no-event", 4096);
        assertThatThrownBy(() -> EventDescriptor.adopt(file.descriptor()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("memfd:no-event");
        assertThat(file.descriptor().isClosed()).isTrue();
    }

    @Test
    void shouldNotHangWhenThePeerMakesTheEventBlocking() {
        try (EventDescriptor event = EventDescriptor.create()) {
            Descriptors.setBlocking(event.descriptor().number());
            assertThat(event.drain()).isZero();
        }
    }

    @Test
    void shouldSurviveACountThatAPeerHasFilled() {
        try (EventDescriptor event = EventDescriptor.create()) {
            event.add(-2);
            event.signal();
            assertThat(event.drain()).isEqualTo(-2);
            event.signal();
            assertThat(event.drain()).isEqualTo(1);
        }
    }

    @Test
    void shouldRefuseUseAfterClose() {
        EventDescriptor event = EventDescriptor.create();
        event.close();
        event.close();
        assertThatThrownBy(event::signal).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(event::drain).isInstanceOf(IllegalStateException.class);
    }
}
