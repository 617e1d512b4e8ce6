package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.process.OutboardProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** {@code iperf3} from one namespace to the other. Stateless. */
final class Iperf {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final long LISTEN_MILLIS = 150;
    private static final int UDP_BYTES = 1400;
    private static final Pattern RECEIVED =
            Pattern.compile("\"sum_received\":\\s*\\{[^}]*\"bits_per_second\":\\s*([-+0-9.eE]+)");

    private Iperf() {}

    /**
     * Sends for so many seconds, as much as goes.
     *
     * @return what arrived, in bits a second
     */
    static double bitsPerSecond(Namespaces spaces, KernelPath path, boolean isUdp, int seconds) {
        var serve =
                Namespaces.in(
                        spaces.right(), List.of("iperf3", "-s", "-1", "-B", path.rightAddress()));
        try (var server = OutboardProcess.startProgram("iperf3 -s", serve, Map.of())) {
            Programs.sleep(LISTEN_MILLIS);
            if (!server.isAlive()) {
                throw new CommandException(
                        "iperf3 -s over %s ended: %s"
                                .formatted(path.name(), Programs.lastLine(server.output())));
            }
            var client =
                    new ArrayList<>(
                            List.of(
                                    "iperf3",
                                    "-J",
                                    "-c",
                                    path.rightAddress(),
                                    "-t",
                                    Integer.toString(seconds)));
            if (isUdp) {
                client.addAll(List.of("-u", "-b", "0", "-l", Integer.toString(UDP_BYTES)));
            }
            var said =
                    Programs.run(
                            Namespaces.in(spaces.left(), client), PATIENCE.plusSeconds(seconds));
            var found = RECEIVED.matcher(said);
            if (!found.find()) {
                throw new CommandException(
                        "iperf3 over %s says nothing of what arrived: %s"
                                .formatted(path.name(), Programs.lastLine(said)));
            }
            return Double.parseDouble(found.group(1));
        }
    }
}
