package dev.outboard.host.bind;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.uio.sysfs.PciPlace;
import dev.outboard.uio.sysfs.Sysfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A machine of the test's whose disks and network are in use, or not. */
class InUseTest {
    private static final String NVME = "0000:00:05.0";
    private static final String NIC = "0000:00:06.0";

    @TempDir Path root;

    @BeforeEach
    void aDiskAndANetwork() throws IOException {
        for (var place : List.of(NVME, NIC)) {
            var folder = Files.createDirectories(device(place));
            Files.createDirectories(root.resolve("sys/bus/pci/devices"));
            Files.createSymbolicLink(root.resolve("sys/bus/pci/devices").resolve(place), folder);
        }
        link("sys/class/nvme/nvme0", device(NVME).resolve("nvme/nvme0"));
        link("sys/class/block/nvme0n1", device(NVME).resolve("nvme/nvme0/nvme0n1"));
        link("sys/class/block/nvme0n1p1", device(NVME).resolve("nvme/nvme0/nvme0n1/nvme0n1p1"));
        write("sys/class/block/nvme0n1p1/dev", "259:1\n");
        link("sys/class/net/eth0", device(NIC).resolve("net/eth0"));
    }

    private Path device(String place) {
        return root.resolve("sys/devices/pci0000:00").resolve(place);
    }

    private void link(String from, Path to) throws IOException {
        Files.createDirectories(to);
        Files.createDirectories(root.resolve(from).getParent());
        Files.createSymbolicLink(root.resolve(from), to);
    }

    private void write(String file, String text) throws IOException {
        var path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }

    private List<String> reasons(String place) {
        return new InUse(root).reasons(new Sysfs(root).function(PciPlace.parse(place)));
    }

    @Test
    void shouldLetGoWhatNobodyUses() throws IOException {
        write("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
        write("proc/net/route", "Iface Destination\nwlan0 00000000 0 0 0 0 0 00000000\n");
        assertThat(reasons(NVME)).isEmpty();
        assertThat(reasons(NIC)).isEmpty();
    }

    @Test
    void shouldKeepADiskWhosePartitionIsMounted() throws IOException {
        write("proc/self/mountinfo", "22 1 259:1 / /home rw - ext4 /dev/root rw\n");
        assertThat(reasons(NVME)).containsExactly("nvme0n1p1 is mounted at /home");
    }

    @Test
    void shouldKeepADiskThatIsSwappedToOrAPartOfAnother() throws IOException {
        write("proc/swaps", "Filename Type\n/dev/nvme0n1p1\tpartition\t100\n");
        Files.createDirectories(root.resolve("sys/class/block/nvme0n1/holders/dm-0"));
        assertThat(reasons(NVME))
                .containsExactly("nvme0n1 is a part of dm-0", "nvme0n1p1 is swapped to");
    }

    @Test
    void shouldFindADiskBesideSeveralControllers() throws IOException {
        var subsystem = root.resolve("sys/devices/virtual/nvme-subsystem/nvme-subsys0");
        link("sys/class/nvme-subsystem/nvme-subsys0", subsystem);
        Files.createSymbolicLink(subsystem.resolve("nvme0"), device(NVME).resolve("nvme/nvme0"));
        link("sys/class/block/nvme1n1", subsystem.resolve("nvme1n1"));
        write("sys/class/block/nvme1n1/dev", "259:7\n");
        write("proc/self/mountinfo", "22 1 259:7 / / rw - ext4 /dev/root rw\n");
        assertThat(reasons(NVME)).containsExactly("nvme1n1 is mounted at /");
        assertThat(reasons(NIC)).isEmpty();
    }

    @Test
    void shouldKeepTheWayOutOfTheNetwork() throws IOException {
        write(
                "proc/net/route",
                "Iface Destination Gateway Flags RefCnt Use Metric Mask\n"
                        + "eth0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\n");
        assertThat(reasons(NIC)).containsExactly("the default route goes by eth0");
    }

    @Test
    void shouldNotTakeARouteToOneNetworkForTheWayOut() throws IOException {
        write(
                "proc/net/route",
                "Iface Destination Gateway Flags RefCnt Use Metric Mask\n"
                        + "eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n");
        assertThat(reasons(NIC)).isEmpty();
    }

    @Test
    void shouldKeepAPortOfABridge() throws IOException {
        link("sys/class/net/br0", root.resolve("sys/devices/virtual/net/br0"));
        Files.createSymbolicLink(
                device(NIC).resolve("net/eth0/master"),
                root.resolve("sys/devices/virtual/net/br0"));
        assertThat(reasons(NIC)).containsExactly("eth0 is a port of br0");
    }
}
