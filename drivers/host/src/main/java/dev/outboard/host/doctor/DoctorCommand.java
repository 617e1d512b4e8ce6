package dev.outboard.host.doctor;

import dev.outboard.host.bind.Places;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.uio.sysfs.Sysfs;
import dev.outboard.uio.sysfs.SysfsFunction;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outboard doctor}: what this machine has, and what it lacks. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Looks at this machine: what is there, what is missing, and what mends it. Exits 0"
                        + " when emulated devices can be driven here, and the PCI devices that"
                        + " were named.")
public final class DoctorCommand implements Subcommand {
    @Parameters(
            arity = "0..*",
            paramLabel = "PLACE",
            description = "Also whether these PCI devices can be driven by us now, as 00:04.0.")
    private List<String> places = List.of();

    @Option(names = "--json", description = "Print events for machines, one JSON object a line.")
    private boolean json;

    /** For the service loader. */
    public DoctorCommand() {}

    @Override
    public int order() {
        return 90;
    }

    @Override
    public Integer call() {
        var output = EventOutput.standard(json);
        var root = Path.of("/");
        var checks = new ArrayList<>(checks(new Machine(root)));
        var sysfs = new Sysfs(root);
        for (var place : places) {
            checks.addAll(deviceChecks(root, Places.function(sysfs, place)));
        }
        checks.forEach(check -> output.say(check.line(), event(check)));
        var failed = checks.stream().filter(check -> check.state() == Check.State.FAILED).count();
        output.say(
                failed == 0
                        ? places.isEmpty()
                                ? "Emulated devices and the back-ends of other programs can be"
                                        + " driven here."
                                : "Can be driven here: " + String.join(", ", places)
                        : failed
                                + " of these must be mended before "
                                + (places.isEmpty() ? "anything" : String.join(", ", places))
                                + " can be driven here.",
                Event.of(Event.RESULT, "failed", failed));
        return failed == 0 ? 0 : 1;
    }

    private static List<Check> deviceChecks(Path root, SysfsFunction function) {
        return new DeviceChecks(new RootFiles(root), function).all();
    }

    private static List<Check> checks(Machine machine) {
        return Stream.concat(KernelChecks.all().stream(), machine.checks().stream()).toList();
    }

    private static Event event(Check check) {
        return Event.of(
                "check",
                "name",
                check.name(),
                "state",
                check.state().name().toLowerCase(Locale.ROOT),
                "found",
                check.found(),
                "remedy",
                check.remedy(),
                "command",
                check.command());
    }
}
