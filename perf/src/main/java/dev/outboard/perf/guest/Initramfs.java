package dev.outboard.perf.guest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** The guest's whole file system, which the kernel unpacks into memory. Stateless. */
final class Initramfs {
    /** The modules that are in the guest; those of the devices' own drivers are loaded at start. */
    static final List<String> MODULES =
            List.of(
                    "virtio_pci",
                    "virtio_blk",
                    "virtio_net",
                    "e1000",
                    "e1000e",
                    "nvme",
                    "crc32c_generic",
                    "ext4",
                    "vfio",
                    "vfio_iommu_type1",
                    "vfio_pci",
                    "uio_pci_generic");

    private static final List<String> LOADED_LATER =
            List.of("vfio", "irqbypass", "uio", "ext4", "jbd2", "mbcache");

    /**
     * The first process. What it runs is in a file of its own; its words go out by the second
     * serial line, the kernel's by the first. It cannot be left: the machine ends with it.
     */
    private static final String INIT =
            """
            #!/bin/sh
            export PATH=/bin HOME=/root TERM=dumb
            mount -t proc proc /proc
            mount -t sysfs sysfs /sys
            mount -t devtmpfs dev /dev
            mkdir -p /dev/shm /dev/hugepages
            mount -t tmpfs tmpfs /dev/shm
            mount -t hugetlbfs hugetlbfs /dev/hugepages
            ip link set lo up
            for module in $(cat /etc/modules-at-start); do
                insmod /lib/modules/$(uname -r)/$module.ko
            done
            if grep -q outboard.shell /proc/cmdline; then
                setsid cttyhack sh -l
                reboot -f
            fi
            stty -F /dev/ttyS1 raw -echo
            (sleep 1200; reboot -f) &
            exec </dev/null >/dev/ttyS1 2>&1
            sh -e /etc/outboard-run
            echo "{\\"event\\":\\"end\\",\\"status\\":$?}"
            sync
            reboot -f
            """;

    /** What busybox's client of DHCP runs when it has an address. */
    private static final String DHCP =
            """
            #!/bin/sh
            [ "$1" = bound ] || [ "$1" = renew ] || exit 0
            ip address flush dev $interface
            ip address add $ip/$mask dev $interface
            for gateway in $router; do
                ip route replace default via $gateway
            done
            echo "address $ip"
            """;

    private static final String USERS =
            "root::0:0:root:/root:/bin/sh\nuser::1000:1000:user:/tmp:/bin/sh\n";

    private Initramfs() {}

    /**
     * Writes it.
     *
     * @param file to write
     * @param java the programs, or null for a guest that runs none of them
     * @param script what the first process runs, as a shell reads it
     * @param work a folder for what programs complain of
     */
    static void write(
            Path file, GuestKernel kernel, JavaImage java, Path busybox, String script, Path work)
            throws IOException {
        try (var archive = new CpioWriter(file)) {
            for (var folder : List.of("proc", "sys", "dev", "tmp", "root", "mnt", "run", "etc")) {
                archive.folder(folder);
            }
            archive.device("dev/console", 5, 1);
            addPrograms(archive, busybox, work);
            addModules(archive, kernel);
            if (java != null) {
                addJava(archive, java, work);
            }
            text(archive, "etc/udhcpc-script", DHCP, true);
            text(archive, "etc/passwd", USERS, false);
            text(archive, "etc/group", "root:x:0:\nuser:x:1000:\n", false);
            text(archive, "etc/outboard-run", script, false);
            text(archive, "init", INIT, true);
        }
    }

    private static void addPrograms(CpioWriter archive, Path busybox, Path work)
            throws IOException {
        archive.copy("bin/busybox", busybox);
        for (var name : Tool.run(work, List.of(busybox.toString(), "--list")).split("\n")) {
            archive.link("bin/" + name, "busybox");
        }
        // Where the kernel looks when it wants a module.
        archive.link("sbin/modprobe", "../bin/busybox");
    }

    private static void addModules(CpioWriter archive, GuestKernel kernel) throws IOException {
        var folder = "lib/modules/" + kernel.release();
        var all = new KernelModules(kernel.modules());
        var modules = all.closure(MODULES);
        var needs = new StringBuilder();
        for (var module : modules) {
            archive.file(folder + "/" + module.name() + ".ko", module.bytes(), false);
            // As depmod writes it: what is needed first comes last.
            needs.append(module.name()).append(".ko:");
            all.closure(List.of(module.name())).reversed().stream()
                    .skip(1)
                    .forEach(need -> needs.append(' ').append(need.name()).append(".ko"));
            needs.append('\n');
        }
        text(archive, folder + "/modules.dep", needs.toString(), false);
        var early =
                modules.stream()
                        .map(KernelModules.Module::name)
                        .filter(name -> LOADED_LATER.stream().noneMatch(name::startsWith))
                        .collect(Collectors.joining("\n"));
        text(archive, "etc/modules-at-start", early + "\n", false);
    }

    private static void addJava(CpioWriter archive, JavaImage java, Path work) throws IOException {
        for (var library : Libraries.of(java.home(), work)) {
            archive.copy(library.toString(), library);
        }
        archive.copyTree(java.home().toString(), java.home());
        for (var module : java.modules()) {
            if (Files.isDirectory(module)) {
                archive.copyTree(module.toString(), module);
            } else {
                archive.copy(module.toString(), module);
            }
        }
        if (java.archive() != null) {
            archive.copy(java.archive().toString(), java.archive());
        }
        text(
                archive,
                "bin/outboard",
                "#!/bin/sh\nexec " + String.join(" ", java.command()) + " \"$@\"\n",
                true);
    }

    private static void text(CpioWriter archive, String name, String text, boolean isExecutable)
            throws IOException {
        archive.file(name, text.getBytes(StandardCharsets.UTF_8), isExecutable);
    }
}
