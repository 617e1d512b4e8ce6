package dev.outboard.uio.sysfs;

import dev.outboard.uio.pci.PciIdentity;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * What the kernel tells of one PCI function. Immutable, any thread; every call reads it anew.
 *
 * <p>The identity here is what the kernel read when it found the function: it stays what it is
 * where the function itself answers with ones, as one that is asleep does.
 */
public final class SysfsFunction {
    private static final Pattern SPACE = Pattern.compile("\\s+");
    private static final int HEX = 16;
    private static final int BASE_ADDRESSES = 6;
    private static final int RESOURCE_WORDS = 3;
    private static final int BRIDGE_CLASS = 0x0604;
    private static final String NOT_OVERRIDDEN = "(null)";

    private final Sysfs sysfs;
    private final PciPlace place;
    private final Path folder;

    SysfsFunction(Sysfs sysfs, PciPlace place) {
        this.sysfs = sysfs;
        this.place = place;
        folder = sysfs.root().resolve("sys/bus/pci/devices").resolve(place.toString());
    }

    /** Where it is. */
    public PciPlace place() {
        return place;
    }

    /** The folder that all this is read from. */
    public Path folder() {
        return folder;
    }

    /** What it is; all zero where the kernel does not say. */
    public PciIdentity identity() {
        return new PciIdentity(
                hex("vendor"),
                hex("device"),
                hex("class"),
                hex("revision"),
                hex("subsystem_vendor"),
                hex("subsystem_device"));
    }

    /** Whether it is a bridge to other functions: such a one is never given to a process. */
    public boolean isBridge() {
        return hex("class") >>> Byte.SIZE == BRIDGE_CLASS;
    }

    /** The driver that it is bound to. */
    public Optional<String> driver() {
        return Sysfs.linked(folder.resolve("driver"));
    }

    /** The only driver that may have it, where somebody has written one. */
    public Optional<String> driverOverride() {
        return Sysfs.text(folder.resolve("driver_override"))
                .filter(text -> !text.isEmpty() && !text.equals(NOT_OVERRIDDEN));
    }

    /** Its IOMMU group; none where no IOMMU stands before it, or it is switched off. */
    public Optional<IommuGroup> iommuGroup() {
        Path link = folder.resolve("iommu_group");
        return Sysfs.linked(link)
                .map(
                        number ->
                                new IommuGroup(
                                        Integer.parseInt(number),
                                        Sysfs.text(link.resolve("type")).orElse(""),
                                        members(link.resolve("devices"))));
    }

    private static List<PciPlace> members(Path devices) {
        return Sysfs.names(devices).stream()
                .filter(PciPlace::isOne)
                .map(PciPlace::parse)
                .sorted()
                .toList();
    }

    /** IOVA that no memory can be mapped at, whoever keeps its translations. */
    public List<ReservedIova> reservedIova() {
        List<ReservedIova> found = new ArrayList<>();
        Sysfs.text(folder.resolve("iommu_group/reserved_regions")).stream()
                .flatMap(String::lines)
                .map(SPACE::split)
                .filter(words -> words.length == RESOURCE_WORDS)
                .forEach(
                        words ->
                                found.add(
                                        new ReservedIova(
                                                number(words[0]), number(words[1]), words[2])));
        return found;
    }

    private static long number(String text) {
        return Long.parseUnsignedLong(text.substring(2), HEX);
    }

    /** The other functions of its group, bridges left out. */
    public List<SysfsFunction> groupOthers() {
        return iommuGroup().stream()
                .flatMap(group -> group.members().stream())
                .filter(Predicate.not(place::equals))
                .map(other -> new SysfsFunction(sysfs, other))
                .filter(Predicate.not(SysfsFunction::isBridge))
                .toList();
    }

    /** Its regions behind base addresses; those without length left out. */
    public List<PciResource> resources() {
        List<PciResource> found = new ArrayList<>();
        List<String> lines =
                Sysfs.text(folder.resolve("resource")).stream().flatMap(String::lines).toList();
        for (int index = 0; index < Math.min(lines.size(), BASE_ADDRESSES); index++) {
            String[] words = SPACE.split(lines.get(index));
            if (words.length < RESOURCE_WORDS) {
                continue;
            }
            long start = number(words[0]);
            long end = number(words[1]);
            long flags = number(words[2]);
            if (flags != 0 && end != 0) {
                found.add(new PciResource(index, start, end - start + 1, flags));
            }
        }
        return found;
    }

    /** The file of its configuration space, to be read and written at offsets. */
    public Path configuration() {
        return folder.resolve("config");
    }

    /** The file to map a region from, of an index of {@link #resources}. */
    public Path resourceFile(int index) {
        return folder.resolve("resource" + index);
    }

    /** N of {@code /dev/uioN}, where a driver of UIO has it. */
    public OptionalInt uioNumber() {
        return numbered("uio", "uio");
    }

    /** N of {@code /dev/vfio/devices/vfioN}, where VFIO has it and the kernel knows iommufd. */
    public OptionalInt vfioNumber() {
        return numbered("vfio-dev", "vfio");
    }

    private OptionalInt numbered(String within, String prefix) {
        return Sysfs.names(folder.resolve(within)).stream()
                .filter(name -> name.matches(prefix + "\\d+"))
                .mapToInt(name -> Integer.parseInt(name.substring(prefix.length())))
                .findFirst();
    }

    /** Whether the kernel knows a way to reset it. */
    public boolean canReset() {
        return Files.exists(folder.resolve("reset"));
    }

    private int hex(String file) {
        return Sysfs.text(folder.resolve(file))
                .filter(text -> text.startsWith("0x"))
                .map(text -> Integer.parseUnsignedInt(text.substring(2), 16))
                .orElse(0);
    }

    @Override
    public String toString() {
        return place.toString();
    }
}
