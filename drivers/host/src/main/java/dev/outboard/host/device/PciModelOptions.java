package dev.outboard.host.device;

import dev.outboard.host.bus.SocketPaths;
import dev.outboard.host.cli.UsageException;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** What device models over vfio-user are asked: their place, name and IOMMU. */
final class PciModelOptions {
    private static final String UNIX = "unix:";

    @Option(
            names = "--socket",
            required = true,
            paramLabel = "PATH",
            description = "Where a driver connects: run --device vfio-user:PATH.")
    private String socket;

    @Option(
            names = "--iommu",
            paramLabel = "unix:PATH",
            description =
                    "The path that its driver has after --iommu: every DMA then goes through that"
                            + " IOMMU. Default: what the driver maps by DMA_MAP is reached.")
    private String iommu;

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "By which it attaches to its IOMMU. Default: its socket's.")
    private String name;

    Path socket() {
        try {
            SocketPaths.check(socket);
        } catch (IllegalArgumentException wrong) {
            throw new UsageException(wrong.getMessage());
        }
        return Path.of(socket);
    }

    String name() {
        return name == null ? SocketPaths.deviceName(socket) : name;
    }

    Path iommu() {
        if (iommu == null) {
            return null;
        }
        if (!iommu.startsWith(UNIX) || iommu.length() == UNIX.length()) {
            throw new UsageException("--iommu " + iommu + ": write unix:PATH");
        }
        return Path.of(iommu.substring(UNIX.length()));
    }
}
