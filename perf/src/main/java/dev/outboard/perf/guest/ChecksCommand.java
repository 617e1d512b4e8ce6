package dev.outboard.perf.guest;

import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard guest-checks}: what {@code outboard guest} starts in the guest. */
@Command(
        name = "guest-checks",
        hidden = true,
        mixinStandardHelpOptions = true,
        description = "Runs the checks of 'outboard guest', in the guest: takes its devices.")
public final class ChecksCommand implements Subcommand {
    private static final double NANOS = 1e9;

    @Option(
            names = "--part",
            required = true,
            paramLabel = "NAME",
            description = "iommu, or bare for a guest whose IOMMU is off.")
    private String part;

    @Option(names = "--only", paramLabel = "TEXT", description = "Those whose name has this.")
    private String only = "";

    /** For the service loader. */
    public ChecksCommand() {}

    @Override
    public Integer call() {
        var failed = 0;
        for (var check : checks()) {
            if (check.name().contains(only) && !passes(check)) {
                failed++;
            }
        }
        return failed == 0 ? 0 : 1;
    }

    private List<Check> checks() {
        return switch (part) {
            case "iommu" -> VfioChecks.all();
            case "bare" -> BareChecks.all();
            default -> throw new UsageException("--part " + part + ": take iommu or bare");
        };
    }

    /** Runs it and tells of it, whatever it throws: the others are still to be tried. */
    private static boolean passes(Check check) {
        var start = System.nanoTime();
        String seen;
        boolean isPassed;
        try {
            seen = check.work().run();
            isPassed = true;
        } catch (Exception | LinkageError | AssertionError e) {
            seen = e instanceof CheckFailure ? e.getMessage() : e.toString();
            isPassed = false;
        }
        var event =
                Event.of(
                        "check",
                        "name",
                        check.name(),
                        "passed",
                        isPassed,
                        "seen",
                        seen,
                        "seconds",
                        (System.nanoTime() - start) / NANOS);
        System.out.println(event.toJson());
        System.out.flush();
        return isPassed;
    }
}
