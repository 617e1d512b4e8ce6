package dev.outboard.uio.vfio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.sysfs.PciPlace;
import dev.outboard.uio.sysfs.Sysfs;
import dev.outboard.uio.sysfs.SysfsFunction;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Everything that can keep a function from us, on a machine of the test's. */
class VfioAccessTest {
    @TempDir Path root;
    private final Map<String, FakeNode> nodes = new HashMap<>();
    private final Map<String, NativeException> refusals = new HashMap<>();
    private final FakeNode container = new FakeNode("/dev/vfio/vfio");
    private final FakeNode group = new FakeNode("/dev/vfio/7");
    private int before;

    @BeforeEach
    void setUp() throws IOException {
        function("0000:00:04.0", "vfio-pci");
        function("0000:00:1f.2", "ahci");
        function("0000:00:1f.3", "pci-stub");
        container.numbers.put(0x3b64, 0);
        container.numbers.put(0x3b66, 0);
        group.structures.put(0x3b67, status -> 0);
        group.structures.put(0x3b68, number -> 0);
        nodes.put("vfio", container);
        nodes.put("7", group);
        // The two nodes are open, and are to be closed.
        before = Descriptor.openCount() - 2;
    }

    @AfterEach
    void shouldLeaveNothingOpen() {
        container.close();
        group.close();
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    private void function(String place, String driver) throws IOException {
        var folder = Files.createDirectories(root.resolve("sys/bus/pci/devices").resolve(place));
        Files.writeString(folder.resolve("class"), "0x010601\n");
        var members = Files.createDirectories(root.resolve("sys/kernel/iommu_groups/7/devices"));
        Files.createSymbolicLink(members.resolve(place), folder);
        Files.createSymbolicLink(
                folder.resolve("iommu_group"), root.resolve("sys/kernel/iommu_groups/7"));
        var drivers = root.resolve("sys/bus/pci/drivers").resolve(driver);
        Files.createDirectories(drivers);
        Files.createSymbolicLink(folder.resolve("driver"), drivers);
    }

    private SysfsFunction found() {
        return new Sysfs(root).function(PciPlace.parse("00:04.0"));
    }

    private DeviceNode open(Path path) {
        String name = path.getFileName().toString();
        if (refusals.containsKey(name)) {
            throw refusals.get(name);
        }
        return nodes.get(name);
    }

    private VfioAccess access(VfioAccess.Way way) {
        return VfioAccess.open(found(), way, this::open, root);
    }

    private void refuse(String node, int errno, String errnoName) {
        refusals.put(node, new NativeException("open", errno, errnoName, node));
    }

    @Test
    void shouldNameTheFunctionThatIsInTheWayOfItsGroup() {
        assertThatThrownBy(() -> access(VfioAccess.Way.NEWEST))
                .isInstanceOf(VfioException.class)
                .hasMessage(
                        "group 7 is not viable: 0000:00:1f.2 is still bound to ahci: outboard bind"
                                + " 0000:00:1f.2");
        assertThat(container.closed && group.closed).isTrue();
    }

    @Test
    void shouldPutAViableGroupIntoTheContainerFirst() {
        group.structures.put(
                0x3b67,
                status -> {
                    status.set(ValueLayout.JAVA_INT, 4, 1);
                    return 0;
                });
        container.structures.put(0x3b70, info -> 0);
        assertThatThrownBy(() -> access(VfioAccess.Way.GROUP))
                .isInstanceOf(VfioException.class)
                .hasMessageContaining("is it bound to vfio-pci?");
        String number = "%08x".formatted(Integer.reverseBytes(containerNumber));
        assertThat(group.asked(0x3b68)).containsExactly(number);
        assertThat(container.calls).extracting(FakeNode.Call::request).endsWith(0x3b66, 0x3b70);
        String place = "303030303a30303a30342e3000";
        assertThat(group.asked(0x3b6a)).containsExactly(place);
    }

    private final int containerNumber = container.descriptor().number();

    @Test
    void shouldNameTheRemedyForEachNode() {
        refuse("7", 13, "EACCES");
        assertThatThrownBy(() -> access(VfioAccess.Way.GROUP))
                .isInstanceOf(VfioException.class)
                .hasMessageContaining("chown");
        refuse("7", 16, "EBUSY");
        assertThatThrownBy(() -> access(VfioAccess.Way.GROUP))
                .isInstanceOf(VfioException.class)
                .hasMessageContaining("another process drives 0000:00:04.0");
        refuse("vfio", 2, "ENOENT");
        assertThatThrownBy(() -> access(VfioAccess.Way.GROUP))
                .isInstanceOf(VfioException.class)
                .hasMessageContaining("modprobe vfio-pci");
    }

    @Test
    void shouldSayWhereNoIommuStands() throws IOException {
        Files.delete(root.resolve("sys/bus/pci/devices/0000:00:04.0/iommu_group"));
        assertThatThrownBy(() -> access(VfioAccess.Way.NEWEST))
                .isInstanceOf(VfioException.class)
                .hasMessageContaining("intel_iommu=on");
    }

    @Test
    void shouldTakeTheNodeOfTheDeviceWhereThereIsOne() throws IOException {
        assertThatThrownBy(() -> access(VfioAccess.Way.DEVICE))
                .isInstanceOf(VfioException.class)
                .hasMessageContaining("has no node of its own");
        Files.createDirectories(root.resolve("sys/bus/pci/devices/0000:00:04.0/vfio-dev/vfio3"));
        Files.createDirectories(root.resolve("dev"));
        Files.createFile(root.resolve("dev/iommu"));
        refuse("vfio3", 13, "EACCES");
        assertThatThrownBy(() -> access(VfioAccess.Way.NEWEST))
                .isInstanceOf(VfioException.class)
                .hasMessageContaining("dev/vfio/devices/vfio3");
        assertThatThrownBy(() -> access(VfioAccess.Way.GROUP)).hasMessageContaining("not viable");
    }
}
