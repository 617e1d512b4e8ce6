package dev.outboard.perf.hotplug;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.control.ControlClient;
import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import dev.outboard.host.process.ProcessFailedException;
import dev.outboard.perf.setup.Owner;
import dev.outboard.perf.setup.Workplace;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;

/** One run: everything it takes, the rounds, and what the clients say at their end. One thread. */
final class HotplugRun implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(60);
    private static final Duration END = Duration.ofSeconds(60);
    private static final long DISK_BYTES = 16L << 20;
    private static final int MOST_TRIES = 5;

    /** For 2 GiB: a strategy that maps all memory has room for what comes. */
    private static final int TABLE_ENTRIES = 1 << 19;

    private final HotplugPlan plan;
    private final Workplace place;
    private final ControlClient client = new ControlClient();
    private final List<Driver> drivers = new ArrayList<>();

    HotplugRun(HotplugPlan plan, StopRequest stop) {
        this.plan = plan;
        place = new Workplace("hotplug", stop);
    }

    /**
     * What came of a driver.
     *
     * @param driver what was measured of it
     * @param result what it said at its end; null if it ended by an error
     * @param error its one line; empty if it ended well
     */
    record Outcome(Driver driver, Event result, String error) {
        /** Whether its client saw every byte as it should be. */
        boolean isVerified() {
            return client() instanceof Map<?, ?> said
                    && Boolean.TRUE.equals(said.get("verified"))
                    && error.isEmpty();
        }

        Object client() {
            return result == null ? null : result.fields().get("client");
        }

        /** Whether nothing was allocated or mapped when all was closed; null if nobody says. */
        Boolean hasLeftNothing() {
            return result == null
                    ? null
                    : result.fields().get("left") instanceof Map<?, ?> left
                            && left.values().stream()
                                    .allMatch(
                                            count ->
                                                    count instanceof Number n
                                                            && n.longValue() == 0);
        }
    }

    /** Starts devices and drivers. */
    void start() {
        if (plan.owner() == Owner.MEDIATOR) {
            await(
                    "the mediator",
                    "mediator",
                    "--listen",
                    "unix:" + place.path("m"),
                    "--iommu",
                    "unix:" + place.path("i"),
                    "--memory",
                    "16G",
                    "--json");
        }
        await(
                "the switch",
                "device",
                "nic",
                "--port",
                port("nic0"),
                "--port",
                port("nic1"),
                "--json");
        makeDisk();
        await(
                "the disk",
                "device",
                "disk",
                "--port",
                port("disk0"),
                "--file",
                place.path("disk.raw").toString(),
                "--json");
        drive("receiver", "virtio-net", "nic1", "stream-receive", "idleMillis=60000");
        drive(
                "sender",
                "virtio-net",
                "nic0",
                "stream-send",
                "sizes=1500",
                "warmupMillis=0",
                "millis=86400000");
        drive(
                "disk",
                "virtio-blk",
                "disk0",
                "disk-check",
                "blocks=4096,65536",
                "depth=16",
                "bytes=8388608",
                "millis=300",
                "untilStopped=1");
    }

    private void makeDisk() {
        try (var file = new RandomAccessFile(place.path("disk.raw").toFile(), "rw")) {
            file.setLength(DISK_BYTES);
        } catch (IOException e) {
            throw new CommandException("the disk's file cannot be made: " + e.getMessage(), e);
        }
    }

    private String port(String name) {
        return place.path(name + ".sock")
                + ",iommu="
                + place.path(plan.owner() == Owner.MEDIATOR ? "i" : name + ".iommu");
    }

    private void await(String name, String... words) {
        place.start(name, List.of(words)).awaitReady(START);
    }

    private void drive(String name, String driver, String device, String does, String... options) {
        var words =
                new ArrayList<>(
                        List.of(
                                "run",
                                driver,
                                "--device",
                                "vhost-user:" + place.path(device + ".sock"),
                                "--strategy",
                                plan.strategy(),
                                plan.owner() == Owner.MEDIATOR ? "--mediator" : "--iommu",
                                "unix:"
                                        + place.path(
                                                plan.owner() == Owner.MEDIATOR
                                                        ? "m"
                                                        : device + ".iommu"),
                                "--format",
                                plan.format(),
                                "--table-entries",
                                Integer.toString(TABLE_ENTRIES),
                                "--memory",
                                "16M",
                                "--control",
                                "unix:" + place.path(device + ".ctl"),
                                "--client",
                                does,
                                "--json"));
        for (var option : options) {
            words.addAll(List.of("-o", option));
        }
        drivers.add(new Driver(place.start(name, words), client, plan.strategy().equals("copied")));
    }

    List<Driver> drivers() {
        return drivers;
    }

    /** All rounds; tells when each is over. */
    void rounds(StopRequest stop, IntConsumer done) {
        for (int round = 1; round <= plan.rounds() && !stop.isStopping(); round++) {
            for (var driver : drivers) {
                driver.plug(plan.lengthBytes(), plan.pages());
            }
            drivers.forEach(this::refuse);
            for (var driver : drivers) {
                driver.unplug();
            }
            done.accept(round);
        }
    }

    /**
     * Sees that memory is not given away while it is used. A disk's client gives all back between
     * two laps: whoever asks just then gets the memory, and it comes once more.
     */
    private void refuse(Driver driver) {
        for (int tries = 0; tries < MOST_TRIES; tries++) {
            driver.awaitUse();
            if (driver.isRefused()) {
                return;
            }
            driver.plug(plan.lengthBytes(), plan.pages());
        }
        throw new CommandException(
                "%s let go of memory that it used, %d times in turn"
                        .formatted(driver.name(), MOST_TRIES));
    }

    /** Takes memory away from the sender while it uses it; the others go on for one more round. */
    void force(IntConsumer done) {
        var sender = drivers.get(1);
        sender.plug(plan.lengthBytes(), plan.pages());
        sender.awaitUse();
        sender.unplugByForce();
        var disk = drivers.get(2);
        disk.plug(plan.lengthBytes(), plan.pages());
        disk.awaitUse();
        disk.unplug();
        done.accept(1);
    }

    /** Stops the clients: who sends first, then who receives, which ends by itself. */
    List<Outcome> finish() {
        var outcomes = new ArrayList<Outcome>();
        for (var driver : List.of(drivers.get(1), drivers.get(0), drivers.get(2))) {
            if (driver != drivers.get(0) || plan.force()) {
                driver.process().terminate();
            }
            outcomes.add(outcome(driver));
        }
        return outcomes;
    }

    private static Outcome outcome(Driver driver) {
        OutboardProcess process = driver.process();
        Event result = null;
        try {
            result = process.awaitEvent(Event.RESULT, END);
        } catch (ProcessFailedException none) {
            // It ended by an error, whose line is told.
        }
        int code = process.awaitExit(END);
        return new Outcome(
                driver,
                result,
                code == 0
                        ? ""
                        : process.errorOutput().isBlank()
                                ? "it ended with exit code " + code
                                : process.errorOutput().strip());
    }

    @Override
    public void close() {
        client.close();
        place.close();
    }
}
