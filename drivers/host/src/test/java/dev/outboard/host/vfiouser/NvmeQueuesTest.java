package dev.outboard.host.vfiouser;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.driver.Driver;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockService;
import dev.outboard.driver.block.BlockStatus;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.DmaServices;
import dev.outboard.host.bus.RingChoice;
import dev.outboard.models.NvmeModel;
import dev.outboard.models.NvmeOptions;
import dev.outboard.models.NvmeOptions.Disk;
import dev.outboard.models.shape.NvmeShape;
import dev.outboard.models.shape.NvmeShape.Doorbells;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.WaitPolicy;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The NVMe driver on a controller over vfio-user, with few queues and with as many as 127. */
@Timeout(120)
class NvmeQueuesTest {
    private static final int BLOCK_BYTES = 4096;
    private static final int DISK_BYTES = 1 << 20;
    private static final long WAIT_NANOS = TimeUnit.SECONDS.toNanos(20);

    @TempDir Path directory;
    private final byte[] content = new byte[DISK_BYTES];

    @ParameterizedTest
    // Queues and vectors of the controller, queues wanted, and how many there are then.
    @CsvSource({
        "1, 2, 4, 1, MAPPED",
        "127, 128, 127, 127, MAPPED",
        "127, 512, 127, 127, SHADOWED",
        "127, 64, 127, 63, MAPPED",
        "4, 1, 4, 1, SHADOWED"
    })
    void shouldReadByEveryQueue(
            int queues, int vectors, int wanted, int opened, Doorbells doorbells) throws Exception {
        new Random(5).nextBytes(content);
        var file = Files.write(directory.resolve("disk.raw"), content);
        var socket = directory.resolve("nvme.sock");
        int before = Descriptor.openCount();
        var options =
                new NvmeOptions(
                        socket,
                        "nvme",
                        null,
                        List.of(new Disk(file, 0, BLOCK_BYTES, false)),
                        new NvmeShape(queues, 64, vectors, 8, doorbells, 0),
                        WaitPolicy.DEFAULT);
        try (var model = new NvmeModel(options)) {
            model.start();
            read(socket, wanted, opened);
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    private void read(Path socket, int wanted, int opened) {
        Driver driver =
                ServiceLoader.load(Driver.class).stream()
                        .map(ServiceLoader.Provider::get)
                        .filter(one -> one.name().equals("nvme"))
                        .findFirst()
                        .orElseThrow();
        try (var memory = PhysicalMemory.create(64 << 20);
                var services = new DmaServices(() -> Dma.off(memory))) {
            var setup =
                    new DeviceSetup(
                            "nvme",
                            driver.match(),
                            memory,
                            services,
                            null,
                            64,
                            RingChoice.AUTO,
                            wanted,
                            0,
                            WaitPolicy.BLOCK,
                            false,
                            fault -> {});
            try (var device = new VfioUserBus().open(socket.toString(), setup);
                    var disk = (BlockService) driver.start(device);
                    DmaMemory buffer = device.dma().allocate(BLOCK_BYTES)) {
                assertThat(disk.queueCount()).isEqualTo(opened);
                for (int index = 0; index < opened; index++) {
                    read(disk.queue(index), buffer, index);
                }
            }
        }
    }

    private void read(BlockQueue queue, DmaMemory buffer, int index) {
        buffer.memory().fill((byte) 0);
        long sector = (long) index * BLOCK_BYTES / BlockService.SECTOR_BYTES;
        assertThat(queue.read(sector, buffer, 0, BLOCK_BYTES, index)).isTrue();
        queue.submit();
        // By its own vector: nothing is looked at before it came.
        assertThat(queue.await(WAIT_NANOS)).as("queue %d", index).isTrue();
        var ended = new HashMap<Long, Integer>();
        assertThat(queue.poll(ended::put, 1)).isEqualTo(1);
        assertThat(ended).containsEntry((long) index, BlockStatus.OK);
        var expected =
                MemorySegment.ofArray(content).asSlice((long) index * BLOCK_BYTES, BLOCK_BYTES);
        assertThat(buffer.memory().asSlice(0, BLOCK_BYTES).mismatch(expected)).isEqualTo(-1);
    }
}
