package dev.outboard.nvme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockStatus;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The driver on QEMU's controller, which others wrote. */
@Timeout(120)
class NvmeOnQemuTest {
    @TempDir Path directory;

    private final Random random = new Random(11);
    private QemuDisk qemu;
    private QtestDevice device;
    private byte[] content;
    private Path file;
    private NvmeDisk disk;
    private BlockQueue queue;

    private void start(String controller) throws IOException {
        start(controller, NvmeOptions.DEFAULT);
    }

    private void start(String controller, NvmeOptions options) throws IOException {
        qemu = QemuDisk.simple(directory, random, 1, options, controller);
        assertThat(qemu.disk.describe()).contains(options.mayUseSgl() ? "SGL" : "PRP");
        device = qemu.device;
        content = qemu.content;
        file = qemu.file;
        disk = qemu.disk;
        queue = disk.queue(0);
    }

    @AfterEach
    void end() {
        if (qemu != null) {
            qemu.close();
        }
    }

    private int await(long tag) {
        return QemuDisk.await(queue, 1).get(tag);
    }

    @Test
    void shouldTellWhatItFound() throws IOException {
        start("");
        assertThat(disk.describe()).contains("QEMU NVMe Ctrl (abc), namespace 1 of 4,194,304");
        assertThat(disk.capacityBytes()).isEqualTo(QemuDisk.DISK_BYTES);
        assertThat(disk.blockBytes()).isEqualTo(512);
        assertThat(disk.hasWriteCache()).isTrue();
        assertThat(disk.maximumRequestBytes()).isEqualTo(512 << 10);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ",prp",
                ",logical_block_size=4096,physical_block_size=4096",
                ",prp,logical_block_size=4096,physical_block_size=4096,mdts=3",
                ",max_ioqpairs=1,msix_qsize=2",
                // A buffer of the controller's own for commands, which nobody needs.
                ",cmb_size_mb=64",
                ",prp,msix-exclusive-bar=on"
            })
    void shouldReadWhatIsThere(String options) throws IOException {
        start(
                options.replace(",prp", ""),
                options.contains(",prp") ? NvmeOptions.DEFAULT.withoutSgl() : NvmeOptions.DEFAULT);
        try (DmaMemory memory = device.dma().allocate(disk.maximumRequestBytes() + 8192)) {
            int block = disk.blockBytes();
            for (int round = 0; round < 40; round++) {
                int most = Math.min(disk.maximumRequestBytes(), QemuDisk.DISK_BYTES / 4);
                int length = (1 + random.nextInt(most / block)) * block;
                int start = random.nextInt((QemuDisk.DISK_BYTES - length) / block) * block;
                int offset = random.nextInt(2048) * 4;
                memory.memory().fill((byte) 0);
                assertThat(queue.read(start / 512, memory, offset, length, round)).isTrue();
                queue.submit();
                assertThat(await(round)).isEqualTo(BlockStatus.OK);
                assertThat(memory.memory().asSlice(offset, length))
                        .satisfies(
                                got ->
                                        assertThat(
                                                        got.mismatch(
                                                                MemorySegment.ofArray(content)
                                                                        .asSlice(start, length)))
                                                .isEqualTo(-1));
            }
        }
    }

    @Test
    void shouldWriteManyAtOnceAndFlush() throws IOException {
        start("");
        int depth = Math.min(64, queue.depth());
        try (DmaMemory memory = device.dma().allocate(depth * 4096L)) {
            var expected = content.clone();
            for (int index = 0; index < depth; index++) {
                int at = index * 8192;
                var bytes = new byte[4096];
                random.nextBytes(bytes);
                MemorySegment.copy(
                        bytes, 0, memory.memory(), ValueLayout.JAVA_BYTE, index * 4096L, 4096);
                System.arraycopy(bytes, 0, expected, at, 4096);
                assertThat(queue.write(at / 512, memory, index * 4096L, 4096, index)).isTrue();
            }
            queue.submit();
            var seen = new HashMap<Long, Integer>();
            long deadline = System.nanoTime() + QemuDisk.PATIENCE_NANOS;
            while (seen.size() < depth) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                queue.await(100_000_000);
                queue.poll(seen::put, depth);
            }
            assertThat(seen.values()).containsOnly(BlockStatus.OK);
            assertThat(queue.flush(1000)).isTrue();
            queue.submit();
            assertThat(await(1000)).isZero();
            assertThat(Arrays.mismatch(Files.readAllBytes(file), expected)).isEqualTo(-1);
            assertThat(queue.pending()).isZero();
            assertThat(queue.free()).isEqualTo(queue.depth());
        }
    }

    @Test
    void shouldWriteZeroes() throws IOException {
        start("");
        assertThat(queue.writeZeroes(8, 4096, 5)).isTrue();
        queue.submit();
        assertThat(await(5)).isZero();
        assertThat(queue.flush(6)).isTrue();
        queue.submit();
        assertThat(await(6)).isZero();
        var now = Files.readAllBytes(file);
        assertThat(Arrays.copyOfRange(now, 4096, 8192)).containsOnly(0);
        assertThat(
                        Arrays.mismatch(
                                now, 8192, QemuDisk.DISK_BYTES, content, 8192, QemuDisk.DISK_BYTES))
                .isEqualTo(-1);
    }

    @Test
    void shouldSendAgainWhatWasUnderWayWhenTheControllerIsReset() throws IOException {
        start("");
        var registers = device.registers(0);
        try (DmaMemory memory = device.dma().allocate(16 * 4096L)) {
            for (int round = 0; round < 10; round++) {
                for (int index = 0; index < 16; index++) {
                    assertThat(queue.read(index * 64L, memory, index * 4096L, 4096, index))
                            .isTrue();
                }
                queue.submit();
                // Somebody else's mistake, or the controller's own failure: it forgets all queues.
                registers.putInt(NvmeDescriptor.CONFIGURATION, 0);
                var seen = new HashMap<Long, Integer>();
                long deadline = System.nanoTime() + QemuDisk.PATIENCE_NANOS;
                while (seen.size() < 16) {
                    assertThat(System.nanoTime()).isLessThan(deadline);
                    queue.await(200_000_000);
                    queue.poll(seen::put, 16);
                }
                assertThat(seen.values()).containsOnly(BlockStatus.OK);
                for (int index = 0; index < 16; index++) {
                    int at = index * 64 * 512;
                    assertThat(
                                    memory.memory()
                                            .asSlice(index * 4096L, 4096)
                                            .mismatch(
                                                    MemorySegment.ofArray(content)
                                                            .asSlice(at, 4096)))
                            .isEqualTo(-1);
                }
            }
        }
        assertThat(queue.pending()).isZero();
    }

    @Test
    void shouldCloseAControllerThatForgotItsQueues() throws IOException {
        start("");
        device.registers(0).putInt(NvmeDescriptor.CONFIGURATION, 0);
        disk.close();
        assertThat(device.registers(0).getInt(NvmeDescriptor.STATUS) & 1).isZero();
    }

    @Test
    void shouldRefuseWhatIsNoRequest() throws IOException {
        start("");
        try (DmaMemory memory = device.dma().allocate(8192)) {
            assertThatThrownBy(() -> queue.read(0, memory, 0, 100, 0))
                    .hasMessageContaining("whole blocks of 512");
            assertThatThrownBy(() -> queue.read(QemuDisk.DISK_BYTES / 512, memory, 0, 512, 0))
                    .hasMessageContaining("not on the disk");
            assertThatThrownBy(() -> queue.read(-1, memory, 0, 512, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> queue.write(0, memory, 7680, 1024, 0))
                    .hasMessageContaining("not in the memory");
            assertThatThrownBy(() -> queue.write(0, memory, 2, 512, 0))
                    .hasMessageContaining("not in the memory");
        }
        assertThat(queue.free()).isEqualTo(queue.depth());
    }

    @Test
    void shouldDiscardAndReadZeroes() throws IOException {
        start("");
        assertThat(disk.maximumDiscardBytes()).isGreaterThan(1L << 40);
        assertThat(disk.maximumZeroesBytes()).isEqualTo(512 << 16);
        assertThat(queue.discard(2048, 1 << 20, 5)).isTrue();
        queue.submit();
        assertThat(await(5)).isZero();
        var now = Files.readAllBytes(file);
        // QEMU punches a hole, which reads as zeroes; all else is as it was.
        assertThat(Arrays.copyOfRange(now, 1 << 20, 2 << 20)).containsOnly(0);
        assertThat(Arrays.mismatch(now, 0, 1 << 20, content, 0, 1 << 20)).isEqualTo(-1);
        assertThat(
                        Arrays.mismatch(
                                now,
                                2 << 20,
                                QemuDisk.DISK_BYTES,
                                content,
                                2 << 20,
                                QemuDisk.DISK_BYTES))
                .isEqualTo(-1);
    }

    @Test
    void shouldRefuseToDiscardWhatIsNotOnTheDisk() throws IOException {
        start("");
        assertThatThrownBy(() -> queue.discard(0, QemuDisk.DISK_BYTES + 512L, 0))
                .hasMessageContaining("not on the disk");
        assertThatThrownBy(() -> queue.discard(Long.MAX_VALUE, 512, 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> queue.writeZeroes(0, disk.maximumZeroesBytes() + 512, 0))
                .hasMessageContaining("of at most");
        assertThatThrownBy(() -> queue.writeZeroes(0, 0, 0)).hasMessageContaining("whole blocks");
        assertThat(queue.free()).isEqualTo(queue.depth());
    }

    @Test
    void shouldSayWhenTheControllerIsGone() throws IOException {
        start("");
        device.qemu.kill();
        assertThatThrownBy(() -> queue.await(1_000_000_000)).isInstanceOf(DeviceException.class);
    }
}
