package dev.outboard.host.device;

import dev.outboard.host.cli.Subcommand;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code outboard device}: the kinds of emulated devices. */
@Command(
        name = "device",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        synopsisSubcommandLabel = "KIND",
        subcommands = {NicCommand.class, DiskCommand.class, EduCommand.class, NvmeCommand.class},
        description = "Runs an emulated device, which drivers reach over vhost-user or vfio-user.")
public final class DeviceCommand implements Subcommand {
    @Spec private CommandSpec spec;

    /** For the service loader. */
    public DeviceCommand() {}

    @Override
    public int order() {
        return 20;
    }

    @Override
    public Integer call() {
        throw new ParameterException(
                spec.commandLine(), "which kind of device: nic, disk, edu or nvme?");
    }
}
