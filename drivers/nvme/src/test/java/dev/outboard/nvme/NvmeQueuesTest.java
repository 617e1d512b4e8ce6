package dev.outboard.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Several queues on QEMU's controller: each with a thread, a vector and a mapping service. */
@Timeout(120)
class NvmeQueuesTest {
    @TempDir Path directory;

    private final Random random = new Random(12);

    @ParameterizedTest
    @CsvSource({
        // Wanted, the controller's, vectors of all queues and the admin queue: then there are.
        "1, 8, 9, 1",
        "4, 8, 9, 4",
        "8, 3, 9, 3",
        "8, 8, 3, 2",
        "64, 64, 65, 64",
        "8, 8, 1, 1",
    })
    void shouldOpenAsManyAsThereAreVectorsFor(int wanted, int given, int vectors, int opened)
            throws IOException {
        try (QemuDisk qemu =
                        QemuDisk.simple(
                                directory,
                                random,
                                wanted,
                                NvmeOptions.DEFAULT,
                                ",max_ioqpairs=%d,msix_qsize=%d".formatted(given, vectors));
                DmaMemory memory = qemu.device.dma().allocate(4096)) {
            assertThat(qemu.disk.queueCount()).isEqualTo(opened);
            for (int index = 0; index < opened; index++) {
                BlockQueue queue = qemu.queue(index);
                memory.memory().fill((byte) 0);
                assertThat(queue.read(index * 8L, memory, 0, 4096, index)).isTrue();
                queue.submit();
                assertThat(QemuDisk.await(queue, 1)).containsEntry((long) index, BlockStatus.OK);
                qemu.assertContent(memory, 0, index * 4096, 4096);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldServeAThreadEach(boolean mayUseShadows) throws Exception {
        NvmeOptions options =
                mayUseShadows ? NvmeOptions.DEFAULT : NvmeOptions.DEFAULT.withoutShadows();
        int queues = 4;
        try (QemuDisk qemu = QemuDisk.simple(directory, random, queues, options, "");
                var pool = Executors.newFixedThreadPool(queues)) {
            assertThat(qemu.disk.describe())
                    .contains("doorbells in " + (mayUseShadows ? "memory" : "registers"));
            Future<?>[] all = new Future<?>[queues];
            for (int index = 0; index < queues; index++) {
                int own = index;
                long seed = random.nextLong();
                all[index] = pool.submit(() -> exercise(qemu, own, queues, new Random(seed)));
            }
            for (Future<?> one : all) {
                one.get();
            }
            assertThat(Arrays.mismatch(Files.readAllBytes(qemu.file), qemu.content)).isEqualTo(-1);
        }
    }

    /** Writes and reads its own part of the disk at random, more than once round its rings. */
    private static Void exercise(QemuDisk qemu, int index, int queues, Random random) {
        BlockQueue queue = qemu.queue(index);
        int part = QemuDisk.DISK_BYTES / queues / 4096;
        int depth = 32;
        try (DmaMemory memory = qemu.device.dma().allocate(depth * 4096L)) {
            for (int round = 0; round < 40; round++) {
                boolean isWrite = round % 2 == 0;
                int first = index * part + random.nextInt(part - depth);
                for (int slot = 0; slot < depth; slot++) {
                    int at = (first + slot) * 4096;
                    boolean taken;
                    if (isWrite) {
                        qemu.change(random, memory, slot * 4096L, at, 4096);
                        taken = queue.write(at / 512, memory, slot * 4096L, 4096, slot);
                    } else {
                        taken = queue.read(at / 512, memory, slot * 4096L, 4096, slot);
                    }
                    assertThat(taken).isTrue();
                }
                queue.submit();
                assertThat(QemuDisk.await(queue, depth).values()).containsOnly(BlockStatus.OK);
                for (int slot = 0; slot < depth && !isWrite; slot++) {
                    qemu.assertContent(memory, slot * 4096L, (first + slot) * 4096, 4096);
                }
            }
            assertThat(queue.flush(99)).isTrue();
            queue.submit();
            assertThat(QemuDisk.await(queue, 1)).containsEntry(99L, BlockStatus.OK);
        }
        return null;
    }

    @Test
    void shouldSendAgainOnAllQueuesWhatAResetInterrupted()
            throws IOException, InterruptedException, ExecutionException {
        int queues = 3;
        try (QemuDisk qemu = QemuDisk.simple(directory, random, queues, NvmeOptions.DEFAULT, "");
                var pool = Executors.newFixedThreadPool(queues)) {
            Future<?>[] all = new Future<?>[queues];
            for (int index = 0; index < queues; index++) {
                int own = index;
                long seed = random.nextLong();
                all[index] = pool.submit(() -> exercise(qemu, own, queues, new Random(seed)));
            }
            // Somebody else's mistake, while all of them have commands under way.
            Thread.sleep(30);
            qemu.device.registers(0).putInt(NvmeDescriptor.CONFIGURATION, 0);
            for (Future<?> one : all) {
                one.get();
            }
            assertThat(Arrays.mismatch(Files.readAllBytes(qemu.file), qemu.content)).isEqualTo(-1);
            qemu.awaitNotice("the controller was reset");
        }
    }

    @Test
    void shouldComeBackFromAFailureWhileNothingIsUnderWay() throws IOException {
        try (QemuDisk qemu = QemuDisk.simple(directory, random, 2, NvmeOptions.DEFAULT, "");
                DmaMemory memory = qemu.device.dma().allocate(8192)) {
            qemu.device.registers(0).putInt(NvmeDescriptor.CONFIGURATION, 0);
            // Nothing is under way: who watches notices.
            qemu.awaitNotice("the controller was reset");
            for (int index = 0; index < 2; index++) {
                BlockQueue queue = qemu.queue(index);
                assertThat(queue.read(16, memory, 0, 8192, 1)).isTrue();
                queue.submit();
                assertThat(QemuDisk.await(queue, 1)).containsEntry(1L, BlockStatus.OK);
                qemu.assertContent(memory, 0, 8192, 8192);
            }
        }
    }
}
