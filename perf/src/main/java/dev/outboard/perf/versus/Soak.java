package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import dev.outboard.perf.setup.Workplace;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Minutes of TCP between two namespaces by TAPs, drivers and our switch, both ways at once, with
 * every byte checked: by a path whose ends leave sums and segments to each other, and by one that
 * sums and cuts in the kernel. A second without a byte is a stall. One thread.
 */
final class Soak {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final double STALL_SECONDS = 1;
    private static final java.util.regex.Pattern NAMES_AND_VALUES =
            java.util.regex.Pattern.compile("Tcp: (.*)\\RTcp: (.*)");

    private final long seconds;

    Soak(long seconds) {
        this.seconds = seconds;
    }

    /** A stream under way. */
    private record Stream(String what, OutboardProcess receiver, OutboardProcess sender) {}

    /**
     * Runs to the end.
     *
     * @return a row for each stream: what arrived, what was wrong, the longest time without a byte
     */
    List<Map<String, Object>> run() {
        try (var place = new Workplace("soak", StopRequest.ofProcess());
                var spaces = new Namespaces()) {
            var bench = new Bench(place, Effort.quick(1), text -> {});
            try (var whole = new OutboardPath(bench, spaces, OutboardPath.Kind.of("off"), 1);
                    var summed = new OutboardPath(bench, spaces, OutboardPath.Kind.summed(), 3)) {
                var streams = new ArrayList<Stream>();
                for (var path : List.of(whole, summed)) {
                    streams.add(
                            stream(
                                    place,
                                    spaces.left(),
                                    spaces.right(),
                                    path.name() + ", a to b",
                                    path.leftAddress(),
                                    path.rightAddress()));
                    streams.add(
                            stream(
                                    place,
                                    spaces.right(),
                                    spaces.left(),
                                    path.name() + ", b to a",
                                    path.rightAddress(),
                                    path.leftAddress()));
                }
                var rows = new ArrayList<Map<String, Object>>();
                for (var stream : streams) {
                    rows.add(row(stream));
                }
                for (var space : List.of(spaces.left(), spaces.right())) {
                    checkSums(space);
                }
                return rows;
            }
        }
    }

    private Stream stream(
            Workplace place, String from, String to, String what, String own, String other) {
        var receiver =
                place.startBy(
                        what + ", receiver",
                        Namespaces.in(to),
                        List.of("versus-stream", "--listen", other));
        receiver.awaitReady(PATIENCE);
        var sender =
                place.startBy(
                        what + ", sender at " + own,
                        Namespaces.in(from),
                        List.of(
                                "versus-stream",
                                "--connect",
                                other,
                                "--seconds",
                                Long.toString(seconds)));
        return new Stream(what, receiver, sender);
    }

    private Map<String, Object> row(Stream stream) {
        var end = PATIENCE.plusSeconds(seconds);
        var received = stream.receiver.awaitEvent(Event.RESULT, end);
        var sent = stream.sender.awaitEvent(Event.RESULT, PATIENCE);
        var row = new LinkedHashMap<String, Object>();
        row.put("stream", stream.what);
        row.put("seconds", received.number("nanos") / 1e9);
        row.put("sentBytes", sent.number("sentBytes"));
        row.put("receivedBytes", received.number("receivedBytes"));
        row.put("wrongPieces", received.number("wrongPieces"));
        row.put(
                "longestGapMillis",
                TimeUnit.NANOSECONDS.toMillis(received.number("longestGapNanos")));
        row.put(
                "throughputMbps",
                received.number("receivedBytes") * 8e3 / received.number("nanos"));
        row.put(
                "verified",
                sent.number("sentBytes") == received.number("receivedBytes")
                        && received.number("wrongPieces") == 0
                        && received.number("longestGapNanos") < STALL_SECONDS * 1e9);
        return row;
    }

    /** What the kernel found wrong that it had to sum itself. */
    private static void checkSums(String namespace) {
        var said = Programs.run(Namespaces.in(namespace, List.of("cat", "/proc/net/snmp")));
        long wrong = wrongSums(said);
        if (wrong != 0) {
            throw new CommandException(
                    "the kernel refused %d segments in %s for their sum"
                            .formatted(wrong, namespace));
        }
    }

    /** The field InCsumErrors of {@code /proc/net/snmp}. */
    static long wrongSums(String snmp) {
        var found = NAMES_AND_VALUES.matcher(snmp);
        if (found.find()) {
            int index = List.of(found.group(1).split(" ")).indexOf("InCsumErrors");
            if (index >= 0) {
                return Long.parseLong(found.group(2).split(" ")[index]);
            }
        }
        throw new CommandException("this kernel does not count wrong sums of TCP");
    }
}
