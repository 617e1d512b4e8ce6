package dev.outboard.host.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class EventLogTest {
    private static final int LIMIT = 4096;

    private final EventLog log = new EventLog();

    @Test
    void shouldForgetTheOldestOfTooMany() {
        for (int i = 0; i < LIMIT + 10; i++) {
            log.add(Event.of("e", "n", (long) i));
        }

        assertThat(log.snapshot()).hasSize(LIMIT);
        assertThat(log.snapshot().getFirst().number("n")).isEqualTo(10);
    }

    @Test
    void shouldTakeWhatIsThereThoughNoMoreWillCome() throws InterruptedException {
        log.add(Event.of("a"));
        log.end();

        assertThat(log.take("a", 0)).isEqualTo(Event.of("a"));
        assertThat(log.take("a", Long.MAX_VALUE / 4)).as("it has ended").isNull();
        assertThat(log.hasEnded()).isTrue();
    }

    @Test
    void shouldWakeAWaiterWhenItsEventComes() throws InterruptedException {
        var taken = new ArrayList<Event>();
        var waiter =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    try {
                                        taken.add(log.take("b", 20_000_000_000L));
                                    } catch (InterruptedException e) {
                                        Thread.currentThread().interrupt();
                                    }
                                });
        log.add(Event.of("a"));
        log.add(Event.of("b"));
        waiter.join();

        assertThat(taken).containsExactly(Event.of("b"));
        assertThat(log.snapshot()).containsExactly(Event.of("a"));
    }

    @Test
    void shouldKeepTheEndOfWhatAProgramSays() {
        var tail = new OutputTail();
        assertThat(tail.lastLine()).isNull();
        for (int i = 0; i < 1500; i++) {
            tail.add("line " + i);
        }
        tail.add("x".repeat(10_000));
        tail.add("  ");

        assertThat(tail.text().lines()).hasSize(1000).first().isEqualTo("line 502");
        assertThat(tail.lastLine()).hasSize(4000);
    }
}
