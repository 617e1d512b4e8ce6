package dev.outboard.host.pci;

import dev.outboard.dma.Dma;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.driver.Client;
import dev.outboard.driver.Driver;
import dev.outboard.driver.Match;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.DmaServices;
import dev.outboard.host.bus.RingChoice;
import dev.outboard.uio.Resources;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.uio.qtest.QemuProcess;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** A machine of QEMU's with devices and a piece of memory that drivers here have, too. */
final class QemuBench implements AutoCloseable {
    private final Resources resources = new Resources();
    private final PhysicalMemory memory;
    final QemuProcess qemu;

    /** Skips the test where there is no QEMU; with {@code CI} set, it fails. */
    static void requireQemu() {
        boolean there =
                Stream.of(System.getenv("PATH").split(File.pathSeparator))
                        .anyMatch(at -> Files.isExecutable(Path.of(at, QemuProcess.PROGRAM)));
        if (System.getenv("CI") == null) {
            Assumptions.assumeTrue(there, "apt install qemu-system-x86");
        }
    }

    QemuBench(Path directory, String... options) {
        requireQemu();
        memory = resources.add(PhysicalMemory.create(16 << 20));
        PhysicalSegment segment = memory.segments().getFirst();
        Path file =
                Path.of("/proc/" + ProcessHandle.current().pid() + "/fd")
                        .resolve(Integer.toString(segment.descriptor().number()));
        var all =
                new ArrayList<>(
                        QemuProcess.memory(
                                "dimm", file, segment.physicalAddress(), segment.lengthBytes()));
        all.addAll(List.of(options));
        try {
            qemu = resources.add(QemuProcess.start(directory, all));
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    /** The device at a place, without an IOMMU; closed with the bench. */
    PciDevice open(String place, Match match) {
        return open(place, match, 1);
    }

    /** The same for a driver that uses several queues. */
    PciDevice open(String place, Match match, int queues) {
        var services = resources.add(new DmaServices(() -> Dma.off(memory)));
        var setup =
                new DeviceSetup(
                        place,
                        match,
                        memory,
                        services,
                        null,
                        256,
                        RingChoice.AUTO,
                        queues,
                        0,
                        WaitPolicy.BLOCK,
                        false,
                        fault -> {});
        return resources.add(new PciDevice(setup, qemu.machine().open(place)));
    }

    /** As the host finds it. */
    static Driver driver(String name) {
        return ServiceLoader.load(Driver.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(driver -> driver.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** As the host finds it. */
    static Client client(String name) {
        return ServiceLoader.load(Client.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(client -> client.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Override
    public void close() {
        resources.close();
    }
}
