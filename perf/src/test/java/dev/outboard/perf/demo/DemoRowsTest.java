package dev.outboard.perf.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.host.process.ProcessFailedException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the demo makes of what driver processes say. */
class DemoRowsTest {
    private static final IommuSetting STRICT = new IommuSetting("calgary", "strict");

    @Test
    void shouldVerifyWhatBothEndsCountedEqual() {
        var row = single(STRICT, sent(), received(), true);
        assertThat(row.verified()).isTrue();
        assertThat(row.driverCpuPercent()).isEqualTo(70);
        assertThat(row.deviceCpuPercent()).isEqualTo(20);
        assertThat(row.faults()).isEqualTo(3);
        assertThat(row.windowEntries()).isEqualTo(9);
        assertThat(row.windowNanos()).isEqualTo(5000);
        assertThat(row.iotlbHitRate()).isEqualTo(0.25);
    }

    @Test
    void shouldNotVerifyWhenTheReceiverCountedFewer() {
        var received = received();
        received.put("receivedFrames", 99L);
        assertThat(single(STRICT, sent(), received, true).verified()).isFalse();
    }

    @Test
    void shouldNotVerifyWhenEitherEndDoesNot() {
        var sent = sent();
        sent.put("verified", false);
        assertThat(single(STRICT, sent, received(), true).verified()).isFalse();
        var received = received();
        received.put("verified", false);
        assertThat(single(STRICT, sent(), received, true).verified()).isFalse();
        assertThat(single(STRICT, sent(), received(), false).verified()).isFalse();
    }

    @Test
    void shouldNotVerifyWhatTheReceiverNeverSaw() {
        var rows = NetworkTrial.rows(STRICT, List.of(sent()), List.of(), true);
        assertThat(rows).singleElement().matches(row -> !row.verified());
    }

    @Test
    void shouldCompareWithTheMeasuredStreamAndNotWithItsWarmUp() {
        var warmup = received();
        warmup.put("receivedFrames", 7L);
        var rows = NetworkTrial.rows(STRICT, List.of(sent()), List.of(warmup, received()), true);
        assertThat(rows).singleElement().matches(Row::verified);
    }

    @Test
    void shouldSayNothingOfAnIommuThatIsOff() {
        var row = single(IommuSetting.OFF, sent(), received(), true);
        assertThat(row.iotlbHitRate()).isNull();
        assertThat(row.windowEntries()).isNull();
        assertThat(row.fields())
                .containsEntry("iommu", "off")
                .containsEntry("strategy", "off")
                .containsEntry("owner", "none")
                .containsKeys("iotlbHitRate", "windowEntries", "windowNanos");
    }

    @Test
    void shouldRefuseARowWithoutItsNumbers() {
        var sent = sent();
        sent.remove("sentFrames");
        assertThatThrownBy(() -> single(STRICT, sent, received(), true))
                .isInstanceOf(ProcessFailedException.class)
                .hasMessageContaining("sentFrames");
    }

    @Test
    void shouldPrintATableWhoseColumnsAlign() {
        var lines =
                Table.format(
                        List.of(
                                single(STRICT, sent(), received(), true),
                                single(IommuSetting.OFF, sent(), received(), false)));
        assertThat(lines).hasSize(4);
        assertThat(lines.stream().map(String::length).distinct()).hasSize(1);
        assertThat(lines.get(2)).contains("calgary").contains("25.00 %").endsWith("yes");
        assertThat(lines.get(3)).contains("always").endsWith("NO");
    }

    @Test
    void shouldSayWhatWasVerifiedAndWhatWasNot() {
        var good = List.of(single(STRICT, sent(), received(), true));
        assertThat(Verdict.of(good, true))
                .startsWith("Verified: 50 messages")
                .contains("none lost, none corrupt, faults: 3");
        var sent = sent();
        sent.put("verified", false);
        sent.put("missingFrames", 4L);
        var bad = List.of(single(STRICT, sent, received(), false));
        assertThat(Verdict.of(bad, false))
                .startsWith("NOT VERIFIED")
                .contains("4 frames lost")
                .contains("stream 64 calgary strict");
    }

    @Test
    void shouldWriteAReportThatSaysWhereItComesFrom() {
        var json =
                Report.toJson(
                        "outboard demo",
                        List.of(single(STRICT, sent(), received(), true)),
                        true,
                        1);
        assertThat(json)
                .contains("\"command\" : \"outboard demo\"")
                .contains("\"machine\"")
                .contains("\"versions\"")
                .contains("\"time\"")
                .contains("\"rows\"")
                .contains("\"sizeBytes\" : 64")
                .contains("\"verified\" : true");
    }

    @Test
    void shouldPlanEverySettingAndStayUnderItsTime() {
        for (var plan : List.of(DemoPlan.full(0.8), DemoPlan.quick(0.2))) {
            assertThat(plan.trials().stream().map(trial -> trial.setting().strategy()))
                    .contains("off", "strict", "deferred");
            assertThat(plan.seconds()).isLessThan(80);
        }
    }

    private static Row single(
            IommuSetting setting,
            Map<String, Object> sent,
            Map<String, Object> received,
            boolean verified) {
        return NetworkTrial.rows(setting, List.of(sent), List.of(received), verified).getFirst();
    }

    private static Map<String, Object> sent() {
        var row = counters(2, 6, 5000);
        row.put("sizeBytes", 64L);
        row.put("throughputMbps", 10.0);
        row.put("operationsPerSecond", 100.0);
        row.put("cpuPercent", 40.0);
        row.put("receiverCpuPercent", 30.0);
        row.put("deviceCpuPercent", 20.0);
        row.put("sentFrames", 100L);
        row.put("sentBytes", 6400L);
        row.put("sentMessages", 50L);
        row.put("receivedMessages", 50L);
        row.put("receivedBytes", 6400L);
        row.put("verified", true);
        return row;
    }

    private static Map<String, Object> received() {
        var row = counters(1, 9, 4000);
        row.put("sizeBytes", 64L);
        row.put("receivedFrames", 100L);
        row.put("receivedBytes", 6400L);
        row.put("verified", true);
        return row;
    }

    private static Map<String, Object> counters(long faults, long windowEntries, long windowNanos) {
        var row = new LinkedHashMap<String, Object>();
        row.put("translations", 40L);
        row.put("iotlbHits", 10L);
        row.put("faults", faults);
        row.put("maps", 5L);
        row.put("flushes", 1L);
        row.put("windowEntries", windowEntries);
        row.put("windowNanos", windowNanos);
        return row;
    }
}
