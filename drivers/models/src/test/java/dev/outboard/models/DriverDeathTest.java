package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.uio.Descriptor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Drivers that die, or take their memory away, while frames flow. */
class DriverDeathTest {
    private static final long LIMIT_NANOS = 100_000_000;

    /** However busy the machine is that the test shares. */
    private static final long BUSY_LIMIT_NANOS = 2_000_000_000;

    @TempDir Path directory;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private NicModel model;
    private NicDriver receiver;

    @BeforeEach
    void start() {
        var mortal =
                NicPortOptions.at(directory.resolve("a.sock"))
                        .withIommu(directory.resolve("iommu.sock"));
        model =
                opened(
                        new NicModel(
                                NicOptions.of(
                                        mortal,
                                        NicPortOptions.at(directory.resolve("b.sock")),
                                        NicPortOptions.at(directory.resolve("c.sock")))));
        model.start();
        receiver = opened(NicDriver.start(directory.resolve("b.sock"), null).supply(128));
        receiver.send(NicDriver.frame(DriverProcess.OWN, DriverProcess.OTHER, 60, 0), false);
    }

    @AfterEach
    void close() throws Exception {
        for (var resource : opened.reversed()) {
            resource.close();
        }
    }

    private <T extends AutoCloseable> T opened(T resource) {
        opened.add(resource);
        return resource;
    }

    private NicPortStatistics port(int index) {
        return model.statistics().ports().get(index);
    }

    /** Takes frames until so many have come. */
    private void receive(int frames) {
        for (int i = 0; i < frames; i++) {
            receiver.next();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldOutliveADriverThatIsKilledMidStream(boolean translated) throws Exception {
        int before = Descriptor.openCount();
        var arguments = new ArrayList<String>();
        arguments.add(directory.resolve("a.sock").toString());
        if (translated) {
            arguments.add(directory.resolve("iommu.sock").toString());
        }
        try (var child = new ChildJvm(DriverProcess.class, arguments)) {
            receive(DriverProcess.FIRST_RECEIVED);
            child.kill();
        }
        long killed = System.nanoTime();
        Await.until("the end of the session", () -> port(0).disconnections() == 1);
        assertThat(System.nanoTime() - killed).isLessThan(BUSY_LIMIT_NANOS);
        Await.until("the session's descriptors", () -> Descriptor.openCount() <= before + 3);
        // What it had sent is still delivered, and the next driver finds the port as new.
        while (receiver.poll() != null) {
            assertThat(receiver.lastLength).isEqualTo(312);
        }
        try (var next = NicDriver.start(directory.resolve("a.sock"), null)) {
            var frame = NicDriver.frame(DriverProcess.OTHER, DriverProcess.OWN, 77, 1);
            next.send(frame, true);
            assertThat(receiver.next()).isEqualTo(frame);
        }
        assertThat(port(1).disconnections()).isZero();
    }

    @Test
    void shouldNoticeADeathWhileOthersKeepItBusy() throws Exception {
        var busy = new boolean[] {true};
        var sender = opened(NicDriver.start(directory.resolve("c.sock"), null));
        var frame = NicDriver.frame(DriverProcess.OTHER, DriverProcess.OWN, 64, 0);
        var traffic =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    while (busy[0]) {
                                        sender.send(frame, false);
                                        while (receiver.poll() != null) {
                                            Thread.onSpinWait();
                                        }
                                    }
                                });
        long fastest = Long.MAX_VALUE;
        for (int i = 1; i <= 5; i++) {
            fastest = Math.min(fastest, die(i));
        }
        assertThat(fastest).isLessThan(LIMIT_NANOS);
        busy[0] = false;
        traffic.join(TimeUnit.SECONDS.toMillis(10));
    }

    /** How long it takes until the hang-up of a driver is noticed. */
    private long die(int number) {
        try (var mortal = NicDriver.start(directory.resolve("a.sock"), null)) {
            mortal.driver.hangUp();
            long closed = System.nanoTime();
            Await.until("the end of the session", () -> port(0).disconnections() == number);
            return System.nanoTime() - closed;
        }
    }

    @Test
    void shouldOutliveADriverThatCutsItsMemoryOff() throws Exception {
        for (int round = 1; round <= 3; round++) {
            try (var cut = new UnsealedDriver(directory.resolve("a.sock"))) {
                cut.send(20_000, receiver);
                cut.truncate();
                int was = round;
                Await.until("the end of the session", () -> port(0).disconnections() == was);
                assertThat(port(0).lastReason()).contains("cut off");
            }
            var sender = NicDriver.start(directory.resolve("c.sock"), null);
            while (receiver.poll() != null) {
                Thread.onSpinWait();
            }
            var frame = NicDriver.frame(DriverProcess.OTHER, DriverProcess.OWN, 77, round);
            sender.send(frame, true);
            assertThat(receiver.next()).isEqualTo(frame);
            sender.close();
        }
        assertThat(port(1).disconnections()).isZero();
    }
}
