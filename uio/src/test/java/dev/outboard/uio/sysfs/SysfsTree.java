package dev.outboard.uio.sysfs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A machine's files below a folder, as the kernel has them. */
final class SysfsTree {
    private final Path root;

    SysfsTree(Path root) throws IOException {
        this.root = root;
        Files.createDirectories(root.resolve("sys/bus/pci/devices"));
        Files.createDirectories(root.resolve("sys/bus/pci/drivers"));
        Files.writeString(root.resolve("sys/bus/pci/drivers_probe"), "");
    }

    Sysfs sysfs() {
        return new Sysfs(root);
    }

    /** A driver, whose files are there to be written. */
    SysfsTree driver(String name) throws IOException {
        var folder = Files.createDirectories(root.resolve("sys/bus/pci/drivers").resolve(name));
        Files.writeString(folder.resolve("bind"), "");
        Files.writeString(folder.resolve("unbind"), "");
        return this;
    }

    /** A function with files in place of what the kernel has, and a link where it has one. */
    SysfsTree function(String place, String vendor, String device, String classCode)
            throws IOException {
        var folder = Files.createDirectories(root.resolve("sys/devices/pci0000:00").resolve(place));
        Files.writeString(folder.resolve("vendor"), "0x" + vendor + "\n");
        Files.writeString(folder.resolve("device"), "0x" + device + "\n");
        Files.writeString(folder.resolve("class"), "0x" + classCode + "\n");
        Files.writeString(folder.resolve("driver_override"), "(null)\n");
        Files.createSymbolicLink(
                root.resolve("sys/bus/pci/devices").resolve(place),
                Path.of("../../../devices/pci0000:00").resolve(place));
        return this;
    }

    Path folder(String place) {
        return root.resolve("sys/devices/pci0000:00").resolve(place);
    }

    SysfsTree bound(String place, String driver) throws IOException {
        Files.createSymbolicLink(
                folder(place).resolve("driver"), Path.of("../../../bus/pci/drivers", driver));
        return this;
    }

    SysfsTree group(int number, String... places) throws IOException {
        var group = root.resolve("sys/kernel/iommu_groups/" + number);
        Files.createDirectories(group.resolve("devices"));
        Files.writeString(group.resolve("type"), "DMA-FQ\n");
        for (String place : places) {
            Files.createSymbolicLink(
                    folder(place).resolve("iommu_group"),
                    Path.of("../../../kernel/iommu_groups/" + number));
            Files.createSymbolicLink(
                    group.resolve("devices").resolve(place),
                    Path.of("../../../../devices/pci0000:00").resolve(place));
        }
        return this;
    }
}
