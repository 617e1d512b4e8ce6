package dev.outboard.host.device;

import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.models.NicModel;
import dev.outboard.models.NicOptions;
import dev.outboard.models.NicPortOptions;
import dev.outboard.models.NicPortStatistics;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.Charset;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outboard device nic}: an Ethernet switch, each port a network device. */
@Command(
        name = "nic",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Runs an Ethernet switch: each port is a virtio network device on a socket of "
                        + "its own. "
                        + "With iommu=PATH, the path that the port's driver has after --iommu, "
                        + "every DMA of the "
                        + "port goes through that driver's IOMMU.")
final class NicCommand implements Callable<Integer> {
    private static final String OWN_IOTLB = "own";
    private static final String SHARED_IOTLB = "shared";

    @Mixin private ModelOptions common;

    @Option(
            names = "--port",
            required = true,
            paramLabel = "PATH[,OPTION=VALUE...]",
            description = {
                "A port; two or more. Options:",
                "iommu=PATH: where the owner of its IOMMU listens; mac=ADDRESS; name=NAME;",
                "mtu=BYTES: its largest packet (1500);",
                "queues=N: how many pairs of queues its driver may use (1);",
                "offloads=on|off: whether checksums and segmentation may be left to others (on);",
                "mergeable=on|off: whether a received frame may span buffers (on);",
                "packed=on|off: whether rings may be packed (on);",
                "link=up|down: whether the cable is in at the start (up)."
            })
    private List<String> ports;

    @Option(
            names = "--iotlb",
            paramLabel = "own|shared",
            description =
                    "Whether each port has an IOTLB of its own, or all have one together, in the"
                            + " shape that the first port's driver gives it, each a domain of it."
                            + " Default: own.")
    private String iotlb = OWN_IOTLB;

    @Option(
            names = "--orders",
            description =
                    "Read orders from standard input, one a line: link NAME up, link NAME down."
                            + " The port's driver is told, where it listens.")
    private boolean orders;

    @Override
    public Integer call() {
        var options = options();
        var output = common.output();
        common.pin();
        try (var model = new NicModel(options)) {
            ModelHost.run(
                    "ob-nic",
                    model,
                    () -> {
                        output.say(readyText(options), readyEvent(options));
                        follow(model, output);
                    });
            var statistics = model.statistics().ports();
            output.say(
                    statistics.stream().map(NicCommand::text).collect(Collectors.joining("\n")),
                    Event.of(
                            Event.RESULT,
                            "device",
                            "nic",
                            "ports",
                            statistics.stream().map(NicCommand::fields).toList()));
        }
        return 0;
    }

    private void follow(NicModel model, EventOutput output) {
        if (orders) {
            var charset = Charset.defaultCharset();
            var input = new BufferedReader(new InputStreamReader(System.in, charset));
            new LinkOrders(
                            model::link,
                            line -> output.say(line, Event.of("order", "message", line)))
                    .follow(input);
        }
    }

    private NicOptions options() {
        if (!iotlb.equals(OWN_IOTLB) && !iotlb.equals(SHARED_IOTLB)) {
            throw new UsageException("--iotlb '" + iotlb + "': take own or shared");
        }
        try {
            var parsed = ports.stream().map(ModelOptions::port).toList();
            var names = new HashSet<String>();
            for (var port : parsed) {
                if (!names.add(port.name())) {
                    throw new UsageException(
                            "two ports are called '"
                                    + port.name()
                                    + "': give each a socket, or a name=, of its own");
                }
            }
            return NicOptions.of(parsed.toArray(NicPortOptions[]::new))
                    .withWaiting(common.waiting())
                    .withSharedIotlb(iotlb.equals(SHARED_IOTLB));
        } catch (IllegalArgumentException e) {
            throw new UsageException("--port: " + e.getMessage());
        }
    }

    private static String readyText(NicOptions options) {
        return "switch with "
                + options.ports().size()
                + " ports: "
                + options.ports().stream().map(NicCommand::text).collect(Collectors.joining("; "));
    }

    private static String text(NicPortOptions port) {
        return "%s at %s, %s, IOMMU %s"
                .formatted(
                        port.name(), port.socket(), port.mac(), ModelOptions.iommuOf(port.iommu()));
    }

    private static Event readyEvent(NicOptions options) {
        return Event.of(
                Event.READY,
                "device",
                "nic",
                "pid",
                ProcessHandle.current().pid(),
                "ports",
                options.ports().stream().map(NicCommand::fields).toList());
    }

    private static Map<String, Object> fields(NicPortOptions port) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("name", port.name());
        fields.put("socket", port.socket());
        fields.put("mac", port.mac());
        fields.put("iommu", ModelOptions.iommuOf(port.iommu()));
        fields.put("mtuBytes", port.mtuBytes());
        fields.put("queues", port.queues());
        fields.put("offloads", port.offloads());
        return fields;
    }

    private static String text(NicPortStatistics port) {
        return ("%s: %d frames sent, %d received; dropped %d for want of a buffer, %d too long,"
                                + " %d to nowhere, %d malformed, %d unwanted;"
                                + " %d summed, %d cut; %d faults")
                        .formatted(
                                port.name(),
                                port.sentFrames(),
                                port.receivedFrames(),
                                port.droppedNoBuffer(),
                                port.droppedTooLong(),
                                port.droppedNowhere(),
                                port.droppedMalformed(),
                                port.droppedUnwanted(),
                                port.summed(),
                                port.cut(),
                                port.faults())
                + ModelOptions.text(port.asked());
    }

    private static Map<String, Object> fields(NicPortStatistics port) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("name", port.name());
        fields.put("sentFrames", port.sentFrames());
        fields.put("sentBytes", port.sentBytes());
        fields.put("receivedFrames", port.receivedFrames());
        fields.put("receivedBytes", port.receivedBytes());
        fields.put("droppedNoBuffer", port.droppedNoBuffer());
        fields.put("droppedTooLong", port.droppedTooLong());
        fields.put("droppedNowhere", port.droppedNowhere());
        fields.put("droppedMalformed", port.droppedMalformed());
        fields.put("droppedUnwanted", port.droppedUnwanted());
        fields.put("summed", port.summed());
        fields.put("cut", port.cut());
        fields.put("commands", port.commands());
        fields.put("faults", port.faults());
        fields.put("waits", port.waits());
        fields.put("disconnections", port.disconnections());
        fields.put("lastReason", port.lastReason());
        fields.put("iotlb", ModelOptions.fields(port.asked()));
        return fields;
    }
}
