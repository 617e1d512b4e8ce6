package dev.outboard.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.Notice;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.uio.qtest.QemuProcess;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** QEMU's controller with the driver on it, and a disk of random bytes behind it. */
final class QemuDisk implements AutoCloseable {
    static final int DISK_BYTES = 4 << 20;
    static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);

    final byte[] content = new byte[DISK_BYTES];
    final Path file;
    final QtestDevice device;
    final List<Notice> notices = new CopyOnWriteArrayList<>();
    NvmeDisk disk;

    /**
     * @param machine QEMU's options; {@code disk.raw} is in its folder
     */
    QemuDisk(Path directory, Random random, int queues, String... machine) throws IOException {
        boolean there =
                Stream.of(System.getenv("PATH").split(File.pathSeparator))
                        .anyMatch(at -> Files.isExecutable(Path.of(at, QemuProcess.PROGRAM)));
        if (System.getenv("CI") == null) {
            Assumptions.assumeTrue(there, "apt install qemu-system-x86");
        }
        random.nextBytes(content);
        file = Files.write(directory.resolve("disk.raw"), content);
        device = QtestDevice.start(directory, queues, machine);
    }

    /** One with the disk as its only namespace. */
    static QemuDisk simple(
            Path directory, Random random, int queues, NvmeOptions options, String controller)
            throws IOException {
        QemuDisk made =
                new QemuDisk(
                        directory,
                        random,
                        queues,
                        "-drive",
                        "file=disk.raw,if=none,id=d,format=raw,discard=unmap",
                        "-device",
                        "nvme,drive=d,serial=abc,addr=04.0" + controller);
        return made.start(options);
    }

    QemuDisk start(NvmeOptions options) {
        try {
            disk = Nvme.start(device, options);
            disk.onNotice(notices::add);
            return this;
        } catch (RuntimeException failure) {
            close();
            throw failure;
        }
    }

    BlockQueue queue(int index) {
        return disk.queue(index);
    }

    /** Whether the memory has what the disk has there. */
    void assertContent(DmaMemory memory, long offset, int diskOffset, int length) {
        assertThat(
                        memory.memory()
                                .asSlice(offset, length)
                                .mismatch(
                                        MemorySegment.ofArray(content).asSlice(diskOffset, length)))
                .as("the first byte that differs, of those from %d on", diskOffset)
                .isEqualTo(-1);
    }

    /** Writes new bytes to memory, and notes that the disk will have them. */
    void change(Random random, DmaMemory memory, long offset, int diskOffset, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        MemorySegment.copy(bytes, 0, memory.memory(), ValueLayout.JAVA_BYTE, offset, length);
        System.arraycopy(bytes, 0, content, diskOffset, length);
    }

    /** Polls and waits until so many requests have ended; their status by their tag. */
    static Map<Long, Integer> await(BlockQueue queue, int count) {
        var found = new HashMap<Long, Integer>();
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (found.size() < count) {
            assertThat(System.nanoTime()).as("there is %s", found).isLessThan(deadline);
            queue.await(100_000_000);
            queue.poll(
                    (tag, status) ->
                            assertThat(found.put(tag, status)).as("twice: %d", tag).isNull(),
                    count);
        }
        return found;
    }

    /** Waits for a notice with that text. */
    void awaitNotice(String text) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (notices.stream().noneMatch(notice -> notice.text().contains(text))) {
            assertThat(System.nanoTime()).as("notices: %s", notices).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    @Override
    public void close() {
        try {
            if (disk != null) {
                disk.close();
                disk = null;
                if (!device.isLost()) {
                    assertThat(device.liveMappings()).as("mappings left").isZero();
                }
            }
        } finally {
            // The machine ends also where the disk does not close.
            device.close();
        }
    }
}
