package dev.outboard.host.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.window.WindowDomain;
import dev.outboard.driver.DeviceException;
import dev.outboard.host.bus.DeviceAbsentException;
import dev.outboard.iommu.CalgaryFormat;
import dev.outboard.uio.sysfs.Sysfs;
import dev.outboard.uio.vfio.InterruptKind;
import dev.outboard.uio.vfio.VfioAccess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the bus decides by the files of another machine. */
class PciBusTest {
    @TempDir Path root;
    private PciBus bus;

    @BeforeEach
    void setUp() throws IOException {
        function("0000:00:04.0", "vfio-pci");
        function("0000:00:05.0", "uio_pci_generic");
        function("0000:00:06.0", "e1000e");
        function("0000:00:07.0", null);
        bus = new PciBus(new Sysfs(root));
    }

    private void function(String place, String driver) throws IOException {
        var folder = Files.createDirectories(root.resolve("sys/bus/pci/devices").resolve(place));
        var group =
                Files.createDirectories(
                        root.resolve("sys/kernel/iommu_groups/" + place.substring(9, 10)));
        Files.writeString(
                group.resolve("reserved_regions"),
                """
                0x0000000000100000 0x00000000001fffff direct-relaxable
                0x00000000fee00000 0x00000000feefffff msi
                0x000000fd00000000 0x000000ffffffffff reserved
                """);
        Files.createSymbolicLink(folder.resolve("iommu_group"), group);
        if (driver != null) {
            var drivers =
                    Files.createDirectories(root.resolve("sys/bus/pci/drivers").resolve(driver));
            Files.createSymbolicLink(folder.resolve("driver"), drivers);
        }
    }

    @Test
    void shouldSayWhoKeepsTranslations() {
        assertThat(bus.keeper("0000:00:04.0")).contains("IOMMU");
        assertThat(bus.keeper("00:05.0")).isNull();
        assertThat(bus.deviceName("00:04.0,interrupts=msi")).isEqualTo("0000:00:04.0");
        assertThatThrownBy(() -> bus.keeper("00:09.0")).isInstanceOf(DeviceAbsentException.class);
    }

    @Test
    void shouldNameTheRemedyForWhatIsBoundToTheKernel() {
        assertThatThrownBy(() -> bus.open("00:06.0", null))
                .isInstanceOf(DeviceException.class)
                .hasMessage("0000:00:06.0 is bound to e1000e: outboard bind 0000:00:06.0");
        assertThatThrownBy(() -> bus.open("00:07.0", null))
                .hasMessage("0000:00:07.0 is bound to nothing: outboard bind 0000:00:07.0");
        assertThatThrownBy(() -> bus.domains("00:06.0")).hasMessageContaining("outboard bind");
    }

    @Test
    void shouldGiveNoMemoryPastAnIommuThatIsNotThereWithoutConsent() {
        assertThatThrownBy(() -> bus.memory("00:05.0", 1 << 21, PageKind.AUTO, false))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("--no-iommu");
        assertThatThrownBy(() -> bus.memory("00:05.0", 1 << 21, PageKind.BASE, true))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("--pages");
        assertThatThrownBy(() -> bus.domains("00:05.0")).isInstanceOf(DeviceException.class);
    }

    @Test
    void shouldKeepReservedIovaOutOfTheAllocator() {
        try (var domains = bus.domains("00:04.0");
                var memory = PhysicalMemory.create(1 << 20);
                var small = (WindowDomain) domains.claim("small", memory, DomainOptions.DEFAULT);
                var large =
                        (WindowDomain)
                                domains.claim(
                                        "large",
                                        memory,
                                        DomainOptions.DEFAULT.withTableEntries(
                                                CalgaryFormat.INSTANCE.maxEntries()))) {
            assertThat(small.firstIova()).isEqualTo(0x1000);
            assertThat(small.endIova()).isEqualTo(1L << 30);
            assertThat(large.firstIova()).isEqualTo(0x1000);
            assertThat(large.endIova()).isEqualTo(0xfee00000L);
        }
    }

    @Test
    void shouldReadWhatMayFollowAPlace() {
        var plain = PciLocation.parse("00:04.0");
        assertThat(plain.way()).isEqualTo(VfioAccess.Way.NEWEST);
        assertThat(plain.interrupts()).isNull();
        var all = PciLocation.parse("0000:00:04.0,interrupts=line,by=group");
        assertThat(all.way()).isEqualTo(VfioAccess.Way.GROUP);
        assertThat(all.interrupts()).isEqualTo(InterruptKind.LINE);
        for (String wrong :
                new String[] {
                    "04.0",
                    "00:04.0,",
                    "00:04.0,by=",
                    "00:04.0,by=magic",
                    "00:04.0,interrupts=INTX",
                    "00:04.0,by=group,by=device",
                    "00:04.0,speed=9",
                    ",by=group",
                }) {
            assertThatThrownBy(() -> bus.check(wrong))
                    .as(wrong)
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
