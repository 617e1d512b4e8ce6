package dev.outboard.perf.measure;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The fields of one measured result, in order: the names that every report of this project uses.
 */
public final class Results {
    private final Map<String, Object> fields = new LinkedHashMap<>();

    /** Adds a field. */
    public Results put(String name, Object value) {
        fields.put(name, value);
        return this;
    }

    /**
     * Adds time and processor time: {@code seconds}, {@code cpuPercent} of this process with its
     * user and system part, and {@code NAMECpuPercent} of the watched ones; what their compilers
     * took stands beside, as {@code compilerPercent} and {@code NAMECompilerPercent}.
     */
    public Results put(Measurement measured) {
        put("seconds", measured.elapsedSeconds());
        put("cpuPercent", measured.cpuPercent(Measurement.SELF));
        put("compilerPercent", measured.compilerPercent(Measurement.SELF));
        var self = measured.usage(Measurement.SELF);
        if (self != null) {
            put("userMillis", self.userNanos() / 1_000_000);
            put("systemMillis", self.systemNanos() / 1_000_000);
            put("waitedMillis", self.waitNanos() / 1_000_000);
        }
        for (var name : measured.watched()) {
            double percent = measured.cpuPercent(name);
            if (!Double.isNaN(percent)) {
                put(name + "CpuPercent", percent);
                put(name + "CompilerPercent", measured.compilerPercent(name));
            }
        }
        return this;
    }

    /** The fields so far. */
    public Map<String, Object> fields() {
        return fields;
    }
}
