package dev.outboard.host.memory;

import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import picocli.CommandLine.Command;

/** {@code outboard memory}: the physical memory of a driver while it runs. */
@Command(
        name = "memory",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        synopsisSubcommandLabel = "list|plug|unplug",
        description =
                "Shows the physical memory of a running driver, adds a segment to it, or takes one"
                        + " away. Its device reaches nothing of it that is not mapped.",
        footer = {
            "",
            "NAME is the device's name as 'outboard top' shows it, NAME.PID where several are"
                    + " called so, or unix:PATH where the driver was given --control unix:PATH."
        },
        subcommands = {ListCommand.class, PlugCommand.class, UnplugCommand.class})
public final class MemoryCommand implements Subcommand {
    private static final int ORDER = 40;

    /** For the service loader. */
    public MemoryCommand() {}

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        throw new UsageException("what of the memory? list, plug or unplug (see memory --help)");
    }
}
