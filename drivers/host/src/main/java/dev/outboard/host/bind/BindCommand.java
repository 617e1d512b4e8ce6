package dev.outboard.host.bind;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.uio.sysfs.BindingException;
import dev.outboard.uio.sysfs.DriverBinding;
import dev.outboard.uio.sysfs.Sysfs;
import dev.outboard.uio.sysfs.SysfsFunction;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outboard bind}: takes functions from the kernel's drivers, for ours. */
@Command(
        name = "bind",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Binds PCI devices to vfio-pci, so that drivers of ours can drive them, until"
                        + " 'outboard unbind' or the next boot. All of them or, where one fails,"
                        + " none. Needs to be root.")
public final class BindCommand implements Subcommand {
    private static final int ORDER = 31;
    private static final String VFIO = "vfio-pci";
    private static final String UIO = "uio_pci_generic";

    /** Drivers that let a group be viable though they are none of ours. */
    private static final Set<String> HARMLESS = Set.of(VFIO, "pci-stub", "pcieport");

    @Parameters(
            arity = "1..*",
            paramLabel = "PLACE",
            description = "Where they are, as 00:04.0: 'outboard list' shows it.")
    private List<String> places;

    @Option(
            names = "--to",
            defaultValue = VFIO,
            paramLabel = "DRIVER",
            description =
                    "vfio-pci, or uio_pci_generic, which protects no memory. Default:"
                            + " ${DEFAULT-VALUE}.")
    private String driver;

    @Option(names = "--force", description = "Also what is in use.")
    private boolean force;

    @Option(names = "--json", description = "Print one JSON object a line.")
    private boolean json;

    private final Path root;

    /** For the service loader. */
    public BindCommand() {
        root = Path.of("/");
    }

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        if (!driver.equals(VFIO) && !driver.equals(UIO)) {
            throw new UsageException("--to " + driver + ": take " + VFIO + " or " + UIO);
        }
        var sysfs = new Sysfs(root);
        var functions = Places.functions(sysfs, places);
        var users = new InUse(root);
        functions.forEach(function -> refuseIfUsed(function, users, force, "bind"));
        var output = EventOutput.standard(json);
        bindAll(new DriverBinding(sysfs), functions, output);
        functions.stream()
                .flatMap(function -> warnings(function).stream())
                .distinct()
                .forEach(warning -> output.say(warning, Event.of("warning", "text", warning)));
        return 0;
    }

    static void refuseIfUsed(
            SysfsFunction function, InUse users, boolean isForced, String command) {
        if (function.isBridge()) {
            throw new CommandException(
                    function + " is a bridge to other devices: " + command + " those");
        }
        var reasons = users.reasons(function);
        if (!reasons.isEmpty() && !isForced) {
            throw new CommandException(
                    "%s is in use: %s; end that first, or 'outboard %s --force %s'"
                            .formatted(function, String.join(", ", reasons), command, function));
        }
    }

    /** All of them; where one cannot be bound, those before it go back to the kernel's drivers. */
    private void bindAll(DriverBinding binding, List<SysfsFunction> functions, EventOutput output) {
        var done = new ArrayList<SysfsFunction>();
        for (var function : functions) {
            var before = function.driver().orElse(null);
            try {
                binding.bind(function, driver);
                done.add(function);
            } catch (BindingException e) {
                done.reversed().forEach(bound -> undo(binding, bound, e));
                throw e;
            }
            output.say(
                    function
                            + " is bound to "
                            + driver
                            + (before == null ? "" : ", was to " + before),
                    Event.of(
                            "bound",
                            "place",
                            function.toString(),
                            "driver",
                            driver,
                            "before",
                            before));
        }
    }

    private static void undo(DriverBinding binding, SysfsFunction bound, BindingException cause) {
        try {
            binding.release(bound);
        } catch (BindingException again) {
            cause.addSuppressed(again);
        }
    }

    /** What still stands between this function and a driver of ours. */
    private List<String> warnings(SysfsFunction function) {
        if (driver.equals(UIO)) {
            return List.of(
                    "nothing protects memory from "
                            + function
                            + ": outboard run refuses it without --no-iommu");
        }
        var others =
                function.groupOthers().stream()
                        .filter(other -> other.driver().filter(HARMLESS::contains).isEmpty())
                        .filter(other -> other.driver().isPresent())
                        .toList();
        if (others.isEmpty()) {
            return List.of();
        }
        return List.of(
                "group %d is not viable yet: %s; outboard bind %s"
                        .formatted(
                                function.iommuGroup().orElseThrow().number(),
                                others.stream()
                                        .map(
                                                other ->
                                                        other
                                                                + " is still bound to "
                                                                + other.driver().orElse("none"))
                                        .collect(Collectors.joining(", ")),
                                others.stream()
                                        .map(SysfsFunction::toString)
                                        .collect(Collectors.joining(" "))));
    }
}
