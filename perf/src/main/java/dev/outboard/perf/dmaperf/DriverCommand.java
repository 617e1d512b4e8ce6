package dev.outboard.perf.dmaperf;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.event.Event;
import dev.outboard.iommu.IovaAllocation;
import dev.outboard.iommu.TableFormat;
import dev.outboard.perf.setup.IovaFile;
import dev.outboard.perf.setup.Names;
import dev.outboard.perf.setup.Owner;
import dev.outboard.perf.setup.Seat;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard dmaperf-driver}: the driver process, which dmaperf starts for itself. */
@Command(name = "dmaperf-driver", hidden = true, description = "The driver of a measurement.")
public final class DriverCommand implements Subcommand {
    @Option(names = "--socket")
    private Path socket;

    @Option(names = "--mailbox")
    private Path mailbox;

    @Option(names = "--format")
    private String format;

    @Option(names = "--strategy", required = true)
    private String strategy;

    @Option(names = "--owner", required = true)
    private String owner;

    @Option(names = "--threads", required = true)
    private int threads;

    @Option(names = "--allocator", required = true)
    private String allocator;

    @Option(names = "--table-entries", required = true)
    private int tableEntries;

    @Option(names = "--point", required = true)
    private List<String> points;

    @Option(names = "--first-ms", required = true)
    private long firstMillis;

    @Option(names = "--warm-up-ms", required = true)
    private long warmUpMillis;

    @Option(names = "--point-ms", required = true)
    private long pointMillis;

    @Option(names = "--busy")
    private boolean isBusy;

    @Override
    public Integer call() {
        var group =
                new Group(
                        format == null ? null : TableFormat.ofTitle(format),
                        Names.constant(Strategy.class, "--strategy", strategy),
                        Names.constant(Owner.class, "--owner", owner),
                        threads,
                        points.stream().map(Point::read).toList());
        var times =
                new DriverTimes(
                        TimeUnit.MILLISECONDS.toNanos(firstMillis),
                        TimeUnit.MILLISECONDS.toNanos(warmUpMillis),
                        TimeUnit.MILLISECONDS.toNanos(pointMillis),
                        isBusy);
        var options = StrategyOptions.of(group.strategy());
        var file = new IovaFile(mailbox);
        if (group.owner() == Owner.NONE) {
            long bytes = MeasuredDriver.memoryBytes(group, DomainOptions.DEFAULT);
            try (var memory = PhysicalMemory.create(bytes)) {
                try (var driver = new MeasuredDriver(group, options, memory, null, file, times)) {
                    measure(group, driver);
                }
            }
            return 0;
        }
        var domain =
                DomainOptions.DEFAULT
                        .withFormat(group.format())
                        .withTableEntries(tableEntries)
                        .withServices(threads)
                        .withAllocation(
                                Names.constant(IovaAllocation.class, "--allocator", allocator));
        long bytes = MeasuredDriver.memoryBytes(group, domain);
        try (var seat = Seat.open(group.owner(), socket, bytes, domain);
                var driver =
                        new MeasuredDriver(
                                group, options, seat.memory(), seat.domain(), file, times)) {
            measure(group, driver);
        }
        return 0;
    }

    private void measure(Group group, MeasuredDriver driver) {
        for (var point : group.points()) {
            if (StopRequest.ofProcess().isStopping()) {
                return;
            }
            var fields = driver.measure(point).fields();
            fields.put("allocator", group.owner() == Owner.NONE ? null : allocator);
            System.out.println(new Event(Event.RESULT, fields).toJson());
            System.out.flush();
        }
    }
}
