package dev.outboard.host.bind;

import dev.outboard.driver.DeviceId;
import dev.outboard.driver.Driver;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.uio.pci.PciIdentity;
import dev.outboard.uio.sysfs.PciPlace;
import dev.outboard.uio.sysfs.Sysfs;
import dev.outboard.uio.sysfs.SysfsFunction;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outboard list}: the PCI functions of this machine. */
@Command(
        name = "list",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Lists the PCI devices of this machine: what each is, the driver that has it, its"
                        + " IOMMU group and who else is in it, and which of our drivers could"
                        + " drive it. Names come with the package pciutils.")
public final class ListCommand implements Subcommand {
    private static final int ORDER = 30;
    private static final int VIRTIO_VENDOR = 0x1af4;
    private static final int VIRTIO_FIRST = 0x1040;
    private static final int VIRTIO_LAST = 0x107f;
    private static final List<String> TITLES =
            List.of("PLACE", "DEVICE", "CLASS", "DRIVER", "GROUP", "OURS", "WHAT");
    private static final String NONE = "-";

    @Parameters(
            arity = "0..*",
            paramLabel = "PLACE",
            description = "Only these, as 00:04.0; all without.")
    private List<String> places = List.of();

    @Option(names = "--json", description = "Print one JSON object a line.")
    private boolean json;

    /** For the service loader. */
    public ListCommand() {}

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        var root = Path.of("/");
        var sysfs = new Sysfs(root);
        var names = PciNames.below(root);
        var drivers =
                ServiceLoader.load(Driver.class).stream().map(ServiceLoader.Provider::get).toList();
        var functions = places.isEmpty() ? sysfs.functions() : Places.functions(sysfs, places);
        var output = EventOutput.standard(json);
        var rows = new ArrayList<List<String>>();
        rows.add(TITLES);
        for (var function : functions) {
            var row = new Row(function, names, drivers);
            output.say(row.event());
            rows.add(row.cells());
        }
        lines(rows).forEach(output::text);
        return 0;
    }

    /** Columns as wide as what is in them. */
    static List<String> lines(List<List<String>> rows) {
        var widths = new int[TITLES.size()];
        for (var row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        var lines = new ArrayList<String>();
        for (var row : rows) {
            var line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                line.append(row.get(i)).repeat(' ', widths[i] + 2 - row.get(i).length());
            }
            lines.add(line.toString().stripTrailing());
        }
        return lines;
    }

    /** What is told of one function. */
    record Row(SysfsFunction function, PciNames names, List<Driver> drivers) {
        List<String> cells() {
            var identity = function.identity();
            var group = function.iommuGroup();
            return List.of(
                    function.toString(),
                    identity.toString(),
                    "%06x".formatted(identity.classCode()),
                    function.driver().orElse(NONE),
                    group.map(found -> found.number() + with()).orElse(NONE),
                    ours().isEmpty() ? NONE : String.join(",", ours()),
                    what(identity));
        }

        private String with() {
            var others = function.groupOthers();
            return others.isEmpty()
                    ? ""
                    : others.stream()
                            .map(SysfsFunction::toString)
                            .collect(Collectors.joining(",", " with ", ""));
        }

        private String what(PciIdentity identity) {
            var words = new ArrayList<String>();
            names.kind(identity).ifPresent(kind -> words.add(kind + ":"));
            names.vendor(identity).ifPresent(words::add);
            names.device(identity).ifPresent(words::add);
            return String.join(" ", words);
        }

        /** Our drivers that could drive it. */
        private List<String> ours() {
            var identity = function.identity();
            var asPci =
                    new DeviceId("pci", identity.vendor(), identity.device(), identity.classCode());
            var asVirtio =
                    identity.vendor() == VIRTIO_VENDOR
                                    && identity.device() >= VIRTIO_FIRST
                                    && identity.device() <= VIRTIO_LAST
                            ? new DeviceId("virtio", DeviceId.ANY, identity.device() - VIRTIO_FIRST)
                            : asPci;
            return drivers.stream()
                    .filter(
                            driver ->
                                    driver.match().accepts(asPci)
                                            || driver.match().accepts(asVirtio))
                    .map(Driver::name)
                    .sorted()
                    .toList();
        }

        Event event() {
            var identity = function.identity();
            return Event.of(
                    "device",
                    "place",
                    function.toString(),
                    "vendor",
                    "%04x".formatted(identity.vendor()),
                    "device",
                    "%04x".formatted(identity.device()),
                    "class",
                    "%06x".formatted(identity.classCode()),
                    "vendorName",
                    names.vendor(identity).orElse(null),
                    "deviceName",
                    names.device(identity).orElse(null),
                    "className",
                    names.kind(identity).orElse(null),
                    "driver",
                    function.driver().orElse(null),
                    "group",
                    function.iommuGroup().map(group -> (Object) group.number()).orElse(null),
                    "groupMembers",
                    function.iommuGroup().stream()
                            .flatMap(group -> group.members().stream())
                            .map(PciPlace::toString)
                            .toList(),
                    "ours",
                    ours());
        }
    }
}
