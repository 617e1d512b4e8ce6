package dev.outboard.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.Notice;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** QEMU's controller with a medium that fails, commands that hang, and warnings of its health. */
@Timeout(120)
class NvmeTroubleTest {
    private static final int FEATURE_TEMPERATURE = 0x04;

    @TempDir Path directory;

    private final Random random = new Random(14);
    private QemuDisk qemu;
    private BlockQueue queue;

    /**
     * @param rules what goes wrong, as QEMU's blkdebug driver reads it
     */
    private void start(NvmeOptions options, String rules) throws IOException {
        Files.writeString(directory.resolve("rules"), rules);
        qemu =
                new QemuDisk(
                        directory,
                        random,
                        1,
                        "-drive",
                        "file=blkdebug:rules:disk.raw,if=none,id=d,format=raw,rerror=report,"
                                + "werror=report",
                        "-device",
                        "nvme,drive=d,serial=abc,addr=04.0");
        qemu.start(options);
        queue = qemu.queue(0);
    }

    @AfterEach
    void end() {
        if (qemu != null) {
            qemu.close();
        }
    }

    private static String failing(String kind, int sector, boolean once) {
        return """
               [inject-error]
               event = "none"
               iotype = "%s"
               sector = "%d"
               once = "%s"
               errno = "5"

               """
                .formatted(kind, sector, once ? "on" : "off");
    }

    @Test
    void shouldReadAgainWhatFailedOnce() throws IOException {
        start(NvmeOptions.DEFAULT, failing("read", 64, true));
        try (DmaMemory memory = qemu.device.dma().allocate(8192)) {
            assertThat(queue.read(64, memory, 0, 4096, 1)).isTrue();
            assertThat(queue.read(128, memory, 4096, 4096, 2)).isTrue();
            queue.submit();
            assertThat(QemuDisk.await(queue, 2).values()).containsOnly(BlockStatus.OK);
            qemu.assertContent(memory, 0, 64 * 512, 4096);
            qemu.assertContent(memory, 4096, 128 * 512, 4096);
        }
    }

    @Test
    void shouldFailByItsTagWhatFailsAlways() throws IOException {
        start(NvmeOptions.DEFAULT, failing("read", 64, false) + failing("write", 256, false));
        long before = qemu.device.liveMappings();
        try (DmaMemory memory = qemu.device.dma().allocate(4 * 4096)) {
            assertThat(queue.read(64, memory, 0, 4096, 1)).isTrue();
            assertThat(queue.read(128, memory, 4096, 4096, 2)).isTrue();
            assertThat(queue.write(256, memory, 8192, 4096, 3)).isTrue();
            assertThat(queue.write(512, memory, 8192, 4096, 4)).isTrue();
            queue.submit();
            assertThat(QemuDisk.await(queue, 4))
                    .containsEntry(1L, BlockStatus.IO_ERROR)
                    .containsEntry(2L, BlockStatus.OK)
                    .containsEntry(3L, BlockStatus.IO_ERROR)
                    .containsEntry(4L, BlockStatus.OK);
            assertThat(queue.pending()).isZero();
            assertThat(qemu.device.liveMappings()).isEqualTo(before);
        }
    }

    @Test
    void shouldTellOfTemperature() throws IOException {
        start(NvmeOptions.DEFAULT, "");
        // QEMU's disk has 323 K. Warn above 300.
        qemu.disk.nvme().controller().admin().setFeature(FEATURE_TEMPERATURE, 300);
        qemu.awaitNotice("50 °C");
        assertThat(qemu.notices).extracting(Notice::kind).contains(Notice.HEALTH);
        // And again: the log was read, so the next warning is not held back.
        int before = qemu.notices.size();
        qemu.disk.nvme().controller().admin().setFeature(FEATURE_TEMPERATURE, 301);
        long deadline = System.nanoTime() + QemuDisk.PATIENCE_NANOS;
        while (qemu.notices.size() == before) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    @Test
    void shouldTellOfItsOwnMistakeWithADoorbell() throws IOException {
        start(NvmeOptions.DEFAULT, "");
        // Queue 40 does not exist.
        qemu.device.registers(0).putInt(NvmeDescriptor.DOORBELLS + 40 * 8, 1);
        qemu.awaitNotice("an error of its own or its driver's");
    }

    @Test
    void shouldAbortThenResetWhatIsNotAnswered() throws IOException {
        long timeoutNanos = TimeUnit.MILLISECONDS.toNanos(700);
        start(NvmeOptions.DEFAULT.withTimeout(timeoutNanos), "");
        try (DmaMemory memory = qemu.device.dma().allocate(4096)) {
            // The controller never hears of the doorbell: as if it had forgotten the command.
            // QEMU's abort does nothing, and says so; the reset sends the command again.
            assertThat(queue.read(8, memory, 0, 4096, 1)).isTrue();
            assertThat(QemuDisk.await(queue, 1)).containsEntry(1L, BlockStatus.OK);
            qemu.assertContent(memory, 0, 4096, 4096);
            qemu.awaitNotice("a command was not answered");
        }
    }
}
