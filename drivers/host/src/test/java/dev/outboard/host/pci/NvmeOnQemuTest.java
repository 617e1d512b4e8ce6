package dev.outboard.host.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Driver;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockService;
import dev.outboard.driver.block.BlockStatus;
import dev.outboard.uio.Descriptor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The NVMe driver on QEMU's controller as the host finds and opens both. */
@Timeout(60)
class NvmeOnQemuTest {
    private static final int DISK_BYTES = 1 << 20;
    private static final long WAIT_NANOS = 5_000_000_000L;

    @TempDir Path directory;

    private final byte[] content = new byte[DISK_BYTES];

    private QemuBench bench(int vectors) throws IOException {
        new Random(5).nextBytes(content);
        Files.write(directory.resolve("disk.raw"), content);
        return new QemuBench(
                directory,
                "-drive",
                "file=disk.raw,if=none,id=d,format=raw",
                "-device",
                "nvme,drive=d,serial=abc,addr=04.0,msix_qsize=" + vectors);
    }

    @ParameterizedTest
    // Queues wanted, vectors of the controller, and how many queues there are then.
    @CsvSource({"1, 65, 1", "4, 65, 4", "40, 65, 40", "4, 2, 1", "4, 1, 1"})
    void shouldReadByEveryQueue(int wanted, int vectors, int opened) throws IOException {
        int before = Descriptor.openCount();
        Driver driver = QemuBench.driver("nvme");
        try (var bench = bench(vectors);
                var device = bench.open("00:04.0", driver.match(), wanted)) {
            assertThat(driver.match().accepts(device.id())).isTrue();
            try (var disk = (BlockService) driver.start(device);
                    DmaMemory memory = device.dma().allocate(4096)) {
                assertThat(disk.queueCount()).isEqualTo(opened);
                for (int index = 0; index < opened; index++) {
                    read(disk.queue(index), memory, index);
                }
            }
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    private void read(BlockQueue queue, DmaMemory memory, int index) {
        memory.memory().fill((byte) 0);
        assertThat(queue.read(index * 8L, memory, 0, 4096, index)).isTrue();
        queue.submit();
        // By its interrupt: nothing is polled before it came.
        assertThat(queue.await(WAIT_NANOS)).isTrue();
        var ended = new HashMap<Long, Integer>();
        assertThat(queue.poll(ended::put, 1)).isEqualTo(1);
        assertThat(ended).containsEntry((long) index, BlockStatus.OK);
        assertThat(
                        memory.memory()
                                .asByteBuffer()
                                .compareTo(ByteBuffer.wrap(content, index * 4096, 4096)))
                .isZero();
    }

    @Test
    void shouldNotDriveADeviceOfAnotherClass() {
        Driver driver = QemuBench.driver("nvme");
        try (var bench = new QemuBench(directory, "-device", "edu,addr=04.0");
                var device = bench.open("00:04.0", driver.match())) {
            assertThat(driver.match().accepts(device.id())).isFalse();
            assertThatThrownBy(() -> driver.start(device))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("is no NVMe controller");
        }
    }
}
