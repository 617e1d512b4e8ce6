package dev.outboard.host.mediator;

import dev.outboard.dma.mediator.Mediator;
import dev.outboard.dma.mediator.MediatorOptions;
import dev.outboard.dma.mediator.Quotas;
import dev.outboard.host.cli.OwnProcess;
import dev.outboard.host.cli.Sizes;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.control.ControlOptions;
import dev.outboard.host.control.ControlServer;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.uio.WaitPolicy;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outboard mediator}: owns memory and translation tables for drivers. */
@Command(
        name = "mediator",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Owns memory and translation tables for drivers in other processes, until it is"
                        + " stopped: each driver maps only what is its own or was granted to it."
                        + " Drivers come to --listen (outboard run --mediator unix:PATH), their"
                        + " devices to --iommu (iommu=PATH of a device's port).",
        footer = {
            "",
            "At a quota's barrier ordinary requests are refused; what a driver cannot do without,"
                    + " as its rings, goes on to the limit. When a driver's connection ends"
                    + " everything it had is cleared and flushed before it is used again; when the"
                    + " mediator ends, drivers end with an error, and devices stop."
        })
public final class MediatorCommand implements Subcommand {
    private static final String UNIX = "unix:";

    /** What it is called by who looks on from outside. */
    static final String NAME = "mediator";

    @Option(
            names = "--listen",
            required = true,
            paramLabel = "unix:PATH",
            description = "Where drivers connect.")
    private String listen;

    @Option(
            names = "--iommu",
            required = true,
            paramLabel = "unix:PATH",
            description = "Where their devices attach.")
    private String iommu;

    @Option(
            names = "--memory",
            defaultValue = "1G",
            paramLabel = "SIZE",
            description = "Physical memory for all drivers together. Default: ${DEFAULT-VALUE}.")
    private String memory;

    @Option(
            names = "--quota",
            paramLabel = "CLIENT:RESOURCE=BARRIER:LIMIT[,…]",
            description =
                    "What a driver may use of frames (pages of memory), entries (pages mapped) and"
                            + " mappings; LIMIT alone for both. CLIENT is the name it connects"
                            + " with, or * for those that are not named. May be repeated.")
    private List<String> quotas = List.of();

    @Option(
            names = "--spin-us",
            paramLabel = "N",
            description = "How long to look for requests before sleeping, in microseconds.")
    private Long spinMicros;

    @Option(names = "--pause", description = "Use the processor's pause instruction to spin.")
    private boolean pause;

    @Mixin private ControlOptions control;

    @Option(names = "--json", description = "Print events for machines, one JSON object a line.")
    private boolean json;

    /** For the service loader. */
    public MediatorCommand() {}

    @Override
    public int order() {
        return 30;
    }

    @Override
    public Integer call() {
        control.check();
        var options = options();
        OwnProcess.dropRights();
        OwnProcess.name("ob-mediator");
        var output = EventOutput.standard(json);
        var clients = new ClientLog(output);
        var running = new RunningMediator(options);
        // First, so that a client that comes at once finds a mediator that has said it is ready.
        try (var server = control.open(NAME, running)) {
            server.awaitListening();
            try (var mediator = Mediator.listen(options, clients)) {
                running.begin(mediator);
                output.say(readyText(options), readyEvent(options, server));
                awaitStop();
                clients.result(mediator.clients());
            }
        }
        return 0;
    }

    private static void awaitStop() {
        var end = new CountDownLatch(1);
        StopRequest.ofProcess().onStop(end::countDown);
        try {
            end.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private MediatorOptions options() {
        try {
            return new MediatorOptions(
                    path("--listen", listen),
                    path("--iommu", iommu),
                    Sizes.parse(memory),
                    quotas(),
                    waiting());
        } catch (IllegalArgumentException e) {
            throw new UsageException(e.getMessage());
        }
    }

    private static Path path(String option, String text) {
        if (!text.startsWith(UNIX) || text.length() == UNIX.length()) {
            throw new UsageException(option + " " + text + ": write unix:PATH");
        }
        return Path.of(text.substring(UNIX.length()));
    }

    private Map<String, Quotas> quotas() {
        var parsed = new LinkedHashMap<String, Quotas>();
        for (var quota : quotas) {
            // A client's name may hold colons: what follows the last before the first '=' is ours.
            var equals = quota.indexOf('=');
            var colon = equals < 0 ? -1 : quota.lastIndexOf(':', equals);
            if (colon <= 0) {
                throw new UsageException(
                        "--quota " + quota + ": write CLIENT:RESOURCE=BARRIER:LIMIT");
            }
            var client = quota.substring(0, colon);
            try {
                if (parsed.put(client, Quotas.parse(quota.substring(colon + 1))) != null) {
                    throw new UsageException(
                            "--quota " + client + " is there twice: write it as one, with commas");
                }
            } catch (IllegalArgumentException e) {
                throw new UsageException("--quota " + quota + ": " + e.getMessage());
            }
        }
        return parsed;
    }

    private WaitPolicy waiting() {
        if (spinMicros != null && spinMicros < 0) {
            throw new UsageException("--spin-us " + spinMicros + " is less than 0");
        }
        return new WaitPolicy(
                spinMicros == null
                        ? WaitPolicy.DEFAULT.spinNanos()
                        : TimeUnit.MICROSECONDS.toNanos(spinMicros),
                pause);
    }

    private static String readyText(MediatorOptions options) {
        return "mediator at unix:%s, devices at unix:%s, %d MiB of memory, %s"
                .formatted(
                        options.listen(),
                        options.iommu(),
                        options.memoryBytes() >> 20,
                        options.quotas().isEmpty()
                                ? "no quotas"
                                : "quotas of " + String.join(", ", options.quotas().keySet()));
    }

    private static Event readyEvent(MediatorOptions options, ControlServer server) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("mediator", "unix:" + options.listen());
        fields.put("iommu", "unix:" + options.iommu());
        fields.put("pid", ProcessHandle.current().pid());
        fields.put("memoryBytes", options.memoryBytes());
        server.describe(fields);
        return new Event(Event.READY, fields);
    }
}
