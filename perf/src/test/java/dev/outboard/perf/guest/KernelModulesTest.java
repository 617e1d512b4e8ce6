package dev.outboard.perf.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelModulesTest {
    @TempDir Path folder;

    @BeforeEach
    void someModules() throws IOException {
        module("drivers/vfio/vfio.ko", "");
        module("drivers/vfio/pci/vfio-pci-core.ko", "vfio,irqbypass");
        module("drivers/vfio/pci/vfio-pci.ko", "vfio-pci-core");
        module("virt/lib/irqbypass.ko", "");
    }

    private void module(String file, String depends) throws IOException {
        var path = folder.resolve("kernel").resolve(file);
        Files.createDirectories(path.getParent());
        var text = "ELF…\0license=GPL\0depends=" + depends + "\0retpoline=Y\0";
        Files.write(path, text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private List<String> closure(String... names) throws IOException {
        return new KernelModules(folder)
                .closure(List.of(names)).stream().map(KernelModules.Module::name).toList();
    }

    @Test
    void shouldPutWhatIsNeededFirst() throws IOException {
        assertThat(closure("vfio-pci"))
                .containsExactly("vfio", "irqbypass", "vfio_pci_core", "vfio_pci");
        assertThat(closure("irqbypass", "vfio_pci")).startsWith("irqbypass").hasSize(4);
    }

    @Test
    void shouldLeaveOutWhatIsInTheKernel() throws IOException {
        Files.writeString(folder.resolve("modules.builtin"), "kernel/drivers/nvme/host/nvme.ko\n");
        assertThat(closure("nvme", "vfio")).containsExactly("vfio");
    }

    @Test
    void shouldNameAModuleThatTheKernelDoesNotHave() {
        assertThatThrownBy(() -> closure("e1000e"))
                .hasMessageContaining("e1000e")
                .hasMessageContaining("linux-image-amd64");
    }
}
