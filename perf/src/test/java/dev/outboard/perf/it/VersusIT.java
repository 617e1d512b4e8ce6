package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The comparisons run from what was packaged; who is faster is not judged here. */
class VersusIT extends ProcessTest {
    @Test
    void shouldCompareFramesWithDpdkAsAnArrayOfPairs() throws IOException {
        Peers.need("dpdk", "dpdk-testpmd");
        var versus = run("versus", "net", "--quick", "--only", "frames", "--json");
        assertThat(versus.exitCode()).as(versus.process().errorOutput()).isZero();
        var rows = rows(versus.process().output());
        assertThat(rows)
                .extracting(row -> row.get("what"))
                .containsExactly(
                        "transmit 64 bytes, split ring",
                        "transmit 1500 bytes, split ring",
                        "receive 64 bytes, split ring",
                        "receive 1500 bytes, split ring",
                        "transmit 64 bytes, packed ring",
                        "transmit 1500 bytes, packed ring",
                        "receive 64 bytes, packed ring",
                        "receive 1500 bytes, packed ring");
        assertThat(rows)
                .allSatisfy(
                        row ->
                                assertThat(row.keySet())
                                        .containsExactly(
                                                "what",
                                                "peer",
                                                "ours",
                                                "theirs",
                                                "unit",
                                                "ratio",
                                                "ratioLow",
                                                "ratioHigh",
                                                "pairs"));
        assertThat(rows).anySatisfy(row -> assertThat((double) row.get("ours")).isPositive());
        assertThat(rows).anySatisfy(row -> assertThat((double) row.get("theirs")).isPositive());
    }

    @Test
    void shouldTellWhatAnIommuCostsTheKernelsStack() throws IOException {
        Peers.need("iperf3", "iperf3");
        Peers.needRoot("two hosts in namespaces");
        var versus = run("versus", "net", "--quick", "--only", "iommu-tap", "--json");
        assertThat(versus.exitCode()).as(versus.process().errorOutput()).isZero();
        assertThat(rows(versus.process().output()))
                .extracting(row -> row.get("what"))
                .containsExactly(
                        "iperf3 TCP over TAPs, IOMMU strict",
                        "iperf3 TCP over TAPs, IOMMU strict, processor");
    }

    @Test
    void shouldSayWhatThereIsToCompare() {
        var versus = run("versus", "net", "--only", "nonsense");
        assertThat(versus.exitCode()).isNotZero();
        assertThat(String.join(" ", versus.complaint()))
                .contains("nonsense", "frames", "kernel", "roundtrip", "iommu");
    }

    @Test
    void shouldRefuseASoakOfNothing() {
        var versus = run("versus", "disk", "--soak", "1");
        assertThat(versus.exitCode()).isNotZero();
        assertThat(String.join(" ", versus.complaint())).contains("--soak");
    }

    private static List<Map<String, Object>> rows(String json) throws IOException {
        var rows = new ArrayList<Map<String, Object>>();
        try (var parser = new JsonFactory().createParser(json)) {
            assertThat(parser.nextToken()).isEqualTo(JsonToken.START_ARRAY);
            while (parser.nextToken() == JsonToken.START_OBJECT) {
                var row = new LinkedHashMap<String, Object>();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    var name = parser.currentName();
                    row.put(
                            name,
                            parser.nextToken() == JsonToken.VALUE_STRING
                                    ? parser.getText()
                                    : parser.currentToken() == JsonToken.VALUE_NULL
                                            ? Double.NaN
                                            : (Object) parser.getDoubleValue());
                }
                rows.add(row);
            }
        }
        return rows;
    }
}
