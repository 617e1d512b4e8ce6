package dev.outboard.perf.guest;

import static dev.outboard.perf.guest.GuestDevices.E1000E;
import static dev.outboard.perf.guest.GuestDevices.EDU;
import static dev.outboard.perf.guest.GuestDevices.GROUPED_EDU;
import static dev.outboard.perf.guest.GuestDevices.GROUPED_NIC;
import static dev.outboard.perf.guest.GuestDevices.NVME;
import static dev.outboard.perf.guest.GuestDevices.VIRTIO_BLK;
import static dev.outboard.perf.guest.GuestDevices.VIRTIO_NET;
import static dev.outboard.perf.guest.Inside.drive;
import static dev.outboard.perf.guest.Inside.outboard;
import static dev.outboard.perf.guest.Inside.require;
import static dev.outboard.perf.guest.Inside.shell;

import dev.outboard.host.event.Event;
import dev.outboard.host.process.OutboardProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * With the IOMMU on: every driver over VFIO, by the modules that drive emulated devices. In this
 * order: what binds comes before what drives.
 */
final class VfioChecks {
    private static final Duration START = Duration.ofSeconds(120);
    private static final String STRAY = "0xbad0000";
    private static final List<String> STRATEGIES =
            List.of("strict", "deferred", "batched", "cached", "preallocated");

    private VfioChecks() {}

    static List<Check> all() {
        var all = new ArrayList<Check>();
        all.addAll(DoctorChecks.beforeBinding());
        all.add(new Check("list names devices, drivers and groups", VfioChecks::list));
        all.add(new Check("bind refuses a mounted disk", VfioChecks::refuseMounted));
        all.add(new Check("bind refuses the way out of the network", VfioChecks::refuseRoute));
        all.add(new Check("bind refuses a bridge and nonsense", VfioChecks::refuseOthers));
        all.add(new Check("bind gives devices to vfio-pci", VfioChecks::bind));
        all.add(new Check("unbind gives one back to the kernel", VfioChecks::unbindAndBack));
        all.addAll(DoctorChecks.group());
        all.add(new Check("edu: registers, DMA both ways, interrupts", VfioChecks::edu));
        all.add(new Check("edu by its line", () -> edu(EDU + ",interrupts=line", "strict")));
        all.add(new Check("edu by MSI", () -> edu(EDU + ",interrupts=msi", "strict")));
        for (var strategy : STRATEGIES) {
            all.add(new Check("edu under strategy " + strategy, () -> edu(EDU, strategy)));
        }
        all.add(new Check("a DMA to an unmapped IOVA is stopped and told", VfioChecks::stray));
        all.add(new Check("NVMe writes and reads 64 MiB", VfioChecks::nvmePattern));
        all.add(new Check("NVMe reads what it wrote: SHA-256", VfioChecks::nvmeSum));
        all.add(new Check("e1000e pings the other side", () -> ping("e1000e", E1000E)));
        all.add(new Check("e1000e fetches a file", () -> fetch("e1000e", E1000E)));
        all.add(new Check("virtio-net pings the other side", () -> ping("virtio-net", VIRTIO_NET)));
        all.add(new Check("virtio-net fetches a file", () -> fetch("virtio-net", VIRTIO_NET)));
        all.add(new Check("virtio-blk by MSI-X", () -> disk(VIRTIO_BLK)));
        all.add(
                new Check(
                        "virtio-blk by its line, masked and unmasked",
                        () -> disk(VIRTIO_BLK + ",interrupts=line")));
        all.add(new Check("a killed driver leaves its device quiet", VfioChecks::kill));
        all.addAll(DoctorChecks.asUser());
        return all;
    }

    private static String list() {
        var said = outboard("list", "--json").done();
        expect(said, EDU, "1234:11e8", null, "edu");
        expect(said, NVME, "1b36:0010", "nvme", "nvme");
        expect(said, E1000E, "8086:10d3", "e1000e", "e1000e");
        expect(said, VIRTIO_NET, "1af4:1041", "virtio-pci", "virtio-net");
        expect(said, VIRTIO_BLK, "1af4:1042", "virtio-pci", "virtio-blk");
        var members = device(said, GROUPED_EDU).fields().get("groupMembers");
        require(
                members instanceof List<?> list && list.contains(GROUPED_NIC),
                GROUPED_EDU + " has not " + GROUPED_NIC + " in its group: " + members);
        return said.events("device").size() + " devices";
    }

    private static Event device(Said said, String place) {
        return said.events("device").stream()
                .filter(event -> event.text("place").equals(place))
                .findFirst()
                .orElseThrow(() -> new CheckFailure("list does not show " + place));
    }

    private static void expect(Said said, String place, String id, String driver, String ours) {
        var fields = device(said, place).fields();
        require(
                id.equals(fields.get("vendor") + ":" + fields.get("device"))
                        && java.util.Objects.equals(driver, fields.get("driver"))
                        && List.of(ours).equals(fields.get("ours"))
                        && fields.get("group") != null,
                "list shows " + place + " as " + fields);
    }

    private static String refuseMounted() throws Exception {
        shell("mke2fs -F /dev/vda 2>&1 && modprobe ext4 && mount -t ext4 /dev/vda /mnt").done();
        try {
            outboard("bind", VIRTIO_BLK).refused("vda is mounted at /mnt", "--force");
        } finally {
            shell("umount /mnt").done();
        }
        shell("mkswap /dev/vda && swapon /dev/vda").done();
        try {
            outboard("bind", VIRTIO_BLK).refused("vda is swapped to");
        } finally {
            shell("swapoff /dev/vda").done();
        }
        return "mounted, and swapped to";
    }

