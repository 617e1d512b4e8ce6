package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A switch with two ports, and drivers on them, as processes of a test. */
final class NetworkProcesses {
    private final ProcessTest test;
    private final String strategy;
    private final boolean isMediated;

    NetworkProcesses(ProcessTest test, String strategy) {
        this(test, strategy, false);
    }

    private NetworkProcesses(ProcessTest test, String strategy, boolean isMediated) {
        this.test = test;
        this.strategy = strategy;
        this.isMediated = isMediated;
    }

    /** The same with a mediator for both ports, which {@link #startMediator} starts. */
    static NetworkProcesses mediated(ProcessTest test, String strategy) {
        return new NetworkProcesses(test, strategy, true);
    }

    OutboardProcess startMediator(String... more) {
        var words =
                new ArrayList<>(
                        List.of(
                                "mediator",
                                "--listen",
                                "unix:" + mediator(),
                                "--iommu",
                                "unix:" + test.path("mediator.iommu"),
                                "--json"));
        words.addAll(List.of(more));
        var mediator = test.outboard("the mediator", words.toArray(String[]::new));
        mediator.awaitReady(ProcessTest.LIMIT);
        return mediator;
    }

    /** Where drivers find the mediator. */
    Path mediator() {
        return test.path("mediator.sock");
    }

    OutboardProcess startDevice() {
        var device =
                test.outboard(
                        "the switch",
                        "device",
                        "nic",
                        "--port",
                        port("nic0"),
                        "--port",
                        port("nic1"),
                        "--json");
        device.awaitReady(ProcessTest.LIMIT);
        return device;
    }

    private String port(String name) {
        var socket = test.path(name + ".sock").toString();
        var iommu = test.path((isMediated ? "mediator" : name) + ".iommu");
        return strategy.equals("off") ? socket : socket + ",iommu=" + iommu;
    }

    /** The words that run a driver on a port. */
    String[] driverWords(String name, String... more) {
        var words =
                new ArrayList<>(
                        List.of(
                                "run",
                                "virtio-net",
                                "--device",
                                "vhost-user:" + test.path(name + ".sock"),
                                "--strategy",
                                strategy,
                                "--json"));
        if (isMediated) {
            words.addAll(List.of("--mediator", "unix:" + mediator()));
        } else if (!strategy.equals("off")) {
            words.addAll(List.of("--iommu", "unix:" + test.path(name + ".iommu")));
        }
        words.addAll(List.of(more));
        return words.toArray(String[]::new);
    }

    OutboardProcess startReceiver() {
        var receiver =
                test.outboard("the receiver", driverWords("nic1", "--client", "stream-receive"));
        receiver.awaitReady(ProcessTest.LIMIT);
        return receiver;
    }

    OutboardProcess startSender(String millis) {
        var sender =
                test.outboard(
                        "the sender",
                        driverWords(
                                "nic0",
                                "--client",
                                "stream-send",
                                "-o",
                                "sizes=1500",
                                "-o",
                                "warmupMillis=0",
                                "-o",
                                "millis=" + millis));
        sender.awaitReady(ProcessTest.LIMIT);
        return sender;
    }

    /** A short stream from one end to the other, checked. */
    void shouldStream() {
        var receiver = startReceiver();
        var sender = startSender("100");
        for (var end : List.of(sender, receiver)) {
            var result = end.awaitEvent("result", ProcessTest.LIMIT);
            assertThat(end.awaitExit(ProcessTest.LIMIT)).as(end.errorOutput()).isZero();
            assertThat(result.fields().get("client"))
                    .isInstanceOfSatisfying(
                            Map.class,
                            client -> assertThat(client.get("verified")).isEqualTo(true));
        }
    }
}
