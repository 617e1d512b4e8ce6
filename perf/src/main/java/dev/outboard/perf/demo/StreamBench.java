package dev.outboard.perf.demo;

import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.process.OutboardProcess;
import dev.outboard.perf.stream.TurnGiver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The processes of one setting: messages go from one driver process through the switch of a device
 * process to another driver process, when they are given a turn. Between turns all of them sleep.
 *
 * <pre>
 *   run virtio-net                    device nic                     run virtio-net
 *     stream-send ──────────► port 0 ── switch ── port 1 ──────────► stream-receive
 *     its IOMMU ◄─ attaches ── port 0             port 1 ── attaches ─► its IOMMU
 *               └──────────── or both are the mediator's ────────────┘
 * </pre>
 *
 * <p>One thread.
 */
final class StreamBench implements AutoCloseable {
    private static final String SENDER = "nic0";
    private static final String RECEIVER = "nic1";
    private static final Duration END_LIMIT = Duration.ofSeconds(40);
    private static final long IDLE_MILLIS = 3_600_000;

    private final IommuSetting setting;
    private final Workspace workspace;
    private final OutboardProcess receiver;
    private final OutboardProcess sender;
    private final TurnGiver turns;

    /** What both ends counted of every turn, in order. */
    record Outcome(
            List<Map<String, Object>> sent, List<Map<String, Object>> received, boolean verified) {}

    /** Starts every process, and waits until they are up. */
    StreamBench(IommuSetting setting, StopRequest stop) {
        this.setting = setting;
        workspace = new Workspace(stop);
        try {
            var watched = new ArrayList<String>();
            if (setting.isMediated()) {
                watched.add("watch.mediator=" + workspace.startMediator().pid());
            }
            var device = workspace.start("the network device", deviceWords());
            receiver =
                    workspace.start(
                            "the receiving driver",
                            workspace.runWords(
                                    "virtio-net",
                                    RECEIVER,
                                    setting,
                                    "stream-receive",
                                    List.of("idleMillis=" + IDLE_MILLIS)));
            var socket = workspace.path("turns.sock");
            turns = new TurnGiver(socket);
            watched.add("turns=" + socket);
            watched.add("watch.device=" + device.pid());
            watched.add("watch.receiver=" + receiver.pid());
            sender =
                    workspace.start(
                            "the sending driver",
                            workspace.runWords(
                                    "virtio-net", SENDER, setting, "stream-send", watched));
            turns.awaitTaker();
        } catch (RuntimeException failure) {
            workspace.close();
            throw failure;
        }
    }

    private List<String> deviceWords() {
        var words = new ArrayList<>(List.of("device", "nic"));
        words.addAll(workspace.portWords(SENDER, setting));
        words.addAll(workspace.portWords(RECEIVER, setting));
        words.add("--json");
        return words;
    }

    IommuSetting setting() {
        return setting;
    }

    /** Sends messages of a size for a time. */
    void turn(int sizeBytes, long millis) {
        turns.run(sizeBytes, millis * 1_000_000);
    }

    /** Ends the streams and takes what was counted. */
    Outcome finish() {
        turns.end();
        var sent = Children.result(sender, END_LIMIT);
        var received = Children.result(receiver, END_LIMIT);
        return new Outcome(
                Children.rows(sent, "streams"),
                Children.rows(received, "streams"),
                Children.isVerified(sent) && Children.isVerified(received));
    }

    @Override
    public void close() {
        if (turns != null) {
            turns.close();
        }
        workspace.close();
    }
}
