package dev.outboard.host.doctor;

import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard doctor}: what this machine has, and what it lacks. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Looks at this machine: what is there, what is missing, and what mends it. "
                        + "Exits 0 when emulated devices can be driven here.")
public final class DoctorCommand implements Subcommand {
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
        var checks = checks(new Machine(Path.of("/")));
        checks.forEach(check -> output.say(check.line(), event(check)));
        var failed = checks.stream().filter(check -> check.state() == Check.State.FAILED).count();
        output.say(
                failed == 0
                        ? "Emulated devices and the back-ends of other programs can be driven here."
                        : failed + " of these must be mended before anything can be driven here.",
                Event.of(Event.RESULT, "failed", failed));
        return failed == 0 ? 0 : 1;
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
                check.remedy());
    }
}
