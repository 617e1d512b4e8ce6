package dev.outboard.uio.sysfs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The kernel's files about PCI functions. Immutable, any thread; every call reads them anew.
 *
 * <p>A file that is not there is an answer: what it would say is absent. Functions may be unplugged
 * while they are looked at.
 */
public final class Sysfs {
    private final Path root;

    /**
     * The files below another root.
     *
     * @param root what {@code /} is for this machine
     */
    public Sysfs(Path root) {
        this.root = root;
    }

    /** The machine that this runs on. */
    public static Sysfs ofThisMachine() {
        return new Sysfs(Path.of("/"));
    }

    /** All PCI functions, in the order of their places. */
    public List<SysfsFunction> functions() {
        return names(root.resolve("sys/bus/pci/devices")).stream()
                .filter(PciPlace::isOne)
                .map(PciPlace::parse)
                .sorted()
                .map(place -> new SysfsFunction(this, place))
                .toList();
    }

    /**
     * One function.
     *
     * @throws IllegalArgumentException if there is none
     */
    public SysfsFunction function(PciPlace place) {
        var function = new SysfsFunction(this, place);
        if (!Files.isDirectory(function.folder())) {
            throw new IllegalArgumentException(
                    "there is no PCI function %s: 'outboard list' shows which there are"
                            .formatted(place));
        }
        return function;
    }

    /** Whether a driver of PCI functions is there: built in, or its module loaded. */
    public boolean hasDriver(String driver) {
        return Files.isDirectory(driverFolder(driver));
    }

    /** What the root is. */
    public Path root() {
        return root;
    }

    Path driverFolder(String driver) {
        return root.resolve("sys/bus/pci/drivers").resolve(driver);
    }

    /** The names in a folder, sorted; none where there is no such folder. */
    static List<String> names(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        } catch (IOException absent) {
            return List.of();
        }
    }

    /** A file's text without the line feed at its end. */
    static Optional<String> text(Path file) {
        try {
            return Optional.of(Files.readString(file).strip());
        } catch (IOException absent) {
            // Not there, not for us, or its function was unplugged meanwhile.
            return Optional.empty();
        }
    }

    /** The name that a link leads to. */
    static Optional<String> linked(Path link) {
        try {
            return Optional.of(Files.readSymbolicLink(link).getFileName().toString());
        } catch (IOException absent) {
            return Optional.empty();
        }
    }
}
