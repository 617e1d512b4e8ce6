package dev.outboard.host.doctor;

import dev.outboard.host.bind.InUse;
import dev.outboard.uio.sysfs.IommuGroup;
import dev.outboard.uio.sysfs.SysfsFunction;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Whether one function can be driven by us now: what is missing between it and {@code outboard
 * run}, each with what mends it. Reads files; any thread.
 */
final class DeviceChecks {
    private static final String VFIO = "vfio-pci";
    private static final String UIO = "uio_pci_generic";

    /** What a driver of ours takes without being told: --memory. */
    private static final long MEMORY_BYTES = 64L << 20;

    private final RootFiles files;
    private final SysfsFunction function;

    DeviceChecks(RootFiles files, SysfsFunction function) {
        this.files = files;
        this.function = function;
    }

    List<Check> all() {
        var checks = new ArrayList<Check>();
        checks.add(driver());
        if (function.driver().filter(UIO::equals).isPresent()) {
            checks.add(node("dev/uio" + function.uioNumber().orElse(0)));
            checks.add(physicalAddresses());
            checks.add(freeHugePages());
        } else {
            checks.add(group());
            function.iommuGroup()
                    .filter(group -> function.driver().filter(VFIO::equals).isPresent())
                    .ifPresent(group -> checks.add(node("dev/vfio/" + group.number())));
            checks.add(lockedMemory());
        }
        checks.add(users());
        return checks;
    }

    private Check driver() {
        var name = function + " driver";
        var driver = function.driver().orElse("");
        if (driver.equals(VFIO)) {
            return Check.ok(name, VFIO);
        }
        if (driver.equals(UIO)) {
            return Check.ok(name, UIO + ": nothing protects memory; run needs --no-iommu");
        }
        return Check.failed(
                name,
                driver.isEmpty() ? "bound to nothing" : "bound to " + driver,
                "Give it to us",
                "outboard bind " + function);
    }

    private Check group() {
        var name = function + " group";
        var group = function.iommuGroup();
        if (group.isEmpty()) {
            var iommu = new IommuChecks(files).iommu();
            return Check.failed(
                    name,
                    "in no IOMMU group",
                    iommu.state() == Check.State.OK
                            ? "No IOMMU stands before it: only UIO reaches it, unprotected"
                            : "See hardware IOMMU");
        }
        var blocking =
                function.groupOthers().stream()
                        .filter(other -> other.driver().isPresent())
                        .filter(other -> !other.driver().get().equals(VFIO))
                        .filter(other -> !other.driver().get().equals("pci-stub"))
                        .toList();
        var number = group.map(IommuGroup::number).orElseThrow();
        if (blocking.isEmpty()) {
            return Check.ok(name, "group " + number + " is viable");
        }
        return Check.failed(
                name,
                "group %d is not viable: %s"
                        .formatted(
                                number,
                                blocking.stream()
                                        .map(
                                                other ->
                                                        "%s is still bound to %s"
                                                                .formatted(
                                                                        other,
                                                                        other.driver().get()))
                                        .collect(Collectors.joining(", "))),
                "The IOMMU cannot tell them apart: take all of them",
                "outboard bind "
                        + blocking.stream()
                                .map(SysfsFunction::toString)
                                .collect(Collectors.joining(" ")));
    }

    private Check node(String node) {
        var name = function + " node";
        if (!files.has(node)) {
            return Check.failed(
                    name, "there is no /" + node, "Is /dev a devtmpfs? Nothing else makes it");
        }
        var path = files.at(node);
        if (Files.isReadable(path) && Files.isWritable(path)) {
            return Check.ok(name, "/" + node + " may be opened");
        }
        return Check.failed(
                name,
                "/%s may not be opened by %s".formatted(node, user()),
                "Give it to that user, until the next boot",
                "chown %s /%s".formatted(user(), node));
    }

    private static String user() {
        return System.getProperty("user.name");
    }

    private Check lockedMemory() {
        var name = function + " memory";
        var limits = new Limits(files);
        if (limits.mayLock(MEMORY_BYTES)) {
            return Check.ok(name, "enough may be locked for the device");
        }
        return Check.failed(
                name,
                "only %d KiB may be locked, a driver takes %d KiB"
                        .formatted(limits.lockedBytes() >> 10, MEMORY_BYTES >> 10),
                "What a device reaches stays in memory: allow it, in the shell that runs outboard",
                "ulimit -l unlimited");
    }

    private Check physicalAddresses() {
        var name = function + " addresses";
        return new Limits(files).maySeeAddresses()
                ? Check.ok(name, "physical addresses may be seen")
                : Check.failed(
                        name,
                        "physical addresses may not be seen by " + user(),
                        "Without an IOMMU the device needs them: run outboard as root");
    }

    private Check freeHugePages() {
        var name = function + " huge pages";
        var free = new Limits(files).freeHugePages();
        var wanted = MEMORY_BYTES >> 21;
        return free >= wanted
                ? Check.ok(name, free + " are free")
                : Check.failed(
                        name,
                        "%d are free, a driver takes %d".formatted(free, wanted),
                        "Without an IOMMU a driver's memory must stay where it is",
                        "sysctl -w vm.nr_hugepages=" + (2 * wanted));
    }

    /** To be in use by us is no fault; it is told, because a second driver would be refused. */
    private Check users() {
        var name = function + " users";
        var users = new InUse(files.root()).reasons(function);
        return users.isEmpty()
                ? Check.ok(name, "nobody uses it")
                : Check.failed(
                        name,
                        String.join(", ", users),
                        "End that first, or nothing that binds or drives it will go well");
    }
}
