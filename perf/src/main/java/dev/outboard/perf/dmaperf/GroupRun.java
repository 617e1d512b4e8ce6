package dev.outboard.perf.dmaperf;

import dev.outboard.dma.Strategy;
import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import dev.outboard.perf.setup.Names;
import dev.outboard.perf.setup.Workplace;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Runs the processes of one group, and collects its figures. One thread. */
final class GroupRun {
    private static final Duration START_LIMIT = Duration.ofSeconds(60);
    private static final Duration END_LIMIT = Duration.ofSeconds(30);

    private final Plan plan;
    private final StopRequest stop;

    GroupRun(Plan plan, StopRequest stop) {
        this.plan = plan;
        this.stop = stop;
    }

    /** The figures, a row for each point. */
    List<Map<String, Object>> run(Group group) {
        try (var place = new Workplace("dmaperf", stop)) {
            boolean isTranslated = group.strategy() != Strategy.OFF;
            var socket = place.seat(group.owner());
            OutboardProcess device = null;
            if (isTranslated) {
                device =
                        place.start(
                                "the device",
                                List.of(
                                        "dmaperf-device",
                                        "--iommu",
                                        place.iommu().toString(),
                                        "--mailbox",
                                        place.path("mailbox").toString()));
            }
            var driver = place.start("the driver", driverWords(group, place, socket));
            var rows = new ArrayList<Map<String, Object>>();
            for (int point = 0; point < group.points().size(); point++) {
                var limit = START_LIMIT.plusMillis(20 * plan.pointMillis());
                rows.add(driver.awaitEvent(Event.RESULT, limit).fields());
            }
            int code = driver.awaitExit(END_LIMIT);
            if (code != 0) {
                throw new CommandException(
                        "the driver of %s ended with exit code %d: %s"
                                .formatted(group.title(), code, driver.errorOutput()));
            }
            if (device != null) {
                // It would look for another driver, and has nothing to lose.
                device.kill();
            }
            return rows;
        }
    }

    private List<String> driverWords(Group group, Workplace place, Path socket) {
        var words =
                new ArrayList<>(
                        List.of(
                                "dmaperf-driver",
                                "--strategy",
                                Names.of(group.strategy()),
                                "--owner",
                                Names.of(group.owner()),
                                "--threads",
                                Integer.toString(group.threads()),
                                "--allocator",
                                Names.of(plan.allocator()),
                                "--table-entries",
                                Integer.toString(plan.tableEntries(group)),
                                "--socket",
                                socket.toString(),
                                "--mailbox",
                                place.path("mailbox").toString(),
                                "--first-ms",
                                Long.toString(plan.firstMillis(group)),
                                "--warm-up-ms",
                                Long.toString(plan.warmUpMillis()),
                                "--point-ms",
                                Long.toString(plan.pointMillis())));
        if (group.format() != null) {
            words.addAll(List.of("--format", group.format().title()));
        }
        if (plan.isDeviceBusy()) {
            words.add("--busy");
        }
        for (var point : group.points()) {
            words.addAll(List.of("--point", point.written()));
        }
        return words;
    }
}
