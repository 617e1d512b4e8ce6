package dev.outboard.host.capture;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.control.ControlClient;
import dev.outboard.host.control.ControlFolder;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import dev.outboard.host.pcap.FrameCapture;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outboard capture}: what passes a running network driver. */
@Command(
        name = "capture",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Writes the frames that pass a running network driver, both ways, to a pcap file"
                        + " that Wireshark and tcpdump open. The driver never waits for it: frames"
                        + " that find no room are dropped, and counted.",
        footer = {
            "",
            "NAME is the device's name as 'outboard top' shows it, NAME.PID where several are"
                    + " called so, or unix:PATH where the driver was given --control unix:PATH.",
            "Live: outboard capture nic0 -w - | wireshark -k -i -"
        })
public final class CaptureCommand implements Subcommand {
    private static final int ORDER = 46;
    private static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(2);

    @Parameters(index = "0", paramLabel = "NAME", description = "Whose frames.")
    private String name;

    @Option(
            names = {"-w", "--write"},
            required = true,
            paramLabel = "FILE",
            description = "Where they go; - for standard output.")
    private String file;

    @Option(
            names = "--snap",
            paramLabel = "BYTES",
            description = "The most that is kept of a frame. Default: ${DEFAULT-VALUE}, all of it.")
    private int snapBytes = FrameCapture.MOST_SNAP_BYTES;

    @Option(names = "--count", paramLabel = "FRAMES", description = "End after so many frames.")
    private long count = Long.MAX_VALUE;

    @Option(names = "--seconds", paramLabel = "SECONDS", description = "End after so long.")
    private double seconds = Double.POSITIVE_INFINITY;

    @Option(names = "--json", description = "Print one JSON object a line.")
    private boolean json;

    /** For the service loader. */
    public CaptureCommand() {}

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        if (count < 1 || !(seconds > 0)) {
            throw new UsageException("--count and --seconds are more than 0");
        }
        if (snapBytes < FrameCapture.LEAST_SNAP_BYTES || snapBytes > FrameCapture.MOST_SNAP_BYTES) {
            throw new UsageException(
                    "--snap %d is not %d to %d"
                            .formatted(
                                    snapBytes,
                                    FrameCapture.LEAST_SNAP_BYTES,
                                    FrameCapture.MOST_SNAP_BYTES));
        }
        boolean isStandard = file.equals("-");
        var output = isStandard ? null : EventOutput.standard(json);
        var socket = ControlFolder.ofUser().find(name);
        try (var reader = CaptureReader.open(socket, snapBytes);
                var target = target(isStandard)) {
            StopRequest.ofProcess().onStop(reader::close);
            endLater(reader);
            if (output != null) {
                output.say(
                        "capturing what passes %s; to end it: Ctrl-C".formatted(name),
                        Event.of("capturing", "name", name, "snapBytes", snapBytes));
            }
            reader.copyTo(target, count);
            tell(output, reader, dropped(socket));
        } catch (IOException e) {
            throw new CommandException("cannot write " + file + ": " + e.getMessage(), e);
        }
        return 0;
    }

    private WritableByteChannel target(boolean isStandard) throws IOException {
        return isStandard
                ? Channels.newChannel(System.out)
                : FileChannel.open(
                        Path.of(file),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.TRUNCATE_EXISTING);
    }

    private void endLater(CaptureReader reader) {
        if (seconds == Double.POSITIVE_INFINITY) {
            return;
        }
        long nanos = (long) (seconds * TimeUnit.SECONDS.toNanos(1));
        Thread.ofPlatform()
                .daemon()
                .name("capture-end")
                .start(
                        () -> {
                            StopRequest.ofProcess().await(nanos);
                            reader.close();
                        });
    }

    /** -1 where the driver has ended, and nobody knows. */
    private static long dropped(Path socket) {
        try (var client = new ControlClient()) {
            var status = client.status(socket, ANSWER_NANOS);
            return status.has("capture")
                            && status.fields().get("capture") instanceof java.util.Map<?, ?> fields
                            && fields.get("dropped") instanceof Number dropped
                    ? dropped.longValue()
                    : -1;
        } catch (CommandException ended) {
            return -1;
        }
    }

    private static void tell(EventOutput output, CaptureReader reader, long dropped) {
        var line =
                "%d frames, %d bytes of them%s"
                        .formatted(
                                reader.frames(),
                                reader.frameBytes(),
                                dropped < 0
                                        ? "; the driver has ended"
                                        : ", " + dropped + " dropped");
        if (output == null) {
            System.err.println("outboard: " + line);
            return;
        }
        output.say(
                line,
                Event.of(
                        "captured",
                        "frames",
                        reader.frames(),
                        "bytes",
                        reader.frameBytes(),
                        "dropped",
                        dropped));
    }
}
