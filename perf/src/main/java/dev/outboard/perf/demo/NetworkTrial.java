package dev.outboard.perf.demo;

import dev.outboard.host.cli.StopRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Messages from one driver process through the switch of a device process to another driver
 * process.
 *
 * <pre>
 *   run virtio-net                    device nic                     run virtio-net
 *     stream-send ──────────► port 0 ── switch ── port 1 ──────────► stream-receive
 *     its IOMMU ◄─ attaches ── port 0             port 1 ── attaches ─► its IOMMU
 * </pre>
 */
final class NetworkTrial {
    private static final String SENDER = "nic0";
    private static final String RECEIVER = "nic1";

    private final DemoPlan plan;
    private final StopRequest stop;

    NetworkTrial(DemoPlan plan, StopRequest stop) {
        this.plan = plan;
        this.stop = stop;
    }

    /** Runs one setting: a row for each size. */
    List<Row> run(DemoPlan.Trial trial) {
        var setting = trial.setting();
        try (var workspace = new Workspace(stop)) {
            var nic = new ArrayList<>(List.of("device", "nic"));
            nic.addAll(workspace.portWords(SENDER, setting));
            nic.addAll(workspace.portWords(RECEIVER, setting));
            nic.add("--json");
            var device = workspace.start("the network device", nic);
            var receiver =
                    workspace.start(
                            "the receiving driver",
                            workspace.runWords(
                                    "virtio-net", RECEIVER, setting, "stream-receive", List.of()));
            var sizes =
                    trial.sizes().stream().map(String::valueOf).collect(Collectors.joining(","));
            var sender =
                    workspace.start(
                            "the sending driver",
                            workspace.runWords(
                                    "virtio-net",
                                    SENDER,
                                    setting,
                                    "stream-send",
                                    List.of(
                                            "sizes=" + sizes,
                                            "millis=" + plan.millis(),
                                            "warmupMillis=" + plan.warmupMillis(),
                                            "watch.device=" + device.pid(),
                                            "watch.receiver=" + receiver.pid())));
            var limit =
                    Duration.ofMillis(
                            20_000
                                    + trial.sizes().size()
                                            * 3
                                            * (plan.millis() + plan.warmupMillis()));
            var sent = Children.result(sender, limit);
            var received = Children.result(receiver, Duration.ofSeconds(20));
            boolean verified = Children.isVerified(sent) && Children.isVerified(received);
            return rows(
                    setting,
                    Children.rows(sent, "streams"),
                    Children.rows(received, "streams"),
                    verified);
        }
    }

    /** Pairs what the sender measured with what the receiver counted of the same stream. */
    static List<Row> rows(
            IommuSetting setting,
            List<Map<String, Object>> sent,
            List<Map<String, Object>> received,
            boolean verified) {
        var rows = new ArrayList<Row>();
        var lastOfSize = new LinkedHashMap<Long, Map<String, Object>>();
        // The measured stream of a size follows its warm-up.
        received.forEach(row -> lastOfSize.put(Children.number(row, "sizeBytes"), row));
        for (var row : sent) {
            long size = Children.number(row, "sizeBytes");
            var peer = lastOfSize.getOrDefault(size, Map.of());
            rows.add(row(setting, size, row, peer, verified));
        }
        return rows;
    }

    private static Row row(
            IommuSetting setting,
            long size,
            Map<String, Object> sent,
            Map<String, Object> received,
            boolean verified) {
        boolean agreed =
                verified
                        && Boolean.TRUE.equals(sent.get("verified"))
                        && Boolean.TRUE.equals(received.get("verified"))
                        && Children.number(sent, "sentFrames")
                                == Children.number(received, "receivedFrames")
                        && Children.number(sent, "sentBytes")
                                == Children.number(received, "receivedBytes");
        var both = new Isolation(setting).add(sent).add(received);
        var details = new LinkedHashMap<String, Object>();
        details.put("seconds", sent.get("seconds"));
        details.put("senderCpuPercent", sent.get("cpuPercent"));
        details.put("receiverCpuPercent", sent.get("receiverCpuPercent"));
        for (var name :
                List.of(
                        "sentMessages",
                        "receivedMessages",
                        "sentFrames",
                        "receivedFrames",
                        "sentBytes",
                        "receivedBytes",
                        "missingFrames",
                        "duplicateFrames",
                        "corruptFrames",
                        "stalls",
                        "allocatedBytesPerFrame")) {
            details.put(name, sent.get(name));
        }
        both.addTo(details);
        return new Row(
                "stream",
                size,
                setting,
                Children.decimal(sent, "throughputMbps"),
                Children.decimal(sent, "operationsPerSecond"),
                Children.decimal(sent, "cpuPercent") + Children.decimal(sent, "receiverCpuPercent"),
                Children.decimal(sent, "deviceCpuPercent"),
                both.hitRate(),
                both.faults(),
                both.windowEntries(),
                both.windowNanos(),
                agreed,
                details);
    }
}
