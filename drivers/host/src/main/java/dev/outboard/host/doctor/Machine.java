package dev.outboard.host.doctor;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * What the kernel's files say of this machine. Reads below a root of its own, so that a test can
 * show it another machine.
 */
final class Machine {
    private static final int WANTED_HUGE_PAGES = 256;

    private final RootFiles files;
    private final Limits limits;

    Machine(Path root) {
        files = new RootFiles(root);
        limits = new Limits(files);
    }

    List<Check> checks() {
        return Stream.of(
                        List.of(lockedMemory(), hugePages(), sharedMemoryFolder()),
                        new IommuChecks(files).all(),
                        List.of(
                                program("dpdk-testpmd", "dpdk"),
                                program("qemu-storage-daemon", "qemu-system-common"),
                                program("qemu-system-x86_64", "qemu-system-x86")))
                .flatMap(List::stream)
                .toList();
    }

    /** VFIO pins what a device may reach, and counts it here. */
    private Check lockedMemory() {
        var name = "locked memory";
        if (limits.lockedBytes() == Long.MAX_VALUE) {
            return Check.ok(name, "unlimited");
        }
        var found = "limited to " + limits.lockedText() + " bytes";
        if (limits.mayLock(Long.MAX_VALUE)) {
            return Check.ok(name, found + ", which this user need not keep to");
        }
        return Check.absent(
                name,
                found,
                "Emulated devices need none; for hardware behind VFIO a 'memlock' line in"
                        + " /etc/security/limits.conf, or in the shell that runs outboard",
                "ulimit -l unlimited");
    }

    private Check hugePages() {
        var name = "huge pages";
        var total = limits.meminfo("HugePages_Total");
        if (total > 0) {
            return Check.ok(
                    name,
                    "%d of %d free, %d KiB each"
                            .formatted(
                                    limits.freeHugePages(), total, limits.meminfo("Hugepagesize")));
        }
        return Check.absent(
                name,
                "none",
                "Only hardware without an IOMMU needs them; dpdk-testpmd runs without too"
                        + " (--no-huge), slower",
                "sysctl -w vm.nr_hugepages=" + WANTED_HUGE_PAGES);
    }

    private Check sharedMemoryFolder() {
        var folder = files.at("dev/shm");
        return Files.isDirectory(folder) && Files.isWritable(folder)
                ? Check.ok("/dev/shm", "writable")
                : Check.absent(
                        "/dev/shm",
                        "not there, or not writable",
                        "Outboard needs none, QEMU and DPDK may",
                        "mount -t tmpfs tmpfs /dev/shm");
    }

    private Check program(String program, String packages) {
        var found =
                Stream.of("usr/local/bin", "usr/bin", "bin", "usr/sbin")
                        .map(folder -> files.at(folder).resolve(program))
                        .filter(Files::isExecutable)
                        .findFirst();
        return found.isPresent()
                ? Check.ok(program, found.get().toString())
                : Check.absent(
                        program,
                        "not installed",
                        "Only the tests against it need it",
                        "apt-get install " + packages);
    }
}
