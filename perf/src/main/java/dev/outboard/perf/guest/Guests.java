package dev.outboard.perf.guest;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.event.Event;
import dev.outboard.host.event.EventOutput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;

/**
 * The two machines that the checks run in, side by side: one whose IOMMU is on, one whose IOMMU is
 * off on the kernel's command line. A thread each follows what they say; the lines are told as they
 * come.
 */
final class Guests {
    /**
     * What both start from.
     *
     * @param accelerator as QEMU calls it
     */
    record Image(GuestKernel kernel, JavaImage java, Path busybox, String accelerator) {}

    private final Path folder;
    private final Image image;
    private final Duration timeout;
    private final String only;
    private final EventOutput output;
    private final List<String> sums = new ArrayList<>();
    private int passed;
    private int failed;

    /**
     * Nothing runs yet.
     *
     * @param only of the checks those whose name has this, and those that bind
     */
    Guests(Path folder, Image image, Duration timeout, String only, EventOutput output) {
        this.folder = folder;
        this.image = image;
        this.timeout = timeout;
        this.only = only;
        this.output = output;
    }

    /** Runs all of them; whether all passed. */
    boolean check() throws IOException, InterruptedException {
        var start = System.nanoTime();
        var disk = runBoth();
        checkSums(disk);
        var seconds = (System.nanoTime() - start) / 1e9;
        output.say(
                "%d passed, %d failed, %.0f s".formatted(passed, failed, seconds),
                Event.of("result", "passed", passed, "failed", failed, "seconds", seconds));
        return failed == 0;
    }

    private Path runBoth() throws IOException, InterruptedException {
        var withIommu = folder("iommu");
        var devices = GuestDevices.create(withIommu, 1);
        var bare = folder("bare");
        var others = GuestDevices.create(bare, 1);
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var both =
                    threads.invokeAll(
                            List.<Callable<Void>>of(
                                    () -> run(withIommu, "iommu", devices, "intel_iommu=on"),
                                    () -> run(bare, "bare", others, "intel_iommu=off")));
            for (var one : both) {
                one.get();
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof CommandException failure) {
                throw failure;
            }
            throw new CommandException("a guest could not be run: " + e.getCause(), e);
        }
        return devices.disk();
    }

    private Path folder(String name) throws IOException {
        return Files.createDirectories(folder.resolve(name));
    }

    private Void run(Path work, String part, GuestDevices devices, String parameters)
            throws IOException {
        var initramfs = work.resolve("initramfs.cpio");
        var script =
                "export %s=%s\noutboard guest-checks --part %s --only '%s'\n"
                        .formatted(
                                GuestDevices.SUM_VARIABLE,
                                sum(devices.served().resolve(GuestDevices.FILE)),
                                part,
                                only.replace("'", ""));
        Initramfs.write(initramfs, image.kernel, image.java, image.busybox, script, work);
        var machine =
                new GuestMachine(
                        work,
                        image.kernel,
                        initramfs,
                        devices.options(),
                        image.accelerator,
                        parameters);
        machine.run(timeout, this::said, this::heard);
        Files.delete(initramfs);
        return null;
    }

    /** What is no event is of no check: a driver's warning, or a crash. */
    private synchronized void said(String line) {
        if (!line.isBlank()) {
            output.say("        " + line, Event.of("said", "line", line));
        }
    }

    private synchronized void heard(Event event) {
        switch (event.name()) {
            case "check" -> tell(event);
            case "sum" -> sums.add(event.text("sha256"));
            default -> output.say(event);
        }
    }

    private void tell(Event check) {
        var isPassed = check.flag("passed");
        if (isPassed) {
            passed++;
        } else {
            failed++;
        }
        output.say(
                String.format(
                        Locale.ROOT,
                        "%s  %5.1f s  %s%s",
                        isPassed ? "ok    " : "FAILED",
                        check.decimal("seconds"),
                        check.text("name"),
                        isPassed || check.text("seen").isEmpty() ? "" : ": " + check.text("seen")),
                check);
    }

    /** What the guest's driver read must be what is in the file behind its disk. */
    private synchronized void checkSums(Path disk) throws IOException {
        if (sums.isEmpty()) {
            return;
        }
        var here = sum(disk);
        var isSame = sums.stream().allMatch(here::equals);
        tell(
                Event.of(
                        "check",
                        "name",
                        "the file behind the NVMe disk has the SHA-256 that the guest read",
                        "passed",
                        isSame,
                        "seen",
                        isSame ? here : here + " is not " + sums,
                        "seconds",
                        0.0));
    }

    private static String sum(Path file) throws IOException {
        try (var in = Files.newInputStream(file)) {
            var digest = MessageDigest.getInstance("SHA-256");
            var bytes = new byte[1 << 16];
            for (int read = in.read(bytes); read >= 0; read = in.read(bytes)) {
                digest.update(bytes, 0, read);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
