package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rings full of nonsense: they end sessions, never the device, and the next driver is served. */
class HostileRingTest {
    private static final int ROUNDS = 60;
    private static final int ENTRIES = 32;
    private static final int TABLES = 8;

    @TempDir Path directory;

    @ParameterizedTest
    @CsvSource({"1,false", "2,false", "3,true", "4,true"})
    void shouldSurviveNonsenseInTheRingsOfASwitch(long seed, boolean translated) {
        var socket = directory.resolve("a.sock");
        var other = directory.resolve("b.sock");
        var iommu = translated ? directory.resolve("iommu.sock") : null;
        try (var model =
                new NicModel(
                        NicOptions.of(
                                NicPortOptions.at(socket).withIommu(iommu),
                                NicPortOptions.at(other)))) {
            model.start();
            try (var honest = NicDriver.start(other, null).supply(64)) {
                attack(
                        socket,
                        iommu,
                        new Random(seed),
                        () -> model.statistics().ports().get(0).disconnections(),
                        () -> model.statistics().ports().get(0).lastReason());
                while (honest.poll() != null) {
                    Thread.onSpinWait();
                }
                try (var next = NicDriver.start(socket, iommu)) {
                    var frame = NicDriver.frame(DriverProcess.OTHER, DriverProcess.OWN, 99, 1);
                    next.send(frame, true);
                    assertThat(honest.next()).as("seed %d", seed).isEqualTo(frame);
                }
                assertThat(model.statistics().ports().get(1).disconnections()).isZero();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"5,false", "6,true"})
    void shouldSurviveNonsenseInTheRingsOfADisk(long seed, boolean translated) throws IOException {
        var socket = directory.resolve("disk.sock");
        var iommu = translated ? directory.resolve("iommu.sock") : null;
        var file = Files.write(directory.resolve("disk.raw"), new byte[1 << 20]);
        try (var model =
                new DiskModel(DiskOptions.of(socket, file).withIommu(iommu).withQueues(2))) {
            model.start();
            attack(
                    socket,
                    iommu,
                    new Random(seed),
                    () -> model.statistics().disconnections(),
                    () -> model.statistics().lastReason());
            try (var next = DiskDriver.start(socket, iommu, 2, 0)) {
                assertThat(next.read(1, 0, 512, 1)).as("seed %d", seed).isNotNull();
            }
            assertThat(Files.size(file)).isEqualTo(1 << 20);
        }
    }

    private static void attack(
            Path socket,
            Path iommu,
            Random random,
            LongSupplier disconnections,
            Supplier<String> reason) {
        for (int round = 0; round < ROUNDS; round++) {
            long before = disconnections.getAsLong();
            var driver = iommu == null ? TestDriver.open(socket) : TestDriver.open(socket, iommu);
            try (driver) {
                driver.negotiate(0);
                driver.startQueue(0, ENTRIES);
                driver.startQueue(1, ENTRIES);
                nonsense(driver, random);
                driver.kicks.forEach(kick -> kick.signal());
                // The device lives as long as it answers; its session may be over.
                for (int i = 0; i < 3 && disconnections.getAsLong() == before; i++) {
                    askOrHangUp(driver);
                }
            }
            Await.until("the end of a session", () -> disconnections.getAsLong() > before);
            // Every reason is one that somebody thought of.
            assertThat(reason.get())
                    .as("round %d", round)
                    .doesNotContain("unexpected")
                    .doesNotContain("the device failed");
        }
    }

    private static void askOrHangUp(TestDriver driver) {
        try {
            driver.frontEnd.readConfig(0, 8);
        } catch (RuntimeException ended) {
            assertThat(driver.frontEnd.isPeerGone()).as("%s", ended).isTrue();
        }
    }

    /** Mostly plausible: what is wrong in every word is found at the first. */
    private static void nonsense(TestDriver driver, Random random) {
        for (var ring : driver.rings) {
            for (int i = 0; i < ENTRIES; i++) {
                ring.descriptor(
                        i,
                        address(driver, random),
                        length(random),
                        random.nextInt(8),
                        random.nextInt(50) == 0 ? random.nextInt(65536) : random.nextInt(ENTRIES));
            }
            for (int i = 0; i < TABLES * ENTRIES; i++) {
                ring.descriptorAt(
                        driver.dataAddress + 16L * i,
                        address(driver, random),
                        length(random),
                        random.nextInt(10) == 0 ? random.nextInt(8) : random.nextInt(4),
                        random.nextInt(ENTRIES));
            }
            for (int i = 0; i < ENTRIES; i++) {
                ring.offer(random.nextInt(100) == 0 ? random.nextInt(65536) : i);
            }
            ring.index(random.nextInt(10) == 0 ? random.nextInt(65536) : random.nextInt(ENTRIES));
        }
    }

    private static long address(TestDriver driver, Random random) {
        return switch (random.nextInt(12)) {
            case 0 -> random.nextLong();
            case 1 -> driver.block.iova() + driver.block.lengthBytes() - random.nextInt(64);
            case 2 -> driver.rings.get(random.nextInt(2)).address + random.nextInt(8192);
            default -> driver.dataAddress + 16L * random.nextInt(TABLES * ENTRIES);
        };
    }

    private static long length(Random random) {
        return switch (random.nextInt(10)) {
            case 0 -> random.nextInt() & 0xffff_ffffL;
            case 1 -> random.nextInt(4);
            case 2 -> 512;
            default -> 16L * (1 + random.nextInt(ENTRIES));
        };
    }
}
