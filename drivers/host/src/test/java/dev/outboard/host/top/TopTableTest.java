package dev.outboard.host.top;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outboard.host.event.Event;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What top makes of what processes show of themselves, which may lack anything. */
class TopTableTest {
    private static final long SECOND = 1_000_000_000;

    private static Event driver(String name, long maps) {
        return Event.of(
                "status",
                "kind",
                "driver",
                "name",
                name,
                "pid",
                7,
                "seconds",
                2.0,
                "memory",
                Map.of("frames", 16_384, "allocatedFrames", 1200),
                "dma",
                Map.of("maps", maps, "liveMappings", 3, "livePages", 5));
    }

    private static Sample sample(Event status) {
        return Sample.of("x.7", status, SECOND, null);
    }

    @Test
    void shouldShowDriversAndClients() {
        var mediator =
                Event.of(
                        "status",
                        "kind",
                        "mediator",
                        "clients",
                        List.of(
                                Map.of(
                                        "name",
                                        "nic0",
                                        "pid",
                                        8,
                                        "frames",
                                        Map.of("usage", 64, "limit", 100),
                                        "refusals",
                                        Map.of("not-yours", 2, "no-room", 3))));
        var lines = TopTable.lines(List.of(sample(driver("nic0", 10)), sample(mediator)));
        assertThat(lines).hasSize(5);
        assertThat(lines.get(0)).startsWith("NAME").endsWith("POOL");
        assertThat(lines.get(1)).startsWith("nic0").contains("1,200  16,384").contains("20 KiB");
        assertThat(lines.get(3)).startsWith("MEDIATOR");
        assertThat(lines.get(4)).startsWith("x.7").contains("64  100").contains(" 5  -");
    }

    @Test
    void shouldShowWhoDoesNotAnswerAndWhatIsNotThere() {
        assertThat(TopTable.lines(List.of()))
                .containsExactly("nothing runs here: outboard run starts a driver");
        var lines = TopTable.lines(List.of(sample(null), sample(Event.of("status"))));
        assertThat(lines.get(1)).startsWith("x.7").contains("no answer");
        assertThat(lines.get(2)).doesNotContain("-1").contains("-");
        assertThat(TopTable.lines(List.of(sample(Event.of("status", "kind", "mediator")))))
                .anyMatch(line -> line.contains("nobody"));
    }

    @Test
    void shouldNotLetANameMoveTheCursor() {
        assertThat(TopTable.lines(List.of(sample(driver("\033[2Jnic\n0", 1)))).get(1))
                .startsWith("?[2Jnic?0");
    }

    @Test
    void shouldSayRatesOfTheTimeBetweenTwoLooks() {
        var first = sample(driver("nic0", 100));
        assertThat(first.mapsPerSecond()).isCloseTo(50, within(0.001));
        var second = Sample.of("x.7", driver("nic0", 400), 3 * SECOND, first);
        assertThat(second.mapsPerSecond()).isCloseTo(150, within(0.001));
        var silent = Sample.of("x.7", null, 4 * SECOND, second);
        assertThat(silent.mapsPerSecond()).isZero();
        var again = Sample.of("x.7", driver("nic0", 30), 4 * SECOND, second);
        assertThat(again.mapsPerSecond()).as("it started again").isCloseTo(30, within(0.001));
    }
}
