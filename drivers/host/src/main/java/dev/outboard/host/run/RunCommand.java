package dev.outboard.host.run;

import dev.outboard.dma.DomainSource;
import dev.outboard.dma.IommuOwner;
import dev.outboard.dma.mediator.MediatorClient;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.host.bus.DeviceAbsentException;
import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.OwnProcess;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.control.ControlOptions;
import dev.outboard.host.control.ControlServer;
import dev.outboard.host.event.EventOutput;
import dev.outboard.uio.PeerGoneException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code outboard run}: hosts one driver. */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Runs one driver on one device, in this process, until its client ends, or it "
                        + "is stopped. "
                        + "With an IOMMU (any --strategy but off) the device reaches nothing that "
                        + "the driver has not mapped.")
public final class RunCommand implements Subcommand {
    /** A mediator says that it is up only when it listens: this is for one that is very busy. */
    private static final long MEDIATOR_NANOS = TimeUnit.SECONDS.toNanos(5);

    @Mixin private RunOptions options;

    @Mixin private ControlOptions control;

    @Option(
            names = "--reconnect",
            defaultValue = "0",
            paramLabel = "SECONDS",
            description = "When the device goes away, wait so long for it and start again.")
    private long reconnectSeconds;

    @Option(names = "--json", description = "Print events for machines, one JSON object a line.")
    private boolean json;

    /** For the service loader. */
    public RunCommand() {}

    /** The drivers and clients are looked for only when somebody wants to read of them. */
    @Spec
    void addToHelp(CommandSpec spec) {
        spec.usageMessage()
                .sectionMap()
                .put(UsageMessageSpec.SECTION_KEY_FOOTER, help -> Modules.of(List.of()).describe());
    }

    @Override
    public int order() {
        return 10;
    }

    @Override
    public Integer call() {
        if (reconnectSeconds < 0) {
            throw new UsageException("--reconnect " + reconnectSeconds + " is less than 0");
        }
        control.check();
        var plan = options.plan();
        OwnProcess.dropRights();
        OwnProcess.name("ob-" + plan.device().deviceName());
        var output = EventOutput.standard(json);
        var faults = new FaultLog(output, System::nanoTime);
        var running = new RunningDriver(plan, faults);
        try (var server = control.open(plan.device().deviceName(), running);
                var source = source(plan)) {
            runUntilDone(new Settings(plan, source, output, faults, running, server));
        }
        return 0;
    }

    /** What all lives of the driver have in common. */
    private record Settings(
            HostPlan plan,
            DomainSource source,
            EventOutput output,
            FaultLog faults,
            RunningDriver running,
            ControlServer server) {}

    /** Where memory and translations come from; null without an IOMMU. */
    private static DomainSource source(HostPlan plan) {
        var socket = plan.protection().socket();
        return switch (plan.protection().owner()) {
            case NONE -> null;
            case DRIVER -> IommuOwner.listen(socket);
            case DEVICE -> plan.device().domains();
            case MEDIATOR ->
                    MediatorClient.connect(socket, plan.device().deviceName(), MEDIATOR_NANOS);
        };
    }

    /** Runs the driver, and again as long as a lost device comes back. */
    private void runUntilDone(Settings settings) {
        var source = settings.source;
        var output = settings.output;
        var faults = settings.faults;
        var stop = StopRequest.ofProcess();
        var patience = new Patience(stop, reconnectSeconds);
        var owner = new OwnerWatch(source);
        while (true) {
            var report = new RunReport(settings.plan, output, settings.server);
            try {
                new DriverSession(
                                settings.plan,
                                source,
                                owner,
                                stop,
                                faults,
                                report,
                                settings.running)
                        .run();
                faults.summarize();
                report.result(faults.count());
                if (report.isRefuted()) {
                    throw new CommandException(
                            "the client found data that is not as it was sent or written: see"
                                    + " verified in its result");
                }
                if (report.mistakes() > 0) {
                    throw new CommandException(
                            "--dma-debug found %d mistakes in the use of DMA: see the lines that"
                                            .formatted(report.mistakes())
                                    + " name them");
                }
                return;
            } catch (PeerGoneException e) {
                faults.summarize();
                report.ownerLost();
                report.resultOfLost(faults.count());
                throw e;
            } catch (DeviceLostException e) {
                faults.summarize();
                report.lost();
                if (!patience.lost(report.wasUp())) {
                    report.resultOfLost(faults.count());
                    throw e;
                }
                output.text(e.getMessage() + "; waiting for it to return");
            } catch (DeviceAbsentException e) {
                if (!patience.absent()) {
                    throw patience.isWaiting() ? neverReturned(e) : e;
                }
            }
        }
    }

    private CommandException neverReturned(DeviceAbsentException cause) {
        if (StopRequest.ofProcess().isStopping()) {
            return new CommandException("stopped while waiting for the device to return", cause);
        }
        return new CommandException(
                "the device went away and did not return in "
                        + reconnectSeconds
                        + " s: "
                        + cause.getMessage(),
                cause);
    }
}
