package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Strategy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the one thread of a device allocates while it works: nothing. */
class DeviceAllocationTest {
    /** The compiler needs its time, and on a busy machine more of it. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** Less than one object for every hundred frames or thirty requests. */
    private static final long LITTLE_BYTES = 2_000;

    @TempDir Path directory;

    /** Native calls allocate until they are compiled; then a round costs nothing. */
    private static long leastAllocated(String thread, Runnable round) {
        long least = Long.MAX_VALUE;
        long start = System.nanoTime();
        while (least >= LITTLE_BYTES && System.nanoTime() - start < PATIENCE_NANOS) {
            long before = LoopThread.allocatedBytes(thread);
            round.run();
            least = Math.min(least, LoopThread.allocatedBytes(thread) - before);
        }
        return least;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldForwardFramesWithoutAllocating(boolean translated) {
        var a = directory.resolve("a.sock");
        var b = directory.resolve("b.sock");
        var iommu = translated ? directory.resolve("iommu.sock") : null;
        try (var model =
                new NicModel(
                        NicOptions.of(
                                NicPortOptions.at(a).withIommu(iommu), NicPortOptions.at(b)))) {
            model.start();
            try (var sender = NicDriver.start(a, iommu);
                    var receiver = NicDriver.start(b, null).supply(200)) {
                assertThat(leastAllocated("nic", () -> stream(sender, receiver, 10_000)))
                        .isLessThan(LITTLE_BYTES);
            }
        }
    }

    @Test
    void shouldForwardFramesWithoutAllocatingThroughTranslationsThatItAskedFor() {
        var a = directory.resolve("a.sock");
        var b = directory.resolve("b.sock");
        try (var model = new NicModel(NicOptions.of(NicPortOptions.at(a), NicPortOptions.at(b)))) {
            model.start();
            try (var sender = NicDriver.start(TestDriver.openFed(a, Strategy.STRICT), 0);
                    var receiver =
                            NicDriver.start(TestDriver.openFed(b, Strategy.STRICT), 0)
                                    .supply(200)) {
                assertThat(leastAllocated("nic", () -> stream(sender, receiver, 10_000)))
                        .isLessThan(LITTLE_BYTES);
            }
        }
    }

    private static void stream(NicDriver sender, NicDriver receiver, int frames) {
        var frame = NicDriver.frame(DriverProcess.OTHER, DriverProcess.OWN, 200, 0);
        int received = 0;
        for (int i = 0; i < frames; i++) {
            while (sender.room() == 0) {
                received += receiver.poll() == null ? 0 : 1;
            }
            sender.send(frame, i % 2 == 0);
            received += receiver.poll() == null ? 0 : 1;
        }
        for (; received < frames; received++) {
            receiver.next();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldServeADiskWithoutAllocating(boolean translated) throws IOException {
        var socket = directory.resolve("disk.sock");
        var iommu = translated ? directory.resolve("iommu.sock") : null;
        var file = Files.write(directory.resolve("disk.raw"), new byte[1 << 20]);
        try (var model = new DiskModel(DiskOptions.of(socket, file).withIommu(iommu))) {
            model.start();
            try (var disk = DiskDriver.start(socket, iommu, 1, 0)) {
                assertThat(leastAllocated("disk", () -> requests(disk, 3_000)))
                        .isLessThan(LITTLE_BYTES);
            }
        }
    }

    private static void requests(DiskDriver disk, int count) {
        var bytes = new byte[4096];
        for (int i = 0; i < count; i++) {
            int outcome = i % 2 == 0 ? disk.write(0, i % 1000, bytes, 3) : 0;
            assertThat(outcome).isZero();
            assertThat(i % 2 == 0 || disk.read(0, i % 1000, 4096, 2) != null).isTrue();
        }
    }
}
