package dev.outboard.host.bind;

import dev.outboard.uio.sysfs.SysfsFunction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What would break if a function were taken from its driver. Reads below a root of its own, so that
 * a test can show it another machine. Immutable; any thread.
 */
public final class InUse {
    private static final Pattern SPACES = Pattern.compile("\\s+");
    private static final int NUMBER_WORD = 2;
    private static final int MOUNT_WORD = 4;
    private static final String NO_MASK = "00000000";
    private static final int ROUTE_MASK_WORD = 7;

    private final Path root;

    /**
     * The users of a machine's functions.
     *
     * @param root what {@code /} is for this machine
     */
    public InUse(Path root) {
        this.root = root;
    }

    /** Why a function is not to be taken away; nothing where nobody uses it. */
    public List<String> reasons(SysfsFunction function) {
        var reasons = new ArrayList<String>();
        if (function.isBridge()) {
            reasons.add("it is a bridge to other devices");
        }
        var folder = real(function.folder());
        if (folder.isPresent()) {
            disks(folder.get()).forEach(disk -> reasons.addAll(usersOfDisk(disk)));
            below("sys/class/net", folder.get())
                    .forEach(name -> reasons.addAll(usersOfInterface(name)));
        }
        reasons.addAll(processes(function));
        return reasons;
    }

    /** The names in a class of devices that are at, or below, a folder of the device tree. */
    private Set<String> below(String kind, Path folder) {
        var found = new TreeSet<String>();
        for (var name : names(root.resolve(kind))) {
            real(root.resolve(kind).resolve(name))
                    .filter(path -> path.startsWith(folder))
                    .ifPresent(path -> found.add(name));
        }
        return found;
    }

    /** Its disks and their partitions. */
    private Set<String> disks(Path folder) {
        var found = below("sys/class/block", folder);
        // A disk that several NVMe controllers may lead to stands in the tree beside them all.
        var controllers = below("sys/class/nvme", folder);
        for (var subsystem : names(root.resolve("sys/class/nvme-subsystem"))) {
            var place = root.resolve("sys/class/nvme-subsystem").resolve(subsystem);
            if (names(place).stream().anyMatch(controllers::contains)) {
                real(place).ifPresent(path -> found.addAll(below("sys/class/block", path)));
            }
        }
        return found;
    }

    private List<String> usersOfDisk(String disk) {
        var reasons = new ArrayList<String>();
        var number = first(root.resolve("sys/class/block").resolve(disk).resolve("dev"));
        lines("proc/self/mountinfo")
                .map(SPACES::split)
                .filter(words -> words.length > MOUNT_WORD)
                .filter(words -> number.equals(Optional.of(words[NUMBER_WORD])))
                .forEach(words -> reasons.add(disk + " is mounted at " + words[MOUNT_WORD]));
        lines("proc/swaps")
                .filter(
                        line ->
                                line.startsWith("/dev/" + disk + " ")
                                        || line.startsWith("/dev/" + disk + "\t"))
                .forEach(line -> reasons.add(disk + " is swapped to"));
        for (var holder : names(root.resolve("sys/class/block").resolve(disk).resolve("holders"))) {
            reasons.add(disk + " is a part of " + holder);
        }
        return reasons;
    }

    private List<String> usersOfInterface(String name) {
        var reasons = new ArrayList<String>();
        var isWayOut =
                lines("proc/net/route")
                        .map(SPACES::split)
                        .anyMatch(
                                words ->
                                        words.length > ROUTE_MASK_WORD
                                                && words[0].equals(name)
                                                && words[1].equals(NO_MASK)
                                                && words[ROUTE_MASK_WORD].equals(NO_MASK));
        if (isWayOut) {
            reasons.add("the default route goes by " + name);
        }
        var master = root.resolve("sys/class/net").resolve(name).resolve("master");
        real(master).ifPresent(path -> reasons.add(name + " is a port of " + path.getFileName()));
        return reasons;
    }

    /** Processes that drive it: to take it from them would wait until they end. */
    private List<String> processes(SysfsFunction function) {
        var nodes = new TreeSet<String>();
        var driver = function.driver().orElse("");
        if (driver.equals("vfio-pci")) {
            function.iommuGroup().ifPresent(group -> nodes.add("/dev/vfio/" + group.number()));
            function.vfioNumber().ifPresent(number -> nodes.add("/dev/vfio/devices/vfio" + number));
        }
        function.uioNumber().ifPresent(number -> nodes.add("/dev/uio" + number));
        var reasons = new ArrayList<String>();
        if (nodes.isEmpty()) {
            return reasons;
        }
        for (var process : names(root.resolve("proc"))) {
            if (process.chars().allMatch(Character::isDigit)) {
                var open = root.resolve("proc").resolve(process).resolve("fd");
                for (var descriptor : names(open)) {
                    linked(open.resolve(descriptor))
                            .filter(nodes::contains)
                            .ifPresent(
                                    node ->
                                            reasons.add(
                                                    "process %s has %s open"
                                                            .formatted(process, node)));
                }
            }
        }
        return reasons;
    }

    private Stream<String> lines(String file) {
        try {
            return Files.readAllLines(root.resolve(file)).stream();
        } catch (IOException absent) {
            return Stream.empty();
        }
    }

    private static Optional<String> first(Path file) {
        try {
            return Optional.of(Files.readString(file).strip());
        } catch (IOException absent) {
            return Optional.empty();
        }
    }

    private static Optional<String> linked(Path link) {
        try {
            return Optional.of(Files.readSymbolicLink(link).toString());
        } catch (IOException absent) {
            return Optional.empty();
        }
    }

    private static Optional<Path> real(Path path) {
        try {
            return Optional.of(path.toRealPath());
        } catch (IOException absent) {
            return Optional.empty();
        }
    }

    private static List<String> names(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        } catch (IOException absent) {
            return List.of();
        }
    }
}
