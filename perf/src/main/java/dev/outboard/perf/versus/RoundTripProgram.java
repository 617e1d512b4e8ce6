package dev.outboard.perf.versus;

import dev.outboard.host.cli.CommandException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A program of DPDK's library that times round trips, compiled here: {@code dpdk-testpmd} can send
 * frames back, and cannot time them. One thread.
 */
final class RoundTripProgram {
    private static final String SOURCE = "rtt.c";
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Path program;

    /**
     * Compiles it for this machine.
     *
     * @throws CommandException if that fails, as without DPDK's headers
     */
    RoundTripProgram(Bench bench) {
        var source = bench.place().path(SOURCE);
        program = bench.place().path("rtt");
        try (var text = RoundTripProgram.class.getResourceAsStream(SOURCE)) {
            Files.copy(text, source, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new CommandException(source + " cannot be written: " + e.getMessage(), e);
        }
        var command =
                new ArrayList<>(
                        List.of("cc", "-O3", "-march=native", "-o", program + "", source + ""));
        command.addAll(
                List.of(
                        Programs.run(List.of("pkg-config", "--cflags", "--libs", "libdpdk"))
                                .strip()
                                .split("\\s+")));
        Programs.run(command, PATIENCE);
    }

    /**
     * Starts it on a back-end's socket, and waits for its end.
     *
     * @param to whom frames are for, as text
     * @return trips, lost, and percentiles in nanoseconds, by name
     */
    Map<String, Double> run(Effort effort, Path socket, int frameBytes, String to) {
        var command = new ArrayList<>(List.of(program.toString()));
        command.addAll(Testpmd.memory());
        command.addAll(
                List.of(
                        "--no-pci",
                        "--no-telemetry",
                        "--lcores",
                        "0@" + Bench.DRIVER,
                        "--file-prefix",
                        "outboard-rtt-" + ProcessHandle.current().pid(),
                        "--vdev",
                        "net_virtio_user0," + Testpmd.virtioUser(socket, false),
                        "--",
                        Integer.toString(frameBytes),
                        Long.toString(effort.warmMillis()),
                        Long.toString(effort.millis()),
                        to));
        var figures = new HashMap<String, Double>();
        for (var part : Programs.lastLine(Programs.run(command, PATIENCE)).split(" ")) {
            int at = part.indexOf('=');
            figures.put(part.substring(0, at), Double.parseDouble(part.substring(at + 1)));
        }
        return figures;
    }
}
