package dev.outboard.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import org.junit.jupiter.api.Test;

/** What the driver tells its user, and how much of it at most. */
class NoticesTest {
    private static final int MOST = 8;

    private final Notices notices = new Notices();
    private final ArrayList<String> told = new ArrayList<>();

    @Test
    void shouldTellNoMoreThanAFewASecond() {
        notices.listener(notice -> told.add(notice.text()));
        for (int round = 0; round < 10_000; round++) {
            notices.tell("health", "round " + round);
        }
        // Seconds may end in between, on a slow machine; thousands do not.
        assertThat(told).hasSizeBetween(MOST, 100).contains("round 0");
    }

    @Test
    void shouldKeepTheFirstForWhoComesLater() {
        notices.tell("changed", "early");
        notices.listener(notice -> told.add(notice.kind() + " " + notice.text()));
        notices.tell("changed", "late");
        assertThat(told).containsExactly("changed early", "changed late");
    }
}
