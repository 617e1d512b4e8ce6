package dev.outboard.perf.versus;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FiguresTest {
    private final Figures figures = new Figures();

    @Test
    void shouldSayTheMedianOfTheRatiosOfPairsAndNotTheRatioOfMedians() {
        figures.rate("transmit", "DPDK", "frames/s", 10, 10);
        figures.rate("transmit", "DPDK", "frames/s", 20, 40);
        figures.rate("transmit", "DPDK", "frames/s", 30, 20);
        var row = figures.rows().getFirst();
        assertThat(row)
                .containsEntry("ours", 20.0)
                .containsEntry("theirs", 20.0)
                .containsEntry("ratio", 1.0)
                .containsEntry("ratioLow", 0.5)
                .containsEntry("ratioHigh", 1.5)
                .containsEntry("pairs", 3);
    }

    @Test
    void shouldHaveExactlyTheFieldsThatWerePromised() {
        figures.cost("ping", "veth", "us", 1, 2);
        assertThat(figures.rows().getFirst().keySet())
                .containsExactly(
                        "what",
                        "peer",
                        "ours",
                        "theirs",
                        "unit",
                        "ratio",
                        "ratioLow",
                        "ratioHigh",
                        "pairs");
    }

    @Test
    void shouldKeepARowForEachPeerInTheOrderOfTheFirst() {
        figures.rate("TCP", "DPDK", "Mbit/s", 1, 1);
        figures.rate("TCP", "veth", "Mbit/s", 1, 9);
        figures.rate("TCP", "DPDK", "Mbit/s", 2, 1);
        assertThat(figures.rows())
                .extracting(row -> row.get("peer"))
                .containsExactly("DPDK", "veth");
        assertThat(figures.table()).hasSize(4);
        assertThat(figures.table().getLast()).contains("veth").endsWith("more");
    }

    @Test
    void shouldTakeBothSidesOfAPairInTurn() {
        var order = new ArrayList<String>();
        for (int pair = 0; pair < 3; pair++) {
            Bench.pair(pair, () -> order.add("ours"), () -> order.add("theirs"));
        }
        assertThat(order).isEqualTo(List.of("ours", "theirs", "theirs", "ours", "ours", "theirs"));
    }
}
