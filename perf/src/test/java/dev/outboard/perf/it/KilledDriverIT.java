package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.process.OutboardProcess;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code kill -9} of a driver process in mid-stream: the device lives on, and holds nothing of it.
 */
class KilledDriverIT extends ProcessTest {
    private static final int ROUNDS = 3;

    @ParameterizedTest
    @ValueSource(strings = {"off", "strict", "deferred"})
    void shouldLeaveASwitchWithWhatItHadBefore(String strategy) throws Exception {
        var network = new NetworkProcesses(this, strategy);
        var device = network.startDevice();
        // The first driver loads what later ones use.
        network.shouldStream();
        var before = ProcessState.of(device.pid());
        for (int round = 0; round < ROUNDS; round++) {
            var receiver = network.startReceiver();
            var sender = network.startSender("60000");
            Thread.sleep(400);
            assertThat(ProcessState.of(device.pid()).sharedMappings())
                    .as("what a running driver shows to the device")
                    .isGreaterThan(before.sharedMappings());
            var notice = Notice.from(device.pid());
            sender.kill();
            receiver.kill();
            awaitState(device, before, notice);
            sender.awaitExit(LIMIT);
            receiver.awaitExit(LIMIT);
        }
        network.shouldStream();
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"off", "strict", "deferred"})
    void shouldLeaveADiskWithWhatItHadBefore(String strategy) throws Exception {
        var disk = new DiskProcesses(this, strategy);
        var device = disk.startDevice();
        disk.shouldCheck();
        var before = ProcessState.of(device.pid());
        for (int round = 0; round < ROUNDS; round++) {
            var driver = disk.startCheck("60000");
            Thread.sleep(400);
            var notice = Notice.from(device.pid());
            driver.kill();
            awaitState(device, before, notice);
            driver.awaitExit(LIMIT);
        }
        disk.shouldCheck();
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    private static void awaitState(OutboardProcess device, ProcessState wanted, Notice notice)
            throws Exception {
        var now = ProcessState.of(device.pid());
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (!now.equals(wanted) && System.nanoTime() - deadline < 0) {
            Thread.sleep(1);
            now = ProcessState.of(device.pid());
        }
        var taken = notice.taken();
        assertThat(now).isEqualTo(wanted);
        taken.shouldBeAtOnce();
    }
}
