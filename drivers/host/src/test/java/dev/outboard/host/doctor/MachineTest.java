package dev.outboard.host.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.host.doctor.Check.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
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
        for (var program : new String[] {"dpdk-testpmd", "qemu-storage-daemon"}) {
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
    void shouldTellAnEmptyVfioFromNone() throws IOException {
        assertThat(check("VFIO").remedy()).contains("modprobe vfio-pci");

        write("dev/vfio/vfio", "");

        assertThat(check("VFIO").found()).contains("no device is bound");
        assertThat(check("VFIO").remedy()).contains("driver_override");
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
