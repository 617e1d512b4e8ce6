package dev.outboard.perf.guest;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard guest}: our drivers on hardware, as far as software can tell. */
@Command(
        name = "guest",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Starts a machine in QEMU with an IOMMU and devices, under Debian's kernel, and"
                        + " tries our drivers in it, over VFIO and over UIO. Needs no rights and"
                        + " no hardware; the kernel is fetched by its package's name.")
public final class GuestCommand implements Subcommand {
    private static final int ORDER = 64;
    private static final String IOMMU_ON = "intel_iommu=on";

    @Option(
            names = "--run",
            paramLabel = "LINE",
            description =
                    "Instead of the checks, run this line of a shell in the guest, where 'outboard'"
                            + " is a program, vfio-pci and uio_pci_generic are loaded, and"
                            + " standard output comes here. May be repeated; the first that fails"
                            + " ends it.")
    private List<String> lines = List.of();

    @Option(names = "--shell", description = "Instead of the checks, a shell in the guest.")
    private boolean shell;

    @Option(
            names = "--net",
            paramLabel = "PATH",
            description =
                    "With --run or --shell: a small guest without Java, whose only device is the"
                            + " network interface that 'outboard run net --serve PATH' offers. It"
                            + " asks for an address by DHCP first.")
    private Path network;

    @Option(
            names = "--only",
            defaultValue = "",
            paramLabel = "TEXT",
            description = "Only the checks whose name has this, and those that bind.")
    private String only;

    @Option(
            names = "--kernel",
            paramLabel = "FILE",
            description = "The kernel to start, instead of Debian's.")
    private Path kernelImage;

    @Option(
            names = "--modules",
            paramLabel = "FOLDER",
            description = "With --kernel: its folder below /lib/modules.")
    private Path kernelModules;

    @Option(
            names = "--boot",
            defaultValue = IOMMU_ON,
            paramLabel = "TEXT",
            description =
                    "With --run or --shell: parameters of the kernel. Default: ${DEFAULT-VALUE}.")
    private String parameters;

    @Option(
            names = "--accel",
            defaultValue = "tcg",
            paramLabel = "NAME",
            description =
                    "How QEMU runs the processor: tcg, or kvm where this machine has it. Default:"
                            + " ${DEFAULT-VALUE}.")
    private String accelerator;

    @Option(
            names = "--timeout",
            defaultValue = "600",
            paramLabel = "SECONDS",
            description = "End the guest after so long. Default: ${DEFAULT-VALUE}.")
    private int timeoutSeconds;

    @Option(
            names = "--keep",
            paramLabel = "FOLDER",
            description = "Keep there what the kernel and QEMU said, and the disks.")
    private Path keep;

    @Option(names = "--json", description = "Print events for machines, one JSON object a line.")
    private boolean json;

    /** For the service loader. */
    public GuestCommand() {}

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        if (timeoutSeconds < 1) {
            throw new UsageException("--timeout " + timeoutSeconds + " is less than 1");
        }
        if (kernelModules != null && kernelImage == null) {
            throw new UsageException("--modules has no use without --kernel");
        }
        if (network != null && !shell && lines.isEmpty()) {
            throw new UsageException("--net has no use without --run or --shell");
        }
        try {
            return runInFolder();
        } catch (IOException e) {
            throw new CommandException("the guest could not be made: " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException("interrupted", e);
        }
    }

    private int runInFolder() throws IOException, InterruptedException {
        var folder = keep == null ? Files.createTempDirectory("outboard-guest") : made(keep);
        try {
            return run(folder.toAbsolutePath(), EventOutput.standard(json));
        } finally {
            if (keep == null) {
                Folders.delete(folder);
            }
        }
    }

    private static Path made(Path folder) throws IOException {
        if (Files.exists(folder)) {
            throw new UsageException("--keep " + folder + " is there already: name a new folder");
        }
        return Files.createDirectories(folder);
    }

    private int run(Path folder, EventOutput output) throws IOException, InterruptedException {
        Tool.require(GuestMachine.PROGRAM, GuestMachine.PACKAGE);
        var busybox = Tool.require("busybox", "busybox-static");
        output.text("preparing the guest");
        var kernel = GuestKernel.find(kernelImage, kernelModules, Folders.cache());
        output.say(
                "booting Linux " + kernel.release() + " in QEMU",
                Event.of("boot", "kernel", kernel.release(), "accelerator", accelerator));
        if (shell || !lines.isEmpty()) {
            return runLines(folder, kernel, busybox, output);
        }
        var java = JavaImage.make(Folders.cache());
        var guests =
                new Guests(
                        folder,
                        new Guests.Image(kernel, java, busybox, accelerator),
                        Duration.ofSeconds(timeoutSeconds),
                        only,
                        output);
        return guests.check() ? 0 : 1;
    }

    /** Instead of the checks, what the user wants. */
    private int runLines(Path folder, GuestKernel kernel, Path busybox, EventOutput output)
            throws IOException, InterruptedException {
        var initramfs = folder.resolve("initramfs.cpio");
        var java = network == null ? JavaImage.make(Folders.cache()) : null;
        var script =
                network == null
                        ? "modprobe -a vfio-pci vfio_iommu_type1 uio_pci_generic\n"
                                + String.join("\n", lines)
                        : GuestNetwork.script(lines);
        Initramfs.write(initramfs, kernel, java, busybox, script, folder);
        var hardware =
                network == null
                        ? GuestDevices.create(folder, 1).options()
                        : new GuestNetwork(network.toAbsolutePath()).options();
        var machine =
                new GuestMachine(folder, kernel, initramfs, hardware, accelerator, parameters);
        if (shell) {
            return machine.talk() ? 0 : 1;
        }
        return machine.run(
                Duration.ofSeconds(timeoutSeconds),
                line -> output.say(line, Event.of("said", "line", line)),
                output::say);
    }
}
