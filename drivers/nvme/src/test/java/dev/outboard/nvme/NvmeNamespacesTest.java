package dev.outboard.nvme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.block.BlockService;
import dev.outboard.driver.block.BlockStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Several namespaces behind QEMU's controller, and what they can and cannot do. */
@Timeout(120)
class NvmeNamespacesTest {
    private static final int ADMIN_ATTACH = 0x15;

    @TempDir Path directory;

    private final Random random = new Random(13);

    private QemuDisk start(String second, String third) throws IOException {
        Files.write(directory.resolve("two.raw"), new byte[1 << 20]);
        Files.write(directory.resolve("three.raw"), new byte[2 << 20]);
        return new QemuDisk(
                directory,
                random,
                2,
                "-drive",
                "file=disk.raw,if=none,id=d1,format=raw",
                "-drive",
                "file=two.raw,if=none,id=d2,format=raw",
                "-drive",
                "file=three.raw,if=none,id=d3,format=raw",
                "-device",
                "nvme-subsys,id=sub",
                "-device",
                "nvme,serial=abc,addr=04.0,subsys=sub",
                "-device",
                "nvme-ns,drive=d1,nsid=1",
                "-device",
                "nvme-ns,drive=d2,nsid=2" + second,
                "-device",
                "nvme-ns,drive=d3,nsid=7" + third);
    }

    @Test
    void shouldGiveEachNamespaceAsADisk() throws IOException {
        String large = ",logical_block_size=4096,physical_block_size=4096";
        try (QemuDisk qemu = start(large, "").start(NvmeOptions.DEFAULT);
                DmaMemory memory = qemu.device.dma().allocate(8192)) {
            assertThat(qemu.disk.disks())
                    .extracting(BlockService::capacityBytes)
                    .containsExactly((long) QemuDisk.DISK_BYTES, 1L << 20, 2L << 20);
            assertThat(qemu.disk.disks())
                    .extracting(BlockService::blockBytes)
                    .containsExactly(512, 4096, 512);
            BlockService second = qemu.disk.disks().get(1);
            assertThat(second.describe()).contains("namespace 2", "namespace 7");
            qemu.change(random, memory, 0, 0, 4096);
            // One thread: one ring, and the completions of both disks together.
            assertThat(second.queue(1).write(8, memory, 0, 4096, 20)).isTrue();
            assertThat(qemu.disk.queue(1).read(64, memory, 4096, 4096, 10)).isTrue();
            qemu.disk.queue(1).submit();
            assertThat(QemuDisk.await(second.queue(1), 2))
                    .containsEntry(10L, BlockStatus.OK)
                    .containsEntry(20L, BlockStatus.OK);
            qemu.assertContent(memory, 4096, 64 * 512, 4096);
            assertThat(second.queue(0).flush(1)).isTrue();
            second.queue(0).submit();
            QemuDisk.await(second.queue(0), 1);
            byte[] written = Files.readAllBytes(directory.resolve("two.raw"));
            assertThat(Arrays.mismatch(written, 4096, 8192, qemu.content, 0, 4096)).isEqualTo(-1);
            assertThat(Arrays.copyOf(written, 4096)).containsOnly(0);
        }
    }

    @Test
    void shouldRefuseBlocksWithMetadataByNameAndUseTheOthers() throws IOException {
        try (QemuDisk qemu = start(",ms=8", ",ms=8,pi=1").start(NvmeOptions.DEFAULT)) {
            assertThat(qemu.disk.disks()).hasSize(1);
            assertThat(qemu.disk.describe())
                    .contains(
                            "not used: namespace 2 of device",
                            "8 bytes of metadata",
                            "not used: namespace 7",
                            "protection of type 1");
        }
    }

    @Test
    void shouldRefuseAControllerWithoutANamespace() throws IOException {
        assertThatThrownBy(
                        () ->
                                new QemuDisk(
                                                directory,
                                                random,
                                                1,
                                                "-device",
                                                "nvme,serial=abc,addr=04.0")
                                        .start(NvmeOptions.DEFAULT))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("has no namespace");
    }

    @Test
    void shouldTellOfANamespaceThatIsTakenAwayAndOneThatComes() throws IOException {
        try (QemuDisk qemu = start("", ",detached=on").start(NvmeOptions.DEFAULT);
                DmaMemory memory = qemu.device.dma().allocate(4096)) {
            assertThat(qemu.disk.disks()).hasSize(2);
            AdminQueue admin = qemu.disk.nvme().controller().admin();
            attach(admin, 7, true);
            qemu.awaitNotice("namespace 7 is new");
            attach(admin, 2, false);
            qemu.awaitNotice("namespace 2 is gone");
            BlockService second = qemu.disk.disks().get(1);
            assertThat(second.capacityBytes()).isZero();
            assertThatThrownBy(() -> second.queue(0).read(0, memory, 0, 4096, 1))
                    .hasMessageContaining("not on the disk");
            assertThat(qemu.disk.queue(0).read(0, memory, 0, 4096, 1)).isTrue();
            qemu.disk.queue(0).submit();
            assertThat(QemuDisk.await(qemu.disk.queue(0), 1)).containsEntry(1L, BlockStatus.OK);
        }
    }

    /** What an administrator does by another tool: attaches a namespace, or detaches it. */
    private static void attach(AdminQueue admin, int namespace, boolean isAttached) {
        synchronized (admin) {
            // A list of controllers: one, whose number is 0.
            admin.page().fill((byte) 0).set(NvmeDescriptor.U16, 0, (short) 1);
            admin.command("attach", ADMIN_ATTACH, namespace, isAttached ? 0 : 1, 0);
        }
    }
}
