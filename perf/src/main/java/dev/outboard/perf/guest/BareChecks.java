package dev.outboard.perf.guest;

import static dev.outboard.perf.guest.GuestDevices.E1000E;
import static dev.outboard.perf.guest.GuestDevices.EDU;
import static dev.outboard.perf.guest.GuestDevices.NVME;
import static dev.outboard.perf.guest.Inside.drive;
import static dev.outboard.perf.guest.Inside.outboard;
import static dev.outboard.perf.guest.Inside.require;
import static dev.outboard.perf.guest.Inside.shell;

import java.util.List;

/** With the IOMMU off: VFIO refuses, UIO drives, and only when it is told that nothing protects. */
final class BareChecks {
    private static final String UIO = "uio_pci_generic";

    private BareChecks() {}

    static List<Check> all() {
        return List.of(
                new Check("doctor: the IOMMU is off on the command line", BareChecks::iommuOff),
                new Check("vfio-pci takes nothing without an IOMMU", BareChecks::vfioRefuses),
                new Check("bind gives devices to uio_pci_generic", BareChecks::bind),
                new Check("UIO is refused without --no-iommu", BareChecks::refused),
                new Check("doctor: no huge page is free", BareChecks::hugePages),
                new Check("edu over UIO: registers, DMA, its line", BareChecks::edu),
                new Check("NVMe over UIO", BareChecks::nvme),
                new Check("e1000e over UIO pings the other side", BareChecks::ping),
                new Check("unbind gives them back to the kernel", BareChecks::unbind));
    }

    private static String iommuOff() {
        var check = DoctorChecks.find(DoctorChecks.doctor(), "hardware IOMMU");
        require(
                check.text("state").equals("absent")
                        && check.text("found").contains("intel_iommu=off")
                        && check.text("remedy").contains("intel_iommu=on"),
                "doctor says " + check.fields());
        return check.text("found");
    }

    private static String vfioRefuses() throws Exception {
        shell("modprobe vfio-pci; modprobe " + UIO).done();
        var said = outboard("bind", NVME).refused("no IOMMU", "intel_iommu=on");
        require(
                shell("readlink /sys/bus/pci/devices/" + NVME + "/driver")
                        .output()
                        .strip()
                        .endsWith("/nvme"),
                "the kernel's driver did not get it back");
        return said.error().strip();
    }

    private static String bind() {
        var said = outboard("bind", "--to", UIO, EDU, NVME, E1000E, "--json").done();
        require(said.events("bound").size() == 3, "bound " + said.output());
        return "3 devices";
    }

    private static String refused() {
        return drive("edu", EDU, "edu-check").refused("--no-iommu").error().strip();
    }

    private static String hugePages() throws Exception {
        var name = EDU + " huge pages";
        var check = DoctorChecks.find(outboard("doctor", EDU, "--json"), name);
        require(check.text("state").equals("failed"), "doctor says " + check.fields());
        drive("edu", EDU, "edu-check", "--no-iommu").refused("huge");
        shell(check.text("command")).done();
        DoctorChecks.ok(outboard("doctor", EDU, "--json"), name);
        return check.text("found") + ": " + check.text("command");
    }

    private static String edu() {
        return String.valueOf(drive("edu", EDU, "edu-check", "--no-iommu").client());
    }

    private static String nvme() {
        var said =
                drive(
                        "nvme",
                        NVME,
                        "disk-check",
                        "--no-iommu",
                        "-o",
                        "blocks=65536",
                        "-o",
                        "bytes=4194304",
                        "-o",
                        "millis=1",
                        "-o",
                        "warmupMillis=0");
        return String.valueOf(said.client().get("rows"));
    }

    private static String ping() {
        return String.valueOf(drive("e1000e", E1000E, "net-ping", "--no-iommu").client());
    }

    private static String unbind() {
        var said = outboard("unbind", EDU, NVME, E1000E, "--json").done();
        var drivers =
                said.events("unbound").stream().map(event -> event.fields().get("driver")).toList();
        require(drivers.contains("nvme") && drivers.contains("e1000e"), "they went to " + drivers);
        return drivers.toString();
    }
}
