package dev.outboard.uio.sysfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.outboard.uio.pci.PciIdentity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SysfsTest {
    private static final String EDU = "0000:00:04.0";
    private static final String NIC = "0000:00:05.0";
    private static final String BRIDGE = "0000:00:1e.0";

    @TempDir private Path root;
    private SysfsTree tree;

    @BeforeEach
    void someMachine() throws IOException {
        tree =
                new SysfsTree(root)
                        .driver("vfio-pci")
                        .driver("e1000e")
                        .function(NIC, "8086", "10d3", "020000")
                        .function(EDU, "1234", "11e8", "00ff00")
                        .function(BRIDGE, "8086", "244e", "060401")
                        .bound(NIC, "e1000e")
                        .group(7, EDU, NIC, BRIDGE);
    }

    private SysfsFunction function(String place) {
        return tree.sysfs().function(PciPlace.parse(place));
    }

    @Test
    void shouldListFunctionsInOrderAndNothingElse() throws IOException {
        Files.createDirectory(root.resolve("sys/bus/pci/devices/no-place"));
        assertThat(tree.sysfs().functions().stream().map(SysfsFunction::toString))
                .containsExactly(EDU, NIC, BRIDGE);
        assertThat(new Sysfs(root.resolve("nowhere")).functions()).isEmpty();
    }

    @Test
    void shouldReadWhatAFunctionIs() throws IOException {
        Files.writeString(function(EDU).folder().resolve("revision"), "0x10\n");
        assertThat(function(EDU).identity())
                .isEqualTo(new PciIdentity(0x1234, 0x11e8, 0x00ff00, 0x10, 0, 0));
        assertThat(function(EDU).isBridge()).isFalse();
        assertThat(function(BRIDGE).isBridge()).isTrue();
    }

    @Test
    void shouldNameTheDriverOnlyWhereThereIsOne() {
        assertThat(function(NIC).driver()).contains("e1000e");
        assertThat(function(EDU).driver()).isEmpty();
        assertThat(function(EDU).driverOverride()).isEmpty();
        assertThat(tree.sysfs().hasDriver("vfio-pci")).isTrue();
        assertThat(tree.sysfs().hasDriver("uio_pci_generic")).isFalse();
    }

    @Test
    void shouldNameTheOthersOfAGroupWithoutItsBridges() throws IOException {
        assertThat(function(EDU).iommuGroup())
                .contains(
                        new IommuGroup(
                                7,
                                "DMA-FQ",
                                List.of(
                                        PciPlace.parse(EDU),
                                        PciPlace.parse(NIC),
                                        PciPlace.parse(BRIDGE))));
        assertThat(function(EDU).groupOthers().stream().map(SysfsFunction::toString))
                .containsExactly(NIC);
        tree.function("0000:00:06.0", "1af4", "1041", "020000");
        assertThat(function("0000:00:06.0").iommuGroup()).isEmpty();
        assertThat(function("0000:00:06.0").groupOthers()).isEmpty();
    }

    @Test
    void shouldReadRegionsAndLeaveOutThoseThatAreNot() throws IOException {
        Files.writeString(
                function(NIC).folder().resolve("resource"),
                """
                0x00000000febc0000 0x00000000febdffff 0x0000000000040200
                0x0000000000000000 0x0000000000000000 0x0000000000000000
                0x000000000000c040 0x000000000000c05f 0x0000000000040101
                0x0000000800000000 0x00000008000fffff 0x000000000014220c
                0x0000000000000000 0x0000000000000000 0x0000000000000000
                0x0000000000000000 0x0000000000000000 0x0000000000000000
                0x00000000feb80000 0x00000000febbffff 0x0000000000046200
                """);
        List<PciResource> regions = function(NIC).resources();
        assertThat(regions)
                .extracting(PciResource::index, PciResource::start, PciResource::lengthBytes)
                .containsExactly(
                        tuple(0, 0xfebc0000L, 0x20000L),
                        tuple(2, 0xc040L, 0x20L),
                        tuple(3, 0x8_0000_0000L, 0x100000L));
        assertThat(regions.get(0).isMemory()).isTrue();
        assertThat(regions.get(1).isPorts()).isTrue();
        assertThat(regions.get(2).isWide() && regions.get(2).isPrefetchable()).isTrue();
    }

    @Test
    void shouldFindTheNodesOfUioAndVfio() throws IOException {
        assertThat(function(EDU).uioNumber()).isEmpty();
        assertThat(function(EDU).vfioNumber()).isEmpty();
        Files.createDirectories(function(EDU).folder().resolve("uio/uio12"));
        Files.createDirectories(function(EDU).folder().resolve("vfio-dev/vfio3"));
        assertThat(function(EDU).uioNumber()).hasValue(12);
        assertThat(function(EDU).vfioNumber()).hasValue(3);
    }

    @Test
    void shouldSayThatThereIsNoSuchFunction() {
        assertThatThrownBy(() -> function("0000:00:09.0"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0000:00:09.0")
                .hasMessageContaining("outboard list");
    }

    @Test
    void shouldReadPlacesAsPeopleWriteThem() {
        assertThat(PciPlace.parse("00:04.0")).hasToString("0000:00:04.0");
        assertThat(PciPlace.parse("10000:E1:1F.7")).isEqualTo(new PciPlace(0x10000, 0xe1, 31, 7));
        for (String wrong : List.of("", "4", "00:04", "00:04.8", "00:20.0", "0:0:4.0", "g0:04.0")) {
            assertThatThrownBy(() -> PciPlace.parse(wrong)).hasMessageContaining("0000:00:04.0");
        }
    }
}
