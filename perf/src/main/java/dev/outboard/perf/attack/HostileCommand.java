package dev.outboard.perf.attack;

import dev.outboard.dma.IommuAttachment;
import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.perf.setup.IovaFile;
import dev.outboard.perf.setup.Processors;
import dev.outboard.perf.setup.Seat;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard attack-device}: the hostile device's process, which attack starts for itself. */
@Command(name = "attack-device", hidden = true, description = "The device of an attack.")
public final class HostileCommand implements Subcommand {
    @Option(names = "--iommu", required = true)
    private Path iommu;

    @Option(names = "--board", required = true)
    private Path board;

    @Option(names = "--pages", required = true)
    private int pages;

    @Option(names = "--seed", required = true)
    private long seed;

    @Override
    public Integer call() {
        Processors.pinDevice();
        try (var attachment =
                IommuAttachment.connect(iommu, Seat.DEVICE, TimeUnit.SECONDS.toNanos(30))) {
            long iova = new IovaFile(board).awaitNext(TimeUnit.SECONDS.toNanos(30));
            if (iova < 0) {
                throw new CommandException("the driver named no board in time");
            }
            new HostileDevice(attachment, iova, pages, seed).run(attachment::isOwnerGone);
        }
        return 0;
    }
}
