package dev.outboard.perf.nvmeperf;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.event.Event;
import dev.outboard.perf.setup.Names;
import dev.outboard.perf.setup.Workplace;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One controller, one driver, one client: rows for each depth. One thread. */
final class NvmeRun {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** Longer than any run: whoever spins so long never sleeps. */
    private static final String FOREVER_MICROS = "1000000000";

    private final Workplace workplace;
    private final List<Integer> depths;
    private final double seconds;
    private final String doorbells;
    private int number;

    NvmeRun(Workplace workplace, List<Integer> depths, double seconds, String doorbells) {
        this.workplace = workplace;
        this.depths = depths;
        this.seconds = seconds;
        this.doorbells = doorbells;
    }

    /** Seconds that a case takes, about. */
    double expectedSeconds() {
        return depths.size() * 2 * seconds + 2;
    }

    /** Measures a case. */
    List<Map<String, Object>> run(Case of) {
        number++;
        var socket = workplace.path("nvme" + number + ".sock");
        var iommu = workplace.path("iommu" + number);
        boolean isApart = Runtime.getRuntime().availableProcessors() > 1;
        var device =
                new ArrayList<>(
                        List.of(
                                "device",
                                "nvme",
                                "--socket",
                                socket.toString(),
                                "--size",
                                "256M",
                                "--doorbells",
                                doorbells,
                                "--spin-us",
                                FOREVER_MICROS,
                                "--json"));
        device.addAll(of.deviceWords(iommu));
        var driver =
                new ArrayList<>(
                        List.of(
                                "run",
                                "nvme",
                                "--device",
                                "vfio-user:" + socket,
                                "--poll",
                                "--client",
                                "disk-read",
                                "-o",
                                "depths="
                                        + String.join(
                                                ",", depths.stream().map(String::valueOf).toList()),
                                "-o",
                                "millis=" + Math.round(1000 * seconds),
                                "-o",
                                "warmupMillis=" + Math.round(1000 * seconds),
                                "--json"));
        driver.addAll(of.driverWords(iommu));
        if (isApart) {
            device.addAll(List.of("--cpu", "0"));
            driver.addAll(List.of("-o", "cpu=1"));
        }
        try (var model = workplace.start("the controller", device)) {
            model.awaitReady(PATIENCE);
            try (var running = workplace.start("the driver", driver)) {
                long millis = Math.round(1000 * expectedSeconds());
                var result = running.awaitEvent(Event.RESULT, PATIENCE.plusMillis(2 * millis));
                running.awaitExit(PATIENCE);
                return rows(of, result);
            }
        }
    }

    private static List<Map<String, Object>> rows(Case of, Event result) {
        if (!(result.fields().get("client") instanceof Map<?, ?> client)
                || !(client.get("rows") instanceof List<?> list)) {
            throw new CommandException("the driver's result has no rows: " + result);
        }
        var rows = new ArrayList<Map<String, Object>>();
        for (var item : list) {
            var row = new LinkedHashMap<String, Object>();
            row.put("owner", Names.of(of.owner()));
            row.put("strategy", Names.of(of.strategy()));
            ((Map<?, ?>) item).forEach((key, value) -> row.put(String.valueOf(key), value));
            rows.add(row);
        }
        return rows;
    }
}
