package dev.outboard.host.top;

import dev.outboard.host.control.Fields;
import dev.outboard.iommu.IoPage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Samples as people read them: a table of drivers, and one of mediators' clients. Stateless. */
final class TopTable {
    private static final String NONE = "-";
    private static final List<String> DRIVERS =
            List.of(
                    "NAME",
                    "PID",
                    "DRIVER",
                    "OWNER",
                    "STRATEGY",
                    "STATE",
                    "FRAMES",
                    "OF",
                    "MAPPINGS",
                    "MAPPED",
                    "STALE",
                    "MAPS/S",
                    "UNMAPS/S",
                    "FAULTS",
                    "POOL");
    private static final List<String> CLIENTS =
            List.of(
                    "MEDIATOR",
                    "CLIENT",
                    "PID",
                    "FRAMES",
                    "OF",
                    "ENTRIES",
                    "OF",
                    "MAPPINGS",
                    "OF",
                    "REFUSED",
                    "DEVICES");

    /** Columns of words; those of numbers end at the same place. */
    private static final List<String> WORDS =
            List.of(
                    "NAME",
                    "DRIVER",
                    "OWNER",
                    "STRATEGY",
                    "STATE",
                    "MEDIATOR",
                    "CLIENT",
                    "DEVICES");

    private TopTable() {}

    /** The lines of both tables; one line that says so if there is nothing. */
    static List<String> lines(List<Sample> samples) {
        var lines = new ArrayList<String>();
        var drivers = new ArrayList<List<String>>();
        var clients = new ArrayList<List<String>>();
        for (var sample : samples) {
            if (sample.isMediator()) {
                sample.clients().forEach(client -> clients.add(client(sample, client)));
                if (sample.clients().isEmpty()) {
                    clients.add(nobody(sample));
                }
            } else {
                drivers.add(driver(sample));
            }
        }
        add(lines, DRIVERS, drivers);
        add(lines, CLIENTS, clients);
        return lines.isEmpty() ? List.of("nothing runs here: outboard run starts a driver") : lines;
    }

    private static List<String> driver(Sample sample) {
        if (sample.status() == null) {
            return row(DRIVERS.size(), sample.socket(), NONE, NONE, NONE, NONE, "no answer");
        }
        return List.of(
                sample.text("name"),
                sample.text("pid"),
                sample.text("driver"),
                sample.text("owner"),
                sample.text("strategy"),
                sample.text("state"),
                count(sample.number("memory.allocatedFrames")),
                count(sample.number("memory.frames")),
                count(sample.number("dma.liveMappings")),
                bytes(sample.number("dma.livePages")),
                count(sample.number("dma.staleEntries")),
                count(Math.round(sample.mapsPerSecond())),
                count(Math.round(sample.unmapsPerSecond())),
                count(sample.number("faults")),
                count(sample.number("pool.level")));
    }

    private static List<String> client(Sample mediator, Map<?, ?> client) {
        long refused = 0;
        if (client.get("refusals") instanceof Map<?, ?> reasons) {
            for (var count : reasons.values()) {
                refused += count instanceof Number number ? number.longValue() : 0;
            }
        }
        return List.of(
                mediator.socket(),
                Fields.text(client, "name"),
                Fields.text(client, "pid"),
                count(Fields.number(client, "frames.usage")),
                count(Fields.number(client, "frames.limit")),
                count(Fields.number(client, "entries.usage")),
                count(Fields.number(client, "entries.limit")),
                count(Fields.number(client, "mappings.usage")),
                count(Fields.number(client, "mappings.limit")),
                count(refused),
                devices(client));
    }

    private static String devices(Map<?, ?> client) {
        return client.get("devices") instanceof List<?> names && !names.isEmpty()
                ? String.join(",", names.stream().map(String::valueOf).toList())
                : NONE;
    }

    private static List<String> nobody(Sample mediator) {
        return row(CLIENTS.size(), mediator.socket(), "nobody");
    }

    private static List<String> row(int columns, String... first) {
        var row = new ArrayList<>(List.of(first));
        while (row.size() < columns) {
            row.add(NONE);
        }
        return row;
    }

    private static String count(long number) {
        return number < 0 ? NONE : String.format(Locale.ROOT, "%,d", number);
    }

    /** How much so many pages are. */
    private static String bytes(long pages) {
        if (pages < 0) {
            return NONE;
        }
        long kib = pages << IoPage.SHIFT - 10;
        return kib < 10_240 ? count(kib) + " KiB" : count(kib >> 10) + " MiB";
    }

    private static void add(List<String> lines, List<String> head, List<List<String>> rows) {
        if (rows.isEmpty()) {
            return;
        }
        if (!lines.isEmpty()) {
            lines.add("");
        }
        var widths = head.stream().mapToInt(String::length).toArray();
        for (var row : rows) {
            for (int column = 0; column < widths.length; column++) {
                widths[column] = Math.max(widths[column], row.get(column).length());
            }
        }
        lines.add(line(head, head, widths));
        rows.forEach(row -> lines.add(line(head, row, widths)));
    }

    private static String line(List<String> head, List<String> row, int[] widths) {
        var line = new StringBuilder();
        for (int column = 0; column < widths.length; column++) {
            var left = WORDS.contains(head.get(column)) ? "-" : "";
            line.append(String.format("%" + left + widths[column] + "s  ", printable(row, column)));
        }
        return line.toString().stripTrailing();
    }

    /** Names come from other processes: none of them moves the cursor. */
    private static String printable(List<String> row, int column) {
        return row.get(column).replaceAll("\\p{Cntrl}", "?");
    }
}
