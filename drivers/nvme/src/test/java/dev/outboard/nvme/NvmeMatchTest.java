package dev.outboard.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.driver.DeviceId;
import dev.outboard.driver.Match;
import org.junit.jupiter.api.Test;

/** Which devices the driver says that it drives. */
class NvmeMatchTest {
    private final Match match = new NvmeDriver().match();

    @Test
    void shouldTakeNvmeOfAnyVendor() {
        assertThat(match.accepts(new DeviceId("pci", 0x1b36, 0x0010, 0x010802))).isTrue();
        assertThat(match.accepts(new DeviceId("pci", 0x8086, 0x0953, 0x010802))).isTrue();
    }

    @Test
    void shouldTakeADeviceOfUnknownClass() {
        assertThat(match.accepts(new DeviceId("pci", 0x1b36, 0x0010))).isTrue();
    }

    @Test
    void shouldRefuseWhatHasAnotherInterface() {
        assertThat(match.accepts(new DeviceId("pci", 0x8086, 0x10d3, 0x020000))).isFalse();
        // AHCI is mass storage, too; and 01 08 01 is NVMHCI, not NVM Express.
        assertThat(match.accepts(new DeviceId("pci", 0x8086, 0x2922, 0x010601))).isFalse();
        assertThat(match.accepts(new DeviceId("pci", 0x8086, 0x0953, 0x010801))).isFalse();
        assertThat(match.accepts(DeviceId.unknown("virtio"))).isFalse();
    }

    @Test
    void shouldSayWhatItDrives() {
        assertThat(match).hasToString("pci class 010802");
        assertThat(new DeviceId("pci", 0x8086, 0x10d3, 0x020000))
                .hasToString("pci vendor 8086 device 10d3 class 020000");
    }
}