    private static String refuseRoute() throws Exception {
        var name = shell("ls /sys/bus/pci/devices/" + E1000E + "/net").done().output().strip();
        var up = "ip addr add 10.0.2.15/24 dev %1$s && ip link set %1$s up".formatted(name);
        shell(up + " && ip route add default via 10.0.2.2").done();
        try {
            outboard("bind", E1000E).refused("the default route goes by " + name);
        } finally {
            shell("ip route del default; ip link set %s down".formatted(name)).done();
        }
        return name;
    }

    private static String refuseOthers() {
        outboard("bind", "00:1e.0").refused("bridge");
        outboard("bind", "00:09.7").refused("outboard list");
        outboard("bind", "nonsense").refused("0000:00:04.0");
        outboard("unbind", NVME).refused("nvme", "kernel's driver");
        return "";
    }

    private static String bind() {
        var said =
                outboard("bind", EDU, NVME, E1000E, VIRTIO_NET, VIRTIO_BLK, GROUPED_EDU, "--json")
                        .done();
        require(said.events("bound").size() == 6, "bound " + said.output());
        require(
                said.output().contains(GROUPED_NIC + " is still bound to e1000"),
                "bind did not say which device is in the way: " + said.output());
        return "6 devices";
    }

    private static String unbindAndBack() {
        var said = outboard("unbind", E1000E, "--json").done();
        require(
                "e1000e".equals(said.event("unbound").fields().get("driver")),
                "unbind gave it to " + said.output());
        outboard("bind", E1000E).done();
        return "e1000e had it, and gave it again";
    }

    private static String edu() {
        var client = drive("edu", EDU, "edu-check", "-o", "rounds=3").client();
        return "rounds " + client.get("rounds") + ", whole memory mapped";
    }

    private static String edu(String place, String strategy) {
        var said = drive("edu", place, "edu-check", "--strategy", strategy);
        said.client();
        var dma = said.event(Event.RESULT).fields().get("dma");
        return dma instanceof Map<?, ?> map ? map.get("maps") + " maps" : "";
    }

    private static String stray() {
        var iova = Long.toString(Long.decode(STRAY));
        var said = drive("edu", EDU, "edu-stray", "--strategy", "strict", "-o", "iova=" + iova);
        said.done();
        var faults = said.events(Event.FAULT);
        require(faults.size() >= 2, "a read and a write, and not two faults: " + said.output());
        for (var fault : faults) {
            require(
                    fault.text("iova").equals(STRAY) && fault.text("device").equals(EDU),
                    "the fault is another one: " + fault.fields());
        }
        return faults.getFirst().fields().toString();
    }

    private static String nvmePattern() {
        var client =
                drive(
                                "nvme",
                                NVME,
                                "disk-check",
                                "--strategy",
                                "strict",
                                "-o",
                                "blocks=65536",
                                "-o",
                                "bytes=" + GuestDevices.DISK_BYTES,
                                "-o",
                                "millis=1",
                                "-o",
                                "warmupMillis=0")
                        .client();
        return String.valueOf(client.get("rows"));
    }

    /** The sum is compared again on the machine outside, with the file behind the disk. */
    private static String nvmeSum() {
        return sum(drive("nvme", NVME, "disk-sha256"));
    }

    private static String sum(Said said) {
        var result = said.done().event(Event.RESULT).fields().get("client");
        var sum = result instanceof Map<?, ?> client ? client.get("sha256") : null;
        require(sum != null, "no SHA-256: " + result);
        System.out.println(Event.of("sum", "sha256", sum).toJson());
        return String.valueOf(sum);
    }

    private static String ping(String driver, String place) {
        var client = drive(driver, place, "net-ping", "--strategy", "strict").client();
        return String.valueOf(client);
    }

    private static String fetch(String driver, String place) {
        var said =
                drive(
                        driver,
                        place,
                        "net-fetch",
                        "--strategy",
                        "strict",
                        "-o",
                        "file=" + GuestDevices.FILE,
                        "-o",
                        "sha256=" + System.getenv(GuestDevices.SUM_VARIABLE));
        return String.valueOf(said.client());
    }

    private static String disk(String place) {
        var client =
                drive(
                                "virtio-blk",
                                place,
                                "disk-check",
                                "--strategy",
                                "strict",
                                "-o",
                                "bytes=1048576",
                                "-o",
                                "millis=1",
                                "-o",
                                "warmupMillis=0")
                        .client();
        return String.valueOf(client.get("rows"));
    }

    private static String kill() throws Exception {
        try (var driver =
                OutboardProcess.start(
                        "the driver",
                        List.of(
                                "run",
                                "nvme",
                                "--device",
                                "pci:" + NVME,
                                "--client",
                                "disk-read",
                                "-o",
                                "millis=600000",
                                "--strategy",
                                "strict",
                                "--no-control",
                                "--json"))) {
            driver.awaitReady(START);
            require(Inside.isBusMaster(NVME), "the driver runs, and its device is no bus master");
            outboard("unbind", NVME).refused("process " + driver.pid() + " has /dev/vfio");
            driver.kill();
            driver.awaitExit(START);
        }
        require(!Inside.isBusMaster(NVME), "the driver was killed, and its device is a bus master");
        return sum(drive("nvme", NVME, "disk-sha256"));
    }
}
