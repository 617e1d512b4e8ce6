package dev.outboard.driver.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.outboard.driver.DeviceLostException;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Epoll;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.WaitPolicy;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One thread that idles over several places where work may come. */
@Timeout(20)
class IdleWaitTest {
    private static final long LONG_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final Toy first = new Toy();
    private final Toy second = new Toy();
    private final EventDescriptor other = EventDescriptor.create();
    private final int before = Descriptor.openCount();

    /** A queue in the test's hands. */
    private static final class Toy implements FrameQueue {
        private final EventDescriptor event = EventDescriptor.create();
        private boolean hasWork;
        private boolean isGone;
        private int armed;
        private int disarmed;

        @Override
        public boolean arm() {
            if (isGone) {
                throw new DeviceLostException("toy");
            }
            armed++;
            return hasWork;
        }

        @Override
        public void disarm() {
            disarmed++;
            event.drain();
        }

        @Override
        public Descriptor descriptor() {
            return event.descriptor();
        }
    }

    private IdleWait idle(WaitPolicy policy) {
        var idle = new IdleWait(policy);
        idle.watch(first);
        idle.watch(second);
        idle.watch(other.descriptor(), Epoll.READABLE);
        return idle;
    }

    @AfterEach
    void close() {
        assertThat(Descriptor.openCount()).isEqualTo(before);
        first.event.close();
        second.event.close();
        other.close();
    }

    @Test
    void shouldSleepUntilAnyOfThemSignals() {
        try (var idle = idle(WaitPolicy.BLOCK)) {
            second.event.signal();
            assertThat(idle.idle(LONG_NANOS)).isTrue();
            other.signal();
            assertThat(idle.idle(LONG_NANOS)).isTrue();
            assertThat(idle.sleeps()).isEqualTo(2);
            assertThat(first.armed).isEqualTo(2).isEqualTo(first.disarmed);
            assertThat(second.armed).isEqualTo(2).isEqualTo(second.disarmed);
        }
    }

    @Test
    void shouldNotSleepWhereTheLookAfterArmingFindsWork() {
        try (var idle = idle(WaitPolicy.BLOCK)) {
            first.hasWork = true;
            assertThat(idle.idle(LONG_NANOS)).isFalse();
            assertThat(idle.sleeps()).isZero();
            assertThat(first.disarmed).isEqualTo(1);
            assertThat(second.armed).isEqualTo(second.disarmed);
        }
    }

    @Test
    void shouldLookForAWhileBeforeItSleepsAndBeginAnewWithWork() {
        try (var idle = idle(new WaitPolicy(LONG_NANOS, false))) {
            for (int i = 0; i < 1000; i++) {
                assertThat(idle.idle(LONG_NANOS)).isFalse();
            }
            assertThat(first.armed).isZero();
        }
        try (var idle = idle(new WaitPolicy(1, true))) {
            idle.idle(0);
            while (idle.sleeps() == 0) {
                idle.idle(0);
            }
            idle.found();
            assertThat(idle.idle(0)).isFalse();
        }
    }

    @Test
    void shouldNeverSleepWherePollingIsAsked() {
        try (var idle = idle(WaitPolicy.SPIN)) {
            for (int i = 0; i < 1000; i++) {
                assertThat(idle.idle(LONG_NANOS)).isFalse();
            }
            assertThat(idle.sleeps()).isZero();
            assertThat(first.armed).isZero();
        }
    }

    @Test
    void shouldTellOfADeviceThatWentAway() {
        try (var idle = idle(WaitPolicy.BLOCK)) {
            second.isGone = true;
            assertThatExceptionOfType(DeviceLostException.class)
                    .isThrownBy(() -> idle.idle(LONG_NANOS));
            assertThat(first.disarmed).isEqualTo(1);
        }
    }
}
