package dev.outboard.perf.guest;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.event.Event;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/** QEMU, with a kernel, a file system and devices. One thread; the machine ends with its run. */
final class GuestMachine {
    static final String PROGRAM = "qemu-system-x86_64";
    static final String PACKAGE = "qemu-system-x86";

    /** The kernel's words for people: the first serial line. */
    static final String CONSOLE = "console.log";

    /** Where the host is busy an emulated timer ticks late, which the kernel takes for broken. */
    private static final String PARAMETERS =
            "console=ttyS0 mitigations=off nokaslr no_timer_check panic=-1 quiet ";

    private static final String END = "end";
    private static final int SHOWN_LINES = 5;

    private final Path folder;
    private final List<String> command;

    /**
     * A machine that is described, and not started.
     *
     * @param folder for its console's file
     * @param hardware QEMU's options for memory and devices
     * @param accelerator tcg, or kvm where this machine has it
     * @param parameters of the kernel, beyond those that every guest has
     */
    GuestMachine(
            Path folder,
            GuestKernel kernel,
            Path initramfs,
            List<String> hardware,
            String accelerator,
            String parameters) {
        this.folder = folder;
        command =
                new ArrayList<>(
                        List.of(
                                PROGRAM,
                                "-M",
                                "q35,kernel-irqchip=split",
                                "-accel",
                                accelerator,
                                "-cpu",
                                processor(accelerator),
                                // QEMU's translator runs code that another processor has just
                                // written, as a Java compiler does, one time in many wrongly.
                                "-smp",
                                "1",
                                "-nodefaults",
                                "-display",
                                "none",
                                "-no-reboot",
                                "-kernel",
                                kernel.image().toString(),
                                "-initrd",
                                initramfs.toString(),
                                "-append",
                                PARAMETERS + parameters));
        command.addAll(hardware);
    }

    /** Machines that are guests themselves may refuse the register that says what is mended. */
    private static String processor(String accelerator) {
        return accelerator.equals("kvm") ? "max,-arch-capabilities" : "max";
    }

    /**
     * Starts it with this terminal as its console, until it ends.
     *
     * @return whether QEMU ended well
     */
    boolean talk() throws IOException, InterruptedException {
        var talking = new ArrayList<>(command);
        talking.addAll(List.of("-serial", "mon:stdio"));
        talking.set(talking.indexOf("-append") + 1, shown() + " outboard.shell");
        return new ProcessBuilder(talking).inheritIO().start().waitFor() == 0;
    }

    private String shown() {
        return command.get(command.indexOf("-append") + 1);
    }

    /**
     * Starts it and follows it until it ends.
     *
     * @param line what is told of each line that the guest says and that is no event
     * @param event what is told of each event
     * @return the exit status of what the guest ran
     * @throws CommandException if the guest ended before it was done, or the time was up
     */
    int run(Duration timeout, Consumer<String> line, Consumer<Event> event) throws IOException {
        var console = folder.resolve(CONSOLE);
        var running = new ArrayList<>(command);
        running.addAll(List.of("-serial", "file:" + console, "-serial", "stdio"));
        var errors = folder.resolve("qemu.log");
        var process =
                new ProcessBuilder(running)
                        .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                        .redirectError(errors.toFile())
                        .start();
        StopRequest.ofProcess().onStop(process::destroy);
        var isLate = new AtomicBoolean();
        var watch = Thread.ofVirtual().start(() -> endAfter(process, timeout, isLate));
        Event end = null;
        try (var lines =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (var said = lines.readLine(); said != null; said = lines.readLine()) {
                var heard = Event.parse(said);
                if (heard == null) {
                    line.accept(said);
                } else if (heard.name().equals(END)) {
                    end = heard;
                } else {
                    event.accept(heard);
                }
            }
            process.onExit().join();
        } finally {
            process.destroyForcibly().onExit().join();
            watch.interrupt();
        }
        if (end == null) {
            throw new CommandException(complaint(isLate.get(), timeout, errors, console));
        }
        return (int) end.number("status");
    }

    private static void endAfter(Process process, Duration timeout, AtomicBoolean isLate) {
        try {
            Thread.sleep(timeout);
            isLate.set(true);
            process.destroyForcibly();
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    private static String complaint(boolean isLate, Duration timeout, Path errors, Path console)
            throws IOException {
        if (StopRequest.ofProcess().isStopping()) {
            return "stopped before it was done";
        }
        var why =
                isLate
                        ? "the guest was not done in %d s: --timeout allows more"
                                .formatted(timeout.toSeconds())
                        : "the guest ended before it was done";
        return why + said(errors) + said(console) + "; --keep FOLDER keeps all it said";
    }

    private static String said(Path file) throws IOException {
        if (!Files.exists(file)) {
            return "";
        }
        var lines =
                new String(Files.readAllBytes(file), StandardCharsets.UTF_8)
                        .lines()
                        .filter(text -> !text.isBlank())
                        .toList();
        var last = lines.subList(Math.max(0, lines.size() - SHOWN_LINES), lines.size());
        return last.isEmpty() ? "" : "; " + file.getFileName() + ": " + String.join(" / ", last);
    }
}
