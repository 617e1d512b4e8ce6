package dev.outboard.host.doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the kernel's files say of this machine. Reads below a root of its own, so that a test can
 * show it another machine.
 */
final class Machine {
    private static final Pattern SPACES = Pattern.compile("\\s{2,}|\\s+");
    private static final String UNLIMITED = "unlimited";
    private static final int LIMIT_WORD = 3;
    private static final int WANTED_HUGE_PAGES = 256;

    private final Path root;

    Machine(Path root) {
        this.root = root;
    }

    List<Check> checks() {
        return List.of(
                lockedMemory(),
                hugePages(),
                sharedMemoryFolder(),
                iommu(),
                vfio(),
                program("dpdk-testpmd", "dpdk"),
                program("qemu-storage-daemon", "qemu-system-common"));
    }

    /** VFIO pins what a device may reach, and counts it here. */
    private Check lockedMemory() {
        var name = "locked memory";
        var limit =
                lines("proc/self/limits")
                        .filter(line -> line.startsWith("Max locked memory"))
                        .map(line -> SPACES.split(line)[LIMIT_WORD])
                        .findFirst()
                        .orElse("unknown");
        if (limit.equals(UNLIMITED)) {
            return Check.ok(name, UNLIMITED);
        }
        return Check.absent(
                name,
                "limited to " + limit + " bytes",
                "Emulated devices need none; for hardware behind VFIO: ulimit -l unlimited, or a"
                        + " 'memlock' line in /etc/security/limits.conf");
    }

    private Check hugePages() {
        var name = "huge pages";
        var total = meminfo("HugePages_Total");
        var free = meminfo("HugePages_Free");
        var size = meminfo("Hugepagesize");
        if (total > 0) {
            return Check.ok(name, "%d of %d free, %d KiB each".formatted(free, total, size));
        }
        return Check.absent(
                name,
                "none",
                "Outboard needs none; dpdk-testpmd runs without too (--no-huge), slower: sysctl -w"
                        + " vm.nr_hugepages="
                        + WANTED_HUGE_PAGES);
    }

    private long meminfo(String field) {
        return lines("proc/meminfo")
                .filter(line -> line.startsWith(field + ":"))
                .map(line -> Long.parseLong(SPACES.split(line)[1]))
                .findFirst()
                .orElse(0L);
    }

    private Check sharedMemoryFolder() {
        var folder = root.resolve("dev/shm");
        return Files.isDirectory(folder) && Files.isWritable(folder)
                ? Check.ok("/dev/shm", "writable")
                : Check.absent(
                        "/dev/shm",
                        "not there, or not writable",
                        "Outboard needs none, QEMU and DPDK may: mount -t tmpfs tmpfs"
                                + " /dev/shm");
    }

    private Check iommu() {
        var units = names("sys/class/iommu");
        return units.isEmpty()
                ? Check.absent(
                        "hardware IOMMU",
                        "none",
                        "Only hardware behind VFIO needs one: switch it on in the firmware and boot"
                                + " with intel_iommu=on or amd_iommu=on")
                : Check.ok("hardware IOMMU", String.join(", ", units));
    }

    private Check vfio() {
        if (!Files.exists(root.resolve("dev/vfio/vfio"))) {
            return Check.absent(
                    "VFIO",
                    "there is no /dev/vfio/vfio",
                    "Only hardware needs it: modprobe vfio-pci");
        }
        var groups = names("dev/vfio").stream().filter(node -> !node.equals("vfio")).toList();
        return groups.isEmpty()
                ? Check.absent(
                        "VFIO",
                        "/dev/vfio/vfio is there, and no device is bound to it",
                        "Bind one: echo vfio-pci > /sys/bus/pci/devices/ADDRESS/driver_override,"
                                + " then write ADDRESS to /sys/bus/pci/drivers_probe")
                : Check.ok("VFIO", "groups " + String.join(", ", groups));
    }

    private Check program(String program, String packages) {
        var found =
                Stream.of("usr/local/bin", "usr/bin", "bin", "usr/sbin")
                        .map(folder -> root.resolve(folder).resolve(program))
                        .filter(Files::isExecutable)
                        .findFirst();
        return found.isPresent()
                ? Check.ok(program, found.get().toString())
                : Check.absent(
                        program,
                        "not installed",
                        "Only the tests against it need it: apt-get install " + packages);
    }

    private Stream<String> lines(String file) {
        try {
            return Files.readAllLines(root.resolve(file)).stream();
        } catch (IOException e) {
            return Stream.empty();
        }
    }

    private List<String> names(String folder) {
        try (var entries = Files.list(root.resolve(folder))) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            return List.of();
        }
    }
}
