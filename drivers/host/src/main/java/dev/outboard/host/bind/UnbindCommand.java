package dev.outboard.host.bind;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.uio.sysfs.DriverBinding;
import dev.outboard.uio.sysfs.Sysfs;
import dev.outboard.uio.sysfs.SysfsFunction;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outboard unbind}: gives functions back to the kernel's drivers. */
@Command(
        name = "unbind",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Gives PCI devices back to whichever driver the kernel has for them. Needs to be"
                        + " root.")
public final class UnbindCommand implements Subcommand {
    private static final int ORDER = 32;
    private static final Set<String> OURS = Set.of("vfio-pci", "uio_pci_generic");

    @Parameters(
            arity = "1..*",
            paramLabel = "PLACE",
            description = "Where they are, as 00:04.0: 'outboard list' shows it.")
    private List<String> places;

    @Option(
            names = "--force",
            description = "Also while a process drives it: waits until that one gives it back.")
    private boolean force;

    @Option(names = "--json", description = "Print one JSON object a line.")
    private boolean json;

    private final Path root;

    /** For the service loader. */
    public UnbindCommand() {
        root = Path.of("/");
    }

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        var sysfs = new Sysfs(root);
        var functions = Places.functions(sysfs, places);
        var users = new InUse(root);
        for (var function : functions) {
            refuseOthers(function);
            BindCommand.refuseIfUsed(function, users, force, "unbind");
        }
        var binding = new DriverBinding(sysfs);
        var output = EventOutput.standard(json);
        for (var function : functions) {
            var before = function.driver().orElse(null);
            var driver = binding.release(function).orElse(null);
            output.say(
                    function
                            + (driver == null
                                    ? " has no driver now: the kernel has none loaded for it"
                                    : " is bound to " + driver)
                            + (before == null ? "" : ", was to " + before),
                    Event.of(
                            "unbound",
                            "place",
                            function.toString(),
                            "driver",
                            driver,
                            "before",
                            before));
        }
        return 0;
    }

    /** To take a function from a driver that works would be to break it. */
    private static void refuseOthers(SysfsFunction function) {
        var driver = function.driver();
        if (driver.isPresent() && !OURS.contains(driver.get())) {
            throw new CommandException(
                    "%s is bound to %s, the kernel's driver, already"
                            .formatted(function, driver.get()));
        }
    }
}
