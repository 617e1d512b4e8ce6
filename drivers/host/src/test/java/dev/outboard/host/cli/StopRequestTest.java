package dev.outboard.host.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class StopRequestTest {
    private final StopRequest stop = new StopRequest();
    private final List<String> told = new ArrayList<>();

    @Test
    void shouldTellEveryListenerOnce() {
        stop.onStop(() -> told.add("a"));
        stop.onStop(() -> told.add("b"));
        assertThat(stop.isStopping()).isFalse();

        stop.stop();
        stop.stop();

        assertThat(stop.isStopping()).isTrue();
        assertThat(told).containsExactly("a", "b");
    }

    @Test
    void shouldTellThoseWhoComeLateAtOnce() {
        stop.stop();
        stop.onStop(() -> told.add("late"));

        assertThat(told).containsExactly("late");
    }

    @Test
    void shouldEndAWaitEarlyOrInTime() throws InterruptedException {
        assertThat(stop.await(1_000_000)).isFalse();
        var waiter =
                Thread.ofPlatform()
                        .start(() -> told.add("" + stop.await(TimeUnit.SECONDS.toNanos(60))));
        stop.stop();
        waiter.join();

        assertThat(told).containsExactly("true");
    }
}
