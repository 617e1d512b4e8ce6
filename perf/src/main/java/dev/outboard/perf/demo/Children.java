package dev.outboard.perf.demo;

import dev.outboard.driver.ClientContext;
import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import dev.outboard.host.process.ProcessFailedException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** How the demo's children are started and what is read from them. Stateless. */
final class Children {
    private Children() {}

    /** The words that run a client on a driver. */
    static List<String> run(
            String driver,
            Path socket,
            Path iommuSocket,
            IommuSetting setting,
            String client,
            List<String> options) {
        var words = new ArrayList<>(List.of("run", driver, "--device", "vhost-user:" + socket));
        words.addAll(setting.runWords(iommuSocket));
        words.addAll(List.of("--client", client));
        for (var option : options) {
            words.addAll(List.of("-o", option));
        }
        words.add("--json");
        return words;
    }

    /**
     * Waits for the figures of a driver process, and for its end.
     *
     * @throws ProcessFailedException when there are none, or it failed
     */
    static Event result(OutboardProcess process, Duration limit) {
        var result = process.awaitEvent(Event.RESULT, limit);
        int code = process.awaitExit(Duration.ofSeconds(20));
        if (code != 0 && !isRefuted(result)) {
            throw new ProcessFailedException(
                    "%s ended with exit code %d: %s"
                            .formatted(process.name(), code, process.errorOutput()));
        }
        return result;
    }

    /** Wrong data is a row of the table, and the verdict; not the end of the demo. */
    private static boolean isRefuted(Event result) {
        return result.fields().get("client") instanceof Map<?, ?> client
                && Boolean.FALSE.equals(client.get(ClientContext.VERIFIED));
    }

    /** What the client of a driver process said under this name: a list of rows. */
    static List<Map<String, Object>> rows(Event result, String name) {
        if (result.fields().get("client") instanceof Map<?, ?> client
                && client.get(name) instanceof List<?> list) {
            return list.stream().map(Children::row).toList();
        }
        throw new ProcessFailedException("a driver's result has no " + name + ": " + result);
    }

    private static Map<String, Object> row(Object item) {
        if (item instanceof Map<?, ?> map) {
            var row = new java.util.LinkedHashMap<String, Object>();
            map.forEach((key, value) -> row.put(String.valueOf(key), value));
            return row;
        }
        throw new ProcessFailedException("a driver's row is no object: " + item);
    }

    /** Whether the client of a driver process said that all was verified. */
    static boolean isVerified(Event result) {
        return result.fields().get("client") instanceof Map<?, ?> client
                && Boolean.TRUE.equals(client.get("verified"));
    }

    static double decimal(Map<String, Object> row, String field) {
        return row.get(field) instanceof Number number ? number.doubleValue() : Double.NaN;
    }

    /**
     * A whole number.
     *
     * @throws ProcessFailedException when the row has none of this name
     */
    static long number(Map<String, Object> row, String field) {
        if (row.get(field) instanceof Number number) {
            return number.longValue();
        }
        throw new ProcessFailedException("a driver's row has no number " + field + ": " + row);
    }
}
