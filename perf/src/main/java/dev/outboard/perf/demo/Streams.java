package dev.outboard.perf.demo;

import dev.outboard.perf.report.Spread;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the streams of one setting have shown: every turn as both ends counted it, and the figures
 * of a size as medians over its turns. One thread.
 */
final class Streams {
    private static final double KIB = 1024;

    private final IommuSetting setting;
    private final boolean verified;
    private final Map<Integer, Boolean> agreed = new LinkedHashMap<>();
    private final Map<Integer, List<Turn>> turns = new LinkedHashMap<>();

    /** A measured turn, as the sender and the receiver counted it. */
    private record Turn(Map<String, Object> sent, Map<String, Object> received) {
        double throughputMbps() {
            return Children.decimal(sent, "throughputMbps");
        }

        double driverCpuPercent() {
            return Children.decimal(sent, "cpuPercent")
                    + Children.decimal(sent, "receiverCpuPercent");
        }

        /** Microseconds of the drivers' processor time for a KiB that arrived. */
        double driverMicrosPerKiB() {
            double micros = driverCpuPercent() / 100 * Children.decimal(sent, "seconds") * 1e6;
            return micros * KIB / Children.number(sent, "receivedBytes");
        }
    }

    /**
     * @param verified whether both ends say that all was right
     */
    Streams(IommuSetting setting, boolean verified) {
        this.setting = setting;
        this.verified = verified;
    }

    /** Adds a turn; one that is not measured counts for nothing but the verdict. */
    void add(
            int sizeBytes,
            boolean measured,
            Map<String, Object> sent,
            Map<String, Object> received) {
        agreed.merge(sizeBytes, isAgreed(sent, received), Boolean::logicalAnd);
        if (measured) {
            turns.computeIfAbsent(sizeBytes, size -> new ArrayList<>())
                    .add(new Turn(sent, received));
        }
    }

    /** Whether both ends counted the same, and found every byte right. */
    private static boolean isAgreed(Map<String, Object> sent, Map<String, Object> received) {
        return Boolean.TRUE.equals(sent.get("verified"))
                && Boolean.TRUE.equals(received.get("verified"))
                && Children.number(sent, "sentFrames")
                        == Children.number(received, "receivedFrames")
                && Children.number(sent, "sentBytes") == Children.number(received, "receivedBytes");
    }

    /**
     * The row of a size.
     *
     * @param base what to compare with, turn by turn: turns of one round lie next to each other
     */
    Row row(int sizeBytes, Streams base) {
        var measured = turns.getOrDefault(sizeBytes, List.of());
        var isolation = new Isolation(setting);
        for (var turn : measured) {
            isolation.add(turn.sent).add(turn.received);
        }
        return new Row(
                "stream",
                sizeBytes,
                setting,
                Spread.of(measured, Turn::throughputMbps).median(),
                Spread.of(measured, turn -> Children.decimal(turn.sent, "operationsPerSecond"))
                        .median(),
                Spread.of(measured, Turn::driverCpuPercent).median(),
                Spread.of(measured, turn -> Children.decimal(turn.sent, "deviceCpuPercent"))
                        .median(),
                isolation.hitRate(),
                isolation.faults(),
                isolation.windowEntries(),
                isolation.windowNanos(),
                verified && agreed.getOrDefault(sizeBytes, false) && !measured.isEmpty(),
                details(measured, base.turns.getOrDefault(sizeBytes, List.of()), isolation));
    }

    private static Map<String, Object> details(
            List<Turn> measured, List<Turn> base, Isolation isolation) {
        var details = new LinkedHashMap<String, Object>();
        details.put("rounds", measured.size());
        Spread.of(measured, Turn::throughputMbps).addTo(details, "throughputMbps");
        Spread.of(measured, Turn::driverMicrosPerKiB).addTo(details, "driverMicrosPerKiB");
        Spread.ofRatios(measured, base, Turn::throughputMbps).addTo(details, "throughputOfOff");
        Spread.ofRatios(measured, base, Turn::driverMicrosPerKiB)
                .addTo(details, "driverCpuPerByteOfOff");
        median(details, measured, "senderCpuPercent", "cpuPercent");
        median(details, measured, "receiverCpuPercent", "receiverCpuPercent");
        median(details, measured, "mediatorCpuPercent", "mediatorCpuPercent");
        median(details, measured, "senderCompilerPercent", "compilerPercent");
        median(details, measured, "receiverCompilerPercent", "receiverCompilerPercent");
        median(details, measured, "allocatedBytesPerFrame", "allocatedBytesPerFrame");
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
                        "stalls")) {
            details.put(
                    name,
                    measured.stream().mapToLong(turn -> Children.number(turn.sent, name)).sum());
        }
        isolation.addTo(details);
        return details;
    }

    private static void median(
            Map<String, Object> details, List<Turn> measured, String name, String field) {
        var spread = Spread.of(measured, turn -> Children.decimal(turn.sent, field));
        if (!Double.isNaN(spread.median())) {
            details.put(name, spread.median());
        }
    }
}
