package dev.outboard.perf.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outboard.host.process.ProcessFailedException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the demo makes of what driver processes say. */
class DemoRowsTest {
    private static final IommuSetting STRICT = IommuSetting.driver("calgary", "strict");

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
        assertThat(single(STRICT, sent(), new LinkedHashMap<>(), true).verified()).isFalse();
    }

    @Test
    void shouldNotVerifyASizeThatHadNoTurn() {
        var none = new Streams(STRICT, true);
        assertThat(none.row(64, none).verified()).isFalse();
        assertThat(none.row(64, none).throughputMbps()).isNaN();
    }

    @Test
    void shouldNotMeasureAWarmUpButHoldItToTheSameRule() {
        var streams = new Streams(STRICT, true);
        var fast = sent();
        fast.put("throughputMbps", 1e9);
        streams.add(64, false, fast, received());
        streams.add(64, true, sent(), received());
        assertThat(streams.row(64, streams).throughputMbps()).isEqualTo(10);
        assertThat(streams.row(64, streams).verified()).isTrue();
        var lost = received();
        lost.put("receivedFrames", 99L);
        streams.add(64, false, sent(), lost);
        assertThat(streams.row(64, streams).verified()).isFalse();
    }

    @Test
    void shouldTakeMediansAndCompareTurnByTurn() {
        var off = new Streams(IommuSetting.OFF, true);
        var strict = new Streams(STRICT, true);
        // Every turn is 0.9 of the one beside it, whatever the machine did meanwhile.
        for (double speed : List.of(10.0, 1000.0, 30.0, 20.0, 40.0)) {
            var fast = sent();
            fast.put("throughputMbps", speed);
            off.add(64, true, fast, received());
            var slow = sent();
            slow.put("throughputMbps", 0.9 * speed);
            slow.put("receiverCpuPercent", 44.0);
            strict.add(64, true, slow, received());
        }
        var row = strict.row(64, off);
        assertThat(row.throughputMbps()).isEqualTo(27);
        assertThat((double) row.details().get("throughputOfOff")).isCloseTo(0.9, within(1e-9));
        assertThat((double) row.details().get("driverCpuPerByteOfOff"))
                .isCloseTo(1.2, within(1e-9));
        // 70 % of a processor for 2 s, for 6400 bytes.
        assertThat((double) off.row(64, off).details().get("driverMicrosPerKiB"))
                .isCloseTo(1.4e6 / 6.25, within(1e-6));
        assertThat(row.details()).containsEntry("rounds", 5).containsEntry("sentFrames", 500L);
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
        for (var plan : List.of(DemoPlan.full(0.5, 5), DemoPlan.quick(0.2, 2))) {
            assertThat(plan.streams().getFirst()).isEqualTo(IommuSetting.OFF);
            assertThat(plan.streams().stream().map(IommuSetting::strategy))
                    .contains("strict", "deferred", "batched");
            assertThat(plan.streams()).anyMatch(IommuSetting::isMediated);
            assertThat(plan.disks()).contains(IommuSetting.OFF);
            assertThat(plan.seconds()).isLessThan(85);
        }
    }

    private static Row single(
            IommuSetting setting,
            Map<String, Object> sent,
            Map<String, Object> received,
            boolean verified) {
        var streams = new Streams(setting, verified);
        streams.add(64, true, sent, received);
        return streams.row(64, streams);
    }

    private static Map<String, Object> sent() {
        var row = counters(2, 6, 5000);
        row.put("sizeBytes", 64L);
        row.put("seconds", 2.0);
        row.put("throughputMbps", 10.0);
        row.put("operationsPerSecond", 100.0);
        row.put("cpuPercent", 40.0);
        row.put("receiverCpuPercent", 30.0);
        row.put("deviceCpuPercent", 20.0);
        row.put("sentFrames", 100L);
        row.put("sentBytes", 6400L);
        row.put("sentMessages", 50L);
        row.put("receivedMessages", 50L);
        row.put("receivedFrames", 100L);
        row.put("receivedBytes", 6400L);
        for (var name : List.of("missingFrames", "duplicateFrames", "corruptFrames", "stalls")) {
            row.put(name, 0L);
        }
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
