package dev.outboard.host.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.Dma;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.driver.Match;
import dev.outboard.driver.block.BlockService;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.host.bus.DeviceAddress;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.DmaServices;
import dev.outboard.host.bus.RingChoice;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.WaitPolicy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The bus whose devices are QEMU's, started with their drivers. */
@Timeout(120)
class QtestBusTest {
    @TempDir Path directory;

    private static DeviceSetup setup(PhysicalMemory memory, String driver) {
        var dma = Dma.off(memory);
        return new DeviceSetup(
                "device",
                QemuBench.driver(driver).match(),
                memory,
                new DmaServices(() -> dma),
                null,
                256,
                RingChoice.AUTO,
                1,
                0,
                WaitPolicy.BLOCK,
                false,
                fault -> {});
    }

    @ParameterizedTest
    @CsvSource({"edu,", "nvme, file", "virtio-blk, file", "e1000e,", "virtio-net,"})
    void shouldStartEveryDeviceThatThereIsADriverFor(String driver, String option)
            throws Exception {
        QemuBench.requireQemu();
        var disk = Files.write(directory.resolve("disk.raw"), new byte[1 << 20]);
        var location = option == null ? driver : driver + ",file=" + disk;
        int before = Descriptor.openCount();
        try (var memory = PhysicalMemory.create(16 << 20);
                var device = DeviceAddress.parse("qtest:" + location).open(setup(memory, driver));
                var service = QemuBench.driver(driver).start(device)) {
            assertThat(service.describe()).startsWith(driver);
            if (service instanceof BlockService block) {
                assertThat(block.capacityBytes()).isEqualTo(1 << 20);
            }
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldTellOfAQemuThatEnded() throws Exception {
        QemuBench.requireQemu();
        try (var memory = PhysicalMemory.create(16 << 20);
                var device = DeviceAddress.parse("qtest:e1000e").open(setup(memory, "e1000e"));
                var service = QemuBench.driver("e1000e").start(device)) {
            var lost = new CountDownLatch(1);
            device.onLost(lost::countDown);
            var net = (NetworkService) service;
            ProcessHandle.current()
                    .descendants()
                    .filter(one -> one.info().command().orElse("").contains("qemu-system"))
                    .forEach(ProcessHandle::destroyForcibly);
            assertThat(lost.await(20, TimeUnit.SECONDS)).isTrue();
            assertThatThrownBy(() -> net.receiveQueue(0).await(-1))
                    .isInstanceOf(DeviceLostException.class);
        }
    }

    @Test
    void shouldRefuseMemoryThatComesLater() {
        QemuBench.requireQemu();
        try (var memory = PhysicalMemory.create(16 << 20);
                var device = DeviceAddress.parse("qtest:edu").open(setup(memory, "edu"))) {
            assertThatThrownBy(() -> memory.plug(4 << 20, PageKind.BASE))
                    .hasMessageContaining("--memory");
            assertThat(device.isLost()).isFalse();
        }
    }

    @Test
    void shouldNameTheDeviceOfAnotherDriver() {
        QemuBench.requireQemu();
        try (var memory = PhysicalMemory.create(16 << 20);
                var device = DeviceAddress.parse("qtest:edu").open(setup(memory, "edu"))) {
            assertThat(Match.pci(0x8086, 0x10d3).accepts(device.id())).isFalse();
            assertThatThrownBy(() -> QemuBench.driver("nvme").start(device))
                    .isInstanceOf(DeviceException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "floppy",
                "edu,file=x",
                "nvme",
                "nvme,file=/no/such/file",
                "nvme,file",
                "e1000e,tftp=/no/such/folder",
                "e1000e,tftp=/tmp,tftp=/tmp",
                "virtio-blk,file=/tmp",
                "edu,"
            })
    void shouldRefuseWhatIsNoDevice(String location) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DeviceAddress.parse("qtest:" + location));
    }
}
