package dev.outboard.host.pci;

import dev.outboard.dma.MemoryListener;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.driver.DeviceException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.pci.PciFunction;
import dev.outboard.uio.qtest.QemuProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A QEMU with one device, which has the driver's memory as its own; and the folder that it works
 * in. Ends with its device. One thread, but for the memory's.
 */
final class QtestGround implements MemoryListener, AutoCloseable {
    /** Places for memory in the machine that {@link QemuProcess} starts. */
    private static final int MOST_SEGMENTS = 8;

    private final Resources resources = new Resources();
    private final PhysicalMemory memory;
    private final QemuProcess qemu;

    /**
     * Starts it.
     *
     * @throws DeviceException if it does not start; the message says why
     */
    QtestGround(QtestPlace place, PhysicalMemory memory) {
        this.memory = memory;
        try {
            Path folder = Files.createTempDirectory("outboard-qtest");
            resources.add(() -> delete(folder));
            List<PhysicalSegment> segments = memory.addListener(this);
            resources.add(() -> memory.removeListener(this));
            List<String> arguments = new ArrayList<>(modules(segments));
            arguments.addAll(place.arguments());
            qemu = resources.add(QemuProcess.start(folder, arguments));
        } catch (IOException | UncheckedIOException missing) {
            var failure =
                    new DeviceException(
                            "%s does not start: install it (a package as qemu-system-x86): %s"
                                    .formatted(QemuProcess.PROGRAM, missing.getMessage()),
                            missing);
            resources.closeAfter(failure);
            throw failure;
        } catch (RuntimeException refused) {
            var failure = new DeviceException(refused.getMessage(), refused);
            resources.closeAfter(failure);
            throw failure;
        }
    }

    private static List<String> modules(List<PhysicalSegment> segments) {
        if (segments.size() > MOST_SEGMENTS) {
            throw new DeviceException(
                    "memory of %d segments: QEMU's machine takes %d"
                            .formatted(segments.size(), MOST_SEGMENTS));
        }
        List<String> options = new ArrayList<>();
        for (PhysicalSegment segment : segments) {
            Path file =
                    Path.of(
                            "/proc/%d/fd/%d"
                                    .formatted(
                                            ProcessHandle.current().pid(),
                                            segment.descriptor().number()));
            options.addAll(
                    QemuProcess.memory(
                            "dimm" + options.size(),
                            file,
                            segment.physicalAddress(),
                            segment.lengthBytes()));
        }
        return options;
    }

    PciFunction function() {
        return qemu.machine().open(QtestPlace.PLACE);
    }

    /** Runs when QEMU has ended. */
    void onEnd(Runnable listener) {
        qemu.onEnd(listener);
    }

    @Override
    public void coming(PhysicalSegment segment) {
        throw new IllegalStateException(
                "QEMU's machine has the memory it was started with: give more with --memory");
    }

    @Override
    public void partGoing(long physicalAddress, long lengthBytes) {
        refuseToLose();
    }

    @Override
    public void going(PhysicalSegment segment) {
        refuseToLose();
    }

    private static void refuseToLose() {
        throw new IllegalStateException(
                "QEMU's machine does not give memory back while it runs: end its driver first");
    }

    private static void delete(Path folder) throws IOException {
        try (var files = Files.walk(folder)) {
            for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }

    @Override
    public void close() {
        resources.close();
    }
}
