package dev.outboard.uio.sysfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Binding, with a kernel that does what Linux does when those files are written. */
final class DriverBindingTest {
    private static final String NIC = "0000:00:05.0";

    @TempDir private Path root;
    private SysfsTree tree;
    private FakeKernel kernel;
    private DriverBinding binding;

    @BeforeEach
    void aBoundFunction() throws IOException {
        tree =
                new SysfsTree(root)
                        .driver("vfio-pci")
                        .driver("e1000e")
                        .function(NIC, "8086", "10d3", "020000")
                        .bound(NIC, "e1000e")
                        .group(3, NIC);
        kernel = new FakeKernel();
        binding = new DriverBinding(tree.sysfs(), kernel::written);
    }

    private SysfsFunction nic() {
        return tree.sysfs().function(PciPlace.parse(NIC));
    }

    @Test
    void shouldBindByOverrideAndNeverByIdentity() {
        binding.bind(nic(), "vfio-pci");
        assertThat(nic().driver()).contains("vfio-pci");
        assertThat(nic().driverOverride()).contains("vfio-pci");
        assertThat(kernel.order)
                .containsExactly(
                        "driver_override=vfio-pci", "unbind=" + NIC, "drivers_probe=" + NIC);
    }

    @Test
    void shouldGiveBackToTheKernelsDriver() {
        binding.bind(nic(), "vfio-pci");
        assertThat(binding.release(nic())).contains("e1000e");
        assertThat(nic().driver()).contains("e1000e");
        assertThat(nic().driverOverride()).isEmpty();
    }

    @Test
    void shouldSayThatNobodyTookAReleasedFunction() {
        kernel.refusing.add("e1000e");
        binding.bind(nic(), "vfio-pci");
        assertThat(binding.release(nic())).isEmpty();
    }

    @Test
    void shouldKeepAFunctionThatHasThatDriverAlready() {
        binding.bind(nic(), "vfio-pci");
        kernel.order.clear();
        binding.bind(nic(), "vfio-pci");
        assertThat(kernel.order).containsExactly("driver_override=vfio-pci");
    }

    @Test
    void shouldTouchNothingWithoutTheDriver() {
        assertThatThrownBy(() -> binding.bind(nic(), "uio_pci_generic"))
                .isInstanceOf(BindingException.class)
                .hasMessageContaining("modprobe uio_pci_generic");
        assertThat(kernel.order).isEmpty();
    }

    @Test
    void shouldGiveBackWhatTheDriverDidNotTake() {
        kernel.refusing.add("vfio-pci");
        assertThatThrownBy(() -> binding.bind(nic(), "vfio-pci"))
                .hasMessageContaining("did not take " + NIC)
                .hasMessageContaining("dmesg");
        assertThat(nic().driver()).contains("e1000e");
        assertThat(nic().driverOverride()).isEmpty();
    }

    @Test
    void shouldNameTheMissingIommuWhenVfioRefuses() throws IOException {
        Files.delete(tree.folder(NIC).resolve("iommu_group"));
        kernel.refusing.add("vfio-pci");
        assertThatThrownBy(() -> binding.bind(nic(), "vfio-pci"))
                .hasMessageContaining("no IOMMU")
                .hasMessageContaining("intel_iommu=on");
    }

    /** Each write fails once: whatever the place, the function has its old driver afterwards. */
    @Test
    void shouldRollBackWhereverAWriteFails() {
        for (String file : List.of("driver_override", "unbind", "drivers_probe")) {
            kernel.failing = file;
            assertThatThrownBy(() -> binding.bind(nic(), "vfio-pci"))
                    .as(file)
                    .isInstanceOf(BindingException.class)
                    .hasMessageContaining(file);
            assertThat(nic().driver()).as(file).contains("e1000e");
            assertThat(nic().driverOverride()).as(file).isEmpty();
        }
    }

    /** Does what Linux does; a driver that refuses has its probe fail. */
    private final class FakeKernel {
        private final List<String> order = new ArrayList<>();
        private final Set<String> refusing = new HashSet<>();

        /** Fails the next time, and then no more. */
        private String failing = "";

        private void written(Path file, String text) throws IOException {
            String name = file.getFileName().toString();
            String word = text.strip();
            if (name.equals(failing)) {
                failing = "";
                throw new IOException("Input/output error");
            }
            order.add(name + "=" + word);
            Path link = tree.folder(NIC).resolve("driver");
            switch (name) {
                case "driver_override" ->
                        Files.writeString(file, word.isEmpty() ? "(null)\n" : text);
                case "unbind" -> Files.delete(link);
                case "bind" -> attach(file.getParent().getFileName().toString());
                default -> attach(nic().driverOverride().orElse("e1000e"));
            }
        }

        private void attach(String driver) throws IOException {
            if (!refusing.contains(driver) && nic().driver().isEmpty()) {
                tree.bound(NIC, driver);
            }
        }
    }
}
