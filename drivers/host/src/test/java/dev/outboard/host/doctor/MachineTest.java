package dev.outboard.host.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.doctor.Check.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineTest {
    @TempDir Path root;

    private Check check(String name) {
        return new Machine(root)
                .checks().stream()
                        .filter(check -> check.name().equals(name))
                        .findFirst()
                        .orElseThrow();
    }

    private void write(String file, String text) throws IOException {
        var path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }

    @Test
    void shouldGiveARemedyForEverythingThatAnEmptyMachineLacks() {
        assertThat(new Machine(root).checks())
                .allSatisfy(
                        check -> {
                            assertThat(check.state()).isEqualTo(State.ABSENT);
                            assertThat(check.remedy()).isNotBlank();
                            assertThat(check.line()).contains(check.found(), check.remedy());
                        });
    }

    @Test
    void shouldFindWhatAFullMachineHas() throws IOException {
        write(
                "proc/self/limits",
                "Limit  Soft Limit  Hard Limit  Units\nMax locked memory  unlimited  unlimited"
                        + "  bytes\n");
        write(
                "proc/meminfo",
                "HugePages_Total:  256\nHugePages_Free:      200\nHugepagesize:       2048 kB\n");
        Files.createDirectories(root.resolve("dev/shm"));
        Files.createDirectories(root.resolve("sys/class/iommu/dmar0"));
        write("dev/vfio/vfio", "");
        write("dev/vfio/7", "");
        write("proc/interrupts", " 24:  9  IR-PCI-MSI 65536-edge  eth0\n");
        for (var driver : List.of("bus/pci/drivers/vfio-pci", "module/vfio_iommu_type1")) {
            Files.createDirectories(root.resolve("sys").resolve(driver));
        }
        Files.createDirectories(root.resolve("sys/bus/pci/drivers/uio_pci_generic"));
        for (var program : List.of("dpdk-testpmd", "qemu-storage-daemon", "qemu-system-x86_64")) {
            write("usr/bin/" + program, "");
            Files.setPosixFilePermissions(
                    root.resolve("usr/bin/" + program),
                    PosixFilePermissions.fromString("rwxr-xr-x"));
        }

        assertThat(new Machine(root).checks()).extracting(Check::state).containsOnly(State.OK);
        assertThat(check("huge pages").found()).isEqualTo("200 of 256 free, 2048 KiB each");
        assertThat(check("VFIO").found()).isEqualTo("groups 7");
        assertThat(check("hardware IOMMU").found()).isEqualTo("dmar0");
    }

    @Test
    void shouldSayWhichPartOfVfioIsMissing() throws IOException {
        assertThat(check("VFIO").command()).isEqualTo("modprobe vfio-pci");

        write("dev/vfio/vfio", "");
        Files.createDirectories(root.resolve("sys/bus/pci/drivers/vfio-pci"));
        assertThat(check("VFIO").command()).isEqualTo("modprobe vfio_iommu_type1");

        Files.createDirectories(root.resolve("sys/module/vfio_iommu_type1"));
        assertThat(check("VFIO").found()).contains("no device is bound");
        assertThat(check("VFIO").remedy()).contains("outboard bind");
    }

    @Test
    void shouldNotAskForAModuleThatTheKernelDoesNotHave() throws IOException {
        write("proc/sys/kernel/osrelease", "6.1.0\n");
        write("lib/modules/6.1.0/modules.dep", "kernel/drivers/uio/uio.ko:\n");

        assertThat(check("VFIO").command()).isNull();
        assertThat(check("VFIO").remedy()).contains("another kernel");
    }

    @Test
    void shouldTellWhoSwitchedTheIommuOff() throws IOException {
        assertThat(check("hardware IOMMU").found()).contains("firmware");

        write("sys/firmware/acpi/tables/DMAR", "");
        assertThat(check("hardware IOMMU").found()).contains("the kernel does not use it");
        assertThat(check("hardware IOMMU").remedy()).contains("intel_iommu=on");

        write("proc/cmdline", "quiet intel_iommu=off\n");
        assertThat(check("hardware IOMMU").found())
                .isEqualTo("off on the kernel's command line: intel_iommu=off");
    }

    @Test
    void shouldMissTheRemappingOfInterrupts() throws IOException {
        Files.createDirectories(root.resolve("sys/class/iommu/dmar0"));
        write("proc/interrupts", " 24:  9  PCI-MSI 65536-edge  eth0\n");
        assertThat(check("remapping").state()).isEqualTo(State.ABSENT);
        assertThat(check("remapping").command()).contains("allow_unsafe_interrupts");

        write("sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y\n");
        assertThat(check("remapping").state()).isEqualTo(State.OK);
    }

    @Test
    void shouldAllowLockingToWhoMayIgnoreTheLimit() throws IOException {
        write("proc/self/limits", "Max locked memory         65536   65536   bytes\n");
        assertThat(check("locked memory").command()).isEqualTo("ulimit -l unlimited");

        write("proc/self/status", "CapEff:\t0000000000004000\n");
        assertThat(check("locked memory").state()).isEqualTo(State.OK);
    }

    @Test
    void shouldSayHowMuchMemoryMayBeLocked() throws IOException {
        write("proc/self/limits", "Max locked memory         8388608   8388608   bytes\n");

        assertThat(check("locked memory").found()).isEqualTo("limited to 8388608 bytes");
    }

    @Test
    void shouldPassEveryCheckOfTheKernelItRunsOn() {
        assertThat(KernelChecks.all()).extracting(Check::state).containsOnly(State.OK);
    }
}
