package dev.outboard.uio.vfio;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.uio.sysfs.PciPlace;
import org.junit.jupiter.api.Test;

/** Lines of the kernel's log. */
class DmaFaultTest {
    private static final PciPlace PLACE = PciPlace.parse("0000:00:04.0");

    @Test
    void shouldReadWhatIntelsIommuSays() {
        var now =
                DmaFault.parse(
                                "3,812,5034,-;DMAR: [DMA Write NO_PASID] Request device [00:04.0]"
                                        + " fault addr 0xdea0000 [fault reason 0x05] PTE Write"
                                        + " access is not set\n SUBSYSTEM=pci\n")
                        .orElseThrow();
        assertThat(now)
                .isEqualTo(new DmaFault("00:04.0", 0xdea0000, true, "PTE Write access is not set"));
        assertThat(now.isOf(PLACE)).isTrue();
        assertThat(now.isOf(PciPlace.parse("0000:01:04.0"))).isFalse();
        assertThat(now.isOf(PciPlace.parse("0000:00:04.1"))).isFalse();
        var earlier =
                "DMAR: [DMA Read] Request device [3b:00.1] PASID ffffffff fault addr fffff000"
                        + " [fault reason 06] PTE Read access is not set";
        assertThat(DmaFault.parse(earlier))
                .contains(
                        new DmaFault("3b:00.1", 0xfffff000L, false, "PTE Read access is not set"));
    }

    @Test
    void shouldReadWhatAmdsIommuSays() {
        assertThat(
                        DmaFault.parse(
                                "6,1,2,-;pci 0000:00:04.0: AMD-Vi: Event logged [IO_PAGE_FAULT"
                                        + " domain=0x0003 address=0xdea0000 flags=0x0020]"))
                .contains(new DmaFault("00:04.0", 0xdea0000, true, ""));
        assertThat(
                        DmaFault.parse(
                                "AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:3b:00.1"
                                        + " domain=0x0003 address=0xffffffff00000000"
                                        + " flags=0x0000]"))
                .contains(new DmaFault("3b:00.1", 0xffffffff00000000L, false, ""));
    }

    @Test
    void shouldTakeNothingElseForAFault() {
        for (String line :
                new String[] {
                    "",
                    "DMAR: IOMMU enabled",
                    "DMAR: DRHD: handling fault status reg 2",
                    "DMAR: [DMA Write] Request device [00:04.0] fault addr [fault reason 05]",
                    "DMAR: [DMA Write] Request device [00:04.0] fault addr 11112222333344445 [fault"
                            + " reason 05] x",
                    "DMAR: [INTR-REMAP] Request device [00:04.0] fault index 0 [fault reason 0x25]",
                    "AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x3 address=0x1 flags=0x0]",
                    "eth0: DMA Write",
                }) {
            assertThat(DmaFault.parse(line)).as(line).isEmpty();
        }
    }
}
