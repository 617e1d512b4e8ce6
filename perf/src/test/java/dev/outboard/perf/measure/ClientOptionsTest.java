package dev.outboard.perf.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ClientOptionsTest {
    @Test
    void shouldReadNumbersListsTimesAndWatchedProcesses() {
        var options =
                new ClientOptions(
                        Map.of("sizes", "64, 1500", "millis", "20", "watch.device", "17"),
                        Set.of("sizes", "millis", "seed"));
        assertThat(options.numbers("sizes", "1", 1, 2000)).containsExactly(64, 1500);
        assertThat(options.nanos("millis", 5)).isEqualTo(20_000_000);
        assertThat(options.number("seed", 9, 0, 10)).isEqualTo(9);
        assertThat(options.watched()).containsExactly(Map.entry("device", 17L));
    }

    @Test
    void shouldNameAnOptionThatNobodyKnows() {
        assertThatThrownBy(() -> new ClientOptions(Map.of("size", "64"), Set.of("sizes")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no option size here")
                .hasMessageContaining("sizes");
    }

    @Test
    void shouldNameAValueThatIsNoNumberOrOutOfRange() {
        var options =
                new ClientOptions(Map.of("sizes", "64,x", "seed", "11"), Set.of("sizes", "seed"));
        assertThatThrownBy(() -> options.numbers("sizes", "1", 1, 100))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("sizes=x");
        assertThatThrownBy(() -> options.number("seed", 1, 0, 10))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("seed=11");
    }
}
