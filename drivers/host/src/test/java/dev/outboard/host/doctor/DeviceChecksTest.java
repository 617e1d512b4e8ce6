package dev.outboard.host.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.doctor.Check.State;
import dev.outboard.uio.sysfs.PciPlace;
import dev.outboard.uio.sysfs.Sysfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One device on a machine of the test's: each thing missing, one at a time. */
class DeviceChecksTest {
    private static final String OURS = "0000:01:01.0";
    private static final String OTHER = "0000:01:02.0";

    @TempDir Path root;

    @BeforeEach
    void aDeviceThatCanBeDriven() throws IOException {
        function(OURS, "vfio-pci");
        function(OTHER, "vfio-pci");
        write("dev/vfio/6", "");
        write("proc/self/limits", "Max locked memory   unlimited   unlimited   bytes\n");
    }

    private void function(String place, String driver) throws IOException {
        var folder = Files.createDirectories(root.resolve("sys/bus/pci/devices").resolve(place));
        Files.writeString(folder.resolve("class"), "0x00ff00\n");
        var group = Files.createDirectories(root.resolve("sys/kernel/iommu_groups/6/devices"));
        Files.createSymbolicLink(group.resolve(place), folder);
        Files.createSymbolicLink(folder.resolve("iommu_group"), group.getParent());
        bind(place, driver);
    }

    private void bind(String place, String driver) throws IOException {
        var link = root.resolve("sys/bus/pci/devices").resolve(place).resolve("driver");
        Files.deleteIfExists(link);
        Files.createSymbolicLink(link, root.resolve("sys/bus/pci/drivers").resolve(driver));
    }

    private void write(String file, String text) throws IOException {
        var path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }

    private Check check(String name) {
        var function = new Sysfs(root).function(PciPlace.parse(OURS));
        return new DeviceChecks(new RootFiles(root), function)
                .all().stream()
                        .filter(check -> check.name().equals(OURS + " " + name))
                        .findFirst()
                        .orElseThrow();
    }

    @Test
    void shouldBeContentWhenNothingIsMissing() {
        var function = new Sysfs(root).function(PciPlace.parse(OURS));
        assertThat(new DeviceChecks(new RootFiles(root), function).all())
                .extracting(Check::state)
                .containsOnly(State.OK);
    }

    @Test
    void shouldNameTheDeviceThatIsInTheWayAndTheCommandThatTakesIt() throws IOException {
        bind(OTHER, "e1000");
        assertThat(check("group").state()).isEqualTo(State.FAILED);
        assertThat(check("group").found())
                .isEqualTo("group 6 is not viable: " + OTHER + " is still bound to e1000");
        assertThat(check("group").command()).isEqualTo("outboard bind " + OTHER);
    }

    @Test
    void shouldNotMindABridgeInTheGroup() throws IOException {
        bind(OTHER, "shpchp");
        write("sys/bus/pci/devices/" + OTHER + "/class", "0x060400\n");
        assertThat(check("group").state()).isEqualTo(State.OK);
    }

    @Test
    void shouldAskToBindWhatIsNotOurs() throws IOException {
        bind(OURS, "e1000e");
        assertThat(check("driver").found()).isEqualTo("bound to e1000e");
        assertThat(check("driver").command()).isEqualTo("outboard bind " + OURS);
    }

    @Test
    void shouldMissAnIommuWhereThereIsNoGroup() throws IOException {
        Files.delete(root.resolve("sys/bus/pci/devices/" + OURS + "/iommu_group"));
        assertThat(check("group").found()).isEqualTo("in no IOMMU group");
    }

    @Test
    void shouldMissTheGroupsNode() throws IOException {
        Files.delete(root.resolve("dev/vfio/6"));
        assertThat(check("node").state()).isEqualTo(State.FAILED);
    }

    @Test
    void shouldAskForMoreMemoryToLock() throws IOException {
        write("proc/self/limits", "Max locked memory   8388608   8388608   bytes\n");
        assertThat(check("memory").found()).contains("8192 KiB").contains("65536 KiB");
        assertThat(check("memory").command()).isEqualTo("ulimit -l unlimited");
    }

    @Test
    void shouldAskForHugePagesAndAddressesOnlyWithoutAnIommu() throws IOException {
        bind(OURS, "uio_pci_generic");
        Files.createDirectories(root.resolve("sys/bus/pci/devices/" + OURS + "/uio/uio0"));
        write("dev/uio0", "");
        write("proc/meminfo", "HugePages_Free:      31\n");
        assertThat(check("huge pages").found()).isEqualTo("31 are free, a driver takes 32");
        assertThat(check("huge pages").command()).isEqualTo("sysctl -w vm.nr_hugepages=64");
        assertThat(check("addresses").state()).isEqualTo(State.FAILED);

        write("proc/meminfo", "HugePages_Free:      32\n");
        write("proc/self/status", "CapEff:\t0000000000200000\n");
        assertThat(check("huge pages").state()).isEqualTo(State.OK);
        assertThat(check("addresses").state()).isEqualTo(State.OK);
    }

    @Test
    void shouldNameTheProcessThatDrivesIt() throws IOException {
        var open = Files.createDirectories(root.resolve("proc/4711/fd"));
        Files.createSymbolicLink(open.resolve("9"), Path.of("/dev/vfio/6"));
        assertThat(check("users").found()).isEqualTo("process 4711 has /dev/vfio/6 open");
    }
}
