package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code kill -9} of the mediator, and of whoever works with it, in mid-stream. */
@Timeout(180)
class KilledMediatorIT extends ProcessTest {
    private static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);

    @ParameterizedTest
    @ValueSource(strings = {"strict", "cached"})
    void shouldEndBothDriversWithOneLineAndLeaveTheDeviceAlone(String strategy) throws Exception {
        var network = NetworkProcesses.mediated(this, strategy);
        var mediator = network.startMediator();
        var device = network.startDevice();
        var receiver = network.startReceiver();
        var sender = network.startSender("60000");
        Thread.sleep(400);
        var lost = List.of(noticed(sender), noticed(receiver));
        mediator.kill();
        for (var notice : lost) {
            notice.get(30, TimeUnit.SECONDS).shouldBeWithin(SECOND_NANOS);
        }
        for (var driver : List.of(sender, receiver)) {
            shouldSayThatTheMediatorIsGone(driver, network);
            assertThat(driver.awaitEvent(Event.LOST, LIMIT).text("owner")).isEqualTo("mediator");
            assertThat(driver.awaitEvent(Event.RESULT, LIMIT).flag("lost")).isTrue();
        }
        mediator.awaitExit(LIMIT);
        assertThat(device.isAlive()).isTrue();

        // The sockets of the dead are replaced, and the device that was there serves again.
        var next = network.startMediator();
        network.shouldStream();
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
        assertThat(next.stop(LIMIT)).as(next.errorOutput()).isZero();
    }

    /** At each step of a driver that asks for memory, a domain, a service …, and a little later. */
    @Test
    void shouldEndADriverWheneverTheMediatorIsKilled() throws Exception {
        long seed = System.nanoTime();
        var random = new Random(seed);
        var network = NetworkProcesses.mediated(this, "strict");
        boolean wasReady = false;
        int step = 0;
        while (!wasReady) {
            step++;
            var mediator = network.startMediator();
            // A new one each time: a device that found no owner does not look again at once.
            var device = network.startDevice();
            killAtStep(mediator, step, random.nextLong(3_000_000));
            var driver = outboard("the driver", network.driverWords("nic0"));
            killWhenReady(mediator, driver);
            mediator.awaitExit(LIMIT);
            assertThat(driver.awaitExit(LIMIT)).as("seed=%d step=%d", seed, step).isEqualTo(1);
            assertThat(driver.errorOutput().lines().filter(line -> !line.isBlank()))
                    .as("seed=%d step=%d", seed, step)
                    .singleElement()
                    .asString()
                    .startsWith("outboard: the mediator at " + network.mediator());
            assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
            wasReady = driver.events().stream().anyMatch(e -> e.name().equals(Event.READY));
        }
        assertThat(step).as("steps before the driver is up").isGreaterThan(2);
        var mediator = network.startMediator();
        var device = network.startDevice();
        network.shouldStream();
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
        assertThat(mediator.stop(LIMIT)).as(mediator.errorOutput()).isZero();
    }

    /** The mediator tells of every change of what a client has: one of these is its last. */
    private static void killAtStep(OutboardProcess mediator, int step, long delayNanos) {
        var steps = new AtomicInteger();
        mediator.onEvent(
                event -> {
                    if (event.name().equals("client") && steps.incrementAndGet() == step) {
                        LockSupport.parkNanos(delayNanos);
                        mediator.kill();
                    }
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {"strict", "deferred"})
    void shouldTakeBackWhatAKilledDriverHad(String strategy) throws Exception {
        var network = NetworkProcesses.mediated(this, strategy);
        // Memory for two drivers, and not for one more whose memory was forgotten.
        var mediator = network.startMediator("--memory", "130M", "--quota", "*:frames=20000");
        var device = network.startDevice();
        network.shouldStream();
        var before = ProcessState.of(mediator.pid());
        var deviceBefore = ProcessState.of(device.pid());
        for (int round = 0; round < 2; round++) {
            var receiver = network.startReceiver();
            var sender = network.startSender("60000");
            Thread.sleep(300);
            assertThat(ProcessState.of(mediator.pid()).sharedMappings())
                    .isGreaterThan(before.sharedMappings());
            drainLost(mediator);
            var notice = Notice.from(mediator.pid());
            sender.kill();
            assertThat(mediator.awaitEvent(Event.LOST, LIMIT).text("name")).isEqualTo("nic0");
            notice.taken().shouldBeWithin(SECOND_NANOS);
            receiver.kill();
            assertThat(mediator.awaitEvent(Event.LOST, LIMIT).text("name")).isEqualTo("nic1");
            sender.awaitExit(LIMIT);
            receiver.awaitExit(LIMIT);
            awaitState(mediator, before);
            awaitState(device, deviceBefore);
        }
        network.shouldStream();
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
        assertThat(mediator.stop(LIMIT)).as(mediator.errorOutput()).isZero();
        var result = mediator.awaitEvent(Event.RESULT, LIMIT);
        assertThat(result.fields().get("clients")).isEqualTo(List.of());
    }

    @ParameterizedTest
    @ValueSource(strings = {"strict", "deferred"})
    void shouldOutliveItsDevices(String strategy) throws Exception {
        var network = NetworkProcesses.mediated(this, strategy);
        var mediator = network.startMediator();
        var device = network.startDevice();
        network.shouldStream();
        var before = ProcessState.of(mediator.pid());
        var receiver = network.startReceiver();
        var sender = network.startSender("60000");
        Thread.sleep(300);
        var lost = List.of(noticed(sender), noticed(receiver));
        device.kill();
        for (var notice : lost) {
            // The mediator is asked first, and it too needs a processor.
            notice.get(30, TimeUnit.SECONDS).shouldBeWithin(SECOND_NANOS);
        }
        for (var driver : List.of(sender, receiver)) {
            assertThat(driver.awaitExit(LIMIT)).isEqualTo(1);
            assertThat(driver.errorOutput().lines().filter(line -> !line.isBlank()))
                    .singleElement()
                    .asString()
                    .contains("went away: its process died");
        }
        awaitState(mediator, before);
        network.startDevice();
        network.shouldStream();
        assertThat(mediator.stop(LIMIT)).as(mediator.errorOutput()).isZero();
    }

    private static void killWhenReady(OutboardProcess mediator, OutboardProcess driver) {
        driver.onEvent(
                event -> {
                    if (event.name().equals(Event.READY)) {
                        mediator.kill();
                    }
                });
    }

    private static void shouldSayThatTheMediatorIsGone(
            OutboardProcess driver, NetworkProcesses network) {
        assertThat(driver.awaitExit(LIMIT)).isEqualTo(1);
        assertThat(driver.errorOutput().lines().filter(line -> !line.isBlank()))
                .singleElement()
                .asString()
                .isEqualTo(
                        "outboard: the mediator at %s has ended, and with it all mappings: start"
                                + " it, then this driver again",
                        network.mediator());
    }

    /** How long a driver takes from now to say that something is gone. */
    private static CompletableFuture<Notice.Taken> noticed(OutboardProcess driver) {
        var moment = new CompletableFuture<Notice.Taken>();
        var notice = Notice.from(driver.pid());
        driver.onEvent(
                event -> {
                    if (event.name().equals(Event.LOST)) {
                        moment.complete(notice.taken());
                    }
                });
        return moment;
    }

    /** The clients that went before are of no interest. */
    private static void drainLost(OutboardProcess mediator) {
        while (mediator.events().stream().anyMatch(event -> event.name().equals(Event.LOST))) {
            mediator.awaitEvent(Event.LOST, LIMIT);
        }
    }

    private static void awaitState(OutboardProcess process, ProcessState wanted) throws Exception {
        var now = ProcessState.of(process.pid());
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (!now.equals(wanted) && System.nanoTime() - deadline < 0) {
            Thread.sleep(1);
            now = ProcessState.of(process.pid());
        }
        assertThat(now).as(process.name()).isEqualTo(wanted);
    }
}
