package dev.outboard.host.doctor;

import java.util.List;
import java.util.stream.Stream;

/**
 * What stands between a device and memory: the IOMMU, its remapping of interrupts, and the kernel's
 * modules that hand devices out. Reads files; any thread.
 */
final class IommuChecks {
    private static final String REMAPPED = "IR-";
    private static final List<String> TABLES = List.of("DMAR", "IVRS");

    private final RootFiles files;

    IommuChecks(RootFiles files) {
        this.files = files;
    }

    List<Check> all() {
        return List.of(iommu(), interruptRemapping(), vfio(), uio());
    }

    /**
     * The kernel uses one; else either it was told not to, or the firmware does not show it one.
     */
    Check iommu() {
        var name = "hardware IOMMU";
        var units = files.names("sys/class/iommu");
        if (!units.isEmpty()) {
            return Check.ok(name, String.join(", ", units));
        }
        var parameters = " " + files.text("proc/cmdline") + " ";
        var off =
                Stream.of("intel_iommu=off", "amd_iommu=off", "iommu=off")
                        .filter(word -> parameters.contains(" " + word + " "))
                        .findFirst();
        if (off.isPresent()) {
            return Check.absent(
                    name,
                    "off on the kernel's command line: " + off.get(),
                    "Only hardware behind VFIO needs one: take that word away (on Debian from"
                            + " GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub), write"
                            + " intel_iommu=on in its place, or nothing on AMD, and reboot");
        }
        var table =
                TABLES.stream()
                        .filter(word -> files.has("sys/firmware/acpi/tables/" + word))
                        .findFirst();
        return table.map(
                        found ->
                                Check.absent(
                                        name,
                                        "the firmware has one (table "
                                                + found
                                                + "), the kernel does not use it",
                                        "Only hardware behind VFIO needs one: add intel_iommu=on to"
                                                + " the kernel's command line (on Debian in"
                                                + " /etc/default/grub, then update-grub) and"
                                                + " reboot"))
                .orElseGet(
                        () ->
                                Check.absent(
                                        name,
                                        "none, or off in the firmware",
                                        "Only hardware behind VFIO needs one: switch on VT-d or"
                                                + " AMD-Vi in the firmware's setup, boot with"
                                                + " intel_iommu=on"));
    }

    /** Without it a device could write any interrupt of the machine, and VFIO refuses it. */
    Check interruptRemapping() {
        var name = "remapping";
        if (files.names("sys/class/iommu").isEmpty()) {
            return Check.absent(
                    name, "no interrupt is remapped without an IOMMU", "See hardware IOMMU");
        }
        if (files.lines("proc/interrupts").anyMatch(line -> line.contains(REMAPPED))) {
            return Check.ok(name, "interrupts are remapped");
        }
        var parameter = "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts";
        if (files.text(parameter).equals("Y")) {
            return Check.ok(name, "interrupts are not remapped, and VFIO was told not to mind");
        }
        return Check.absent(
                name,
                "interrupts are not remapped",
                "VFIO refuses devices then: switch it on in the firmware's setup and take"
                        + " intremap=off from the kernel's command line; or let every device"
                        + " raise any interrupt",
                "modprobe vfio_iommu_type1; echo 1 > /" + parameter);
    }

    Check vfio() {
        var name = "VFIO";
        if (!files.has("sys/bus/pci/drivers/vfio-pci") || !files.has("dev/vfio/vfio")) {
            return Check.absent(
                    name,
                    "the kernel's module vfio-pci is not loaded",
                    lacks("vfio-pci", "vfio_pci")
                            ? "Only hardware needs it, and this kernel does not have it: apt-get"
                                    + " install linux-image-amd64, or another kernel that has it"
                            : "Only hardware needs it",
                    lacks("vfio-pci", "vfio_pci") ? null : "modprobe vfio-pci");
        }
        if (!files.has("sys/module/vfio_iommu_type1") && !files.has("dev/iommu")) {
            return Check.absent(
                    name,
                    "the kernel's module vfio_iommu_type1 is not loaded",
                    "Only hardware needs it",
                    "modprobe vfio_iommu_type1");
        }
        var groups = files.names("dev/vfio").stream().filter(IommuChecks::isGroup).toList();
        return groups.isEmpty()
                ? Check.absent(
                        name,
                        "there, and no device is bound to it",
                        "'outboard list' shows devices; 'outboard bind PLACE' binds one")
                : Check.ok(name, "groups " + String.join(", ", groups));
    }

    private static boolean isGroup(String node) {
        return !node.isEmpty() && node.chars().allMatch(Character::isDigit);
    }

    Check uio() {
        var name = "UIO";
        return files.has("sys/bus/pci/drivers/uio_pci_generic")
                ? Check.ok(name, "uio_pci_generic")
                : Check.absent(
                        name,
                        "the kernel's module uio_pci_generic is not loaded",
                        "Only hardware without an IOMMU needs it, and --no-iommu",
                        "modprobe uio_pci_generic");
    }

    /** Whether the running kernel has no such module to load; where it cannot be told it has. */
    private boolean lacks(String one, String other) {
        var release = files.text("proc/sys/kernel/osrelease");
        var list = files.text("lib/modules/" + release + "/modules.dep");
        return !list.isEmpty() && !list.contains(one + ".ko") && !list.contains(other + ".ko");
    }
}
