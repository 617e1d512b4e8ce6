package dev.outboard.perf.versus;

import dev.outboard.perf.report.TextTable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What was measured, pair by pair: a row for each thing and peer, in the order of the first. */
final class Figures {
    private static final TextTable TABLE =
            new TextTable(
                    List.of(
                            "what", "peer", "ours", "theirs", "unit", "ratio", "from", "to",
                            "pairs", "better"),
                    Set.of(0, 1, 4, 9));

    private static final double KILO = 1e3;

    private final Map<Key, Pairs> rows = new LinkedHashMap<>();

    private record Key(String what, String peer, String unit) {}

    private record Pairs(boolean isMoreBetter, Samples ours, Samples theirs) {}

    /**
     * A pair of something of which more is better.
     *
     * @param what was measured
     * @param peer beside whom
     */
    void rate(String what, String peer, String unit, double ours, double theirs) {
        add(new Key(what, peer, unit), true, ours, theirs);
    }

    /** A pair of something of which less is better. */
    void cost(String what, String peer, String unit, double ours, double theirs) {
        add(new Key(what, peer, unit), false, ours, theirs);
    }

    private void add(Key key, boolean isMoreBetter, double ours, double theirs) {
        var pairs =
                rows.computeIfAbsent(
                        key, absent -> new Pairs(isMoreBetter, new Samples(), new Samples()));
        pairs.ours.add(ours);
        pairs.theirs.add(theirs);
    }

    boolean isEmpty() {
        return rows.isEmpty();
    }

    /** For machines. */
    List<Map<String, Object>> rows() {
        var list = new ArrayList<Map<String, Object>>();
        rows.forEach(
                (key, pairs) -> {
                    var ratio = Samples.ratios(pairs.ours, pairs.theirs);
                    var row = new LinkedHashMap<String, Object>();
                    row.put("what", key.what);
                    row.put("peer", key.peer);
                    row.put("ours", pairs.ours.median());
                    row.put("theirs", pairs.theirs.median());
                    row.put("unit", key.unit);
                    row.put("ratio", ratio.median());
                    row.put("ratioLow", ratio.minimum());
                    row.put("ratioHigh", ratio.maximum());
                    row.put("pairs", ratio.count());
                    list.add(row);
                });
        return list;
    }

    /** For people. */
    List<String> table() {
        var lines = new ArrayList<List<String>>();
        rows.forEach(
                (key, pairs) -> {
                    var ratio = Samples.ratios(pairs.ours, pairs.theirs);
                    lines.add(
                            List.of(
                                    key.what,
                                    key.peer,
                                    number(pairs.ours.median()),
                                    number(pairs.theirs.median()),
                                    key.unit,
                                    TextTable.number("%.2f", ratio.median()),
                                    TextTable.number("%.2f", ratio.minimum()),
                                    TextTable.number("%.2f", ratio.maximum()),
                                    Integer.toString(ratio.count()),
                                    pairs.isMoreBetter ? "more" : "less"));
                });
        return TABLE.format(lines);
    }

    private static String number(double value) {
        return TextTable.number(Math.abs(value) < KILO ? "%.2f" : "%,.0f", value);
    }
}
