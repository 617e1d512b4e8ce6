package dev.outboard.perf.dmaperf;

import dev.outboard.dma.IommuAttachment;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.perf.setup.IovaFile;
import dev.outboard.perf.setup.Processors;
import dev.outboard.perf.setup.Seat;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard dmaperf-device}: the device process, which dmaperf starts for itself. */
@Command(name = "dmaperf-device", hidden = true, description = "The device of a measurement.")
public final class DeviceCommand implements Subcommand {
    @Option(names = "--iommu", required = true)
    private Path iommu;

    @Option(names = "--mailbox", required = true)
    private Path mailbox;

    @Override
    public Integer call() {
        Processors.pinDevice();
        try (var attachment =
                IommuAttachment.connect(iommu, Seat.DEVICE, TimeUnit.SECONDS.toNanos(30))) {
            new TouchDevice(attachment, new IovaFile(mailbox)).run();
        }
        return 0;
    }
}
