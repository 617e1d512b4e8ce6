package dev.outboard.host.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What Prometheus reads of a status. */
class MetricsTest {
    @Test
    void shouldTellOfADriver() {
        var text =
                Metrics.write(
                        Event.of(
                                "status",
                                "kind",
                                "driver",
                                "name",
                                "nic0",
                                "strategy",
                                "strict",
                                "memory",
                                Map.of(
                                        "frames",
                                        256,
                                        "segments",
                                        List.of(Map.of("address", "0x1000", "presentBytes", 1))),
                                "dma",
                                Map.of("maps", 12, "windowNanos", 1_500_000_000L)));
        assertThat(text)
                .contains("outboard_memory_frames{")
                .contains("strategy=\"strict\"} 256.0")
                .contains("# TYPE outboard_dma_maps_total counter")
                .contains("outboard_dma_window_seconds{")
                .contains("} 1.5")
                .contains("outboard_segment_bytes{address=\"0x1000\",name=\"nic0\"")
                .doesNotContain("iotlb");
    }

    @Test
    void shouldTellOfAMediatorsClients() {
        var quota = new LinkedHashMap<String, Object>();
        quota.put("usage", 3);
        quota.put("limit", null);
        var text =
                Metrics.write(
                        Event.of(
                                "status",
                                "kind",
                                "mediator",
                                "name",
                                "mediator",
                                "clients",
                                Arrays.asList(
                                        Map.of("name", "a", "frames", quota),
                                        Map.of("name", "b", "frames", quota))));
        assertThat(text)
                .contains("outboard_client_usage{client=\"a\",resource=\"frames\"} 3.0")
                .contains("outboard_client_usage{client=\"b\",resource=\"frames\"} 3.0")
                .as("there is no limit")
                .doesNotContain("outboard_client_limit");
    }

    @Test
    void shouldTellOfNothingWhereThereIsNothing() {
        assertThat(Metrics.write(Event.of("status"))).isEmpty();
        assertThat(Metrics.write(Event.of("status", "kind", "driver", "dma", "no object")))
                .isEmpty();
        assertThat(Metrics.write(Event.of("status", "kind", "mediator", "clients", 7))).isEmpty();
    }
}
