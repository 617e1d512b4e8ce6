package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code kill -9} of a device process under drivers in mid-stream. */
class KilledDeviceIT extends ProcessTest {
    @ParameterizedTest
    @ValueSource(strings = {"off", "strict", "deferred"})
    void shouldBeNoticedByBothNetworkDriversAtOnce(String strategy) throws Exception {
        var network = new NetworkProcesses(this, strategy);
        var device = network.startDevice();
        var receiver = network.startReceiver();
        var sender = network.startSender("60000");
        Thread.sleep(700);
        var lost = List.of(noticed(sender), noticed(receiver));
        device.kill();
        for (var notice : lost) {
            notice.get(30, TimeUnit.SECONDS).shouldBeAtOnce();
        }
        assertOneLine(sender, "nic0");
        assertOneLine(receiver, "nic1");
        device.awaitExit(LIMIT);
        assertThat(outboardProcesses()).isEmpty();

        // The same sockets serve again: nothing of the dead stands in the way.
        network.startDevice();
        network.shouldStream();
    }

    @ParameterizedTest
    @ValueSource(strings = {"off", "strict"})
    void shouldCostASurvivingDriverNeitherDescriptorsNorMemory(String strategy) throws Exception {
        var network = new NetworkProcesses(this, strategy);
        var device = network.startDevice();
        var driver = outboard("the driver", network.driverWords("nic0", "--reconnect", "30"));
        driver.awaitReady(LIMIT);
        var states = new ArrayList<ProcessState>();
        for (int round = 0; round < 3; round++) {
            states.add(ProcessState.of(driver.pid()));
            device.kill();
            driver.awaitEvent(Event.LOST, LIMIT);
            device.awaitExit(LIMIT);
            device = network.startDevice();
            driver.awaitReady(LIMIT);
        }
        states.add(ProcessState.of(driver.pid()));
        // The first round loads what later ones use; from then on nothing grows.
        assertThat(states.get(2)).isEqualTo(states.get(1));
        assertThat(states.get(3)).isEqualTo(states.get(1));
        assertThat(states.get(1).sharedBytes()).isEqualTo(states.get(0).sharedBytes());
        assertThat(driver.stop(LIMIT)).as(driver.errorOutput()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"off", "strict", "deferred"})
    void shouldBeNoticedByABlockDriver(String strategy) throws Exception {
        var disk = new DiskProcesses(this, strategy);
        var device = disk.startDevice();
        var driver = disk.startCheck("60000");
        Thread.sleep(700);
        var lost = noticed(driver);
        device.kill();
        lost.get(30, TimeUnit.SECONDS).shouldBeAtOnce();
        assertOneLine(driver, "disk0");
        device.awaitExit(LIMIT);

        disk.startDevice();
        disk.shouldCheck();
    }

    /** How long a driver takes from now to say that its device is gone. */
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

    private static void assertOneLine(OutboardProcess driver, String device) {
        assertThat(driver.awaitExit(LIMIT)).isEqualTo(1);
        assertThat(driver.errorOutput().lines().filter(line -> !line.isBlank()))
                .singleElement()
                .asString()
                .startsWith("outboard: device " + device + " went away");
    }

    /** A file for a disk. */
    static Path makeDisk(ProcessTest test, long bytes) throws IOException {
        var file = test.path("disk.raw");
        try (var disk = new RandomAccessFile(file.toFile(), "rw")) {
            disk.setLength(bytes);
        }
        return file;
    }
}
