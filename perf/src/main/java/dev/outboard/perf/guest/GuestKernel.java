package dev.outboard.perf.guest;

import dev.outboard.host.cli.CommandException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A kernel for the guest, with its modules.
 *
 * @param image what QEMU starts
 * @param modules its folder of modules
 * @param release its name, as {@code 6.1.0-56-amd64}
 */
record GuestKernel(Path image, Path modules, String release) {
    /** Its name depends on it alone, in every release of Debian. */
    static final String PACKAGE = "linux-image-amd64";

    private static final String PREFIX = "vmlinuz-";
    private static final String REMEDY =
            ": apt-get update, then again; or apt-get install "
                    + PACKAGE
                    + "; or --kernel FILE --modules FOLDER";

    /**
     * The kernel to take: the one that was named, or one that is installed, or the package's, which
     * is fetched into the cache, without being installed.
     *
     * @param image what the user named, or null
     * @param modules likewise
     * @throws CommandException if there is none
     */
    static GuestKernel find(Path image, Path modules, Path cache) {
        if (image != null) {
            return named(image, modules);
        }
        return installed(Path.of("/"))
                .or(() -> installed(cache.resolve("kernel")))
                .orElseGet(() -> fetch(cache));
    }

    private static GuestKernel named(Path image, Path modules) {
        var name = image.getFileName().toString();
        var release = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
        var folder =
                modules != null
                        ? modules
                        : image.toAbsolutePath()
                                .resolve("../../lib/modules/" + release)
                                .normalize();
        if (!Files.isReadable(image) || !Files.isDirectory(folder.resolve("kernel"))) {
            throw new CommandException(
                    "--kernel %s: it, or its modules in %s, cannot be read; name them by --modules"
                            .formatted(image, folder));
        }
        return new GuestKernel(image, folder, folder.getFileName().toString());
    }

    /** The newest below a root whose image we may read, and that has what we need. */
    private static Optional<GuestKernel> installed(Path root) {
        var boot = root.resolve("boot");
        if (!Files.isDirectory(boot)) {
            return Optional.empty();
        }
        try (Stream<Path> files = Files.list(boot)) {
            return files.filter(file -> file.getFileName().toString().startsWith(PREFIX))
                    .filter(Files::isReadable)
                    .sorted(Comparator.comparing(Path::toString).reversed())
                    .map(
                            file -> {
                                var release =
                                        file.getFileName().toString().substring(PREFIX.length());
                                return new GuestKernel(
                                        file, root.resolve("lib/modules/" + release), release);
                            })
                    .filter(kernel -> Files.isDirectory(kernel.modules.resolve("kernel")))
                    .filter(GuestKernel::hasAll)
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static boolean hasAll(GuestKernel kernel) {
        try {
            new KernelModules(kernel.modules).closure(Initramfs.MODULES);
            return true;
        } catch (IOException | CommandException e) {
            return false;
        }
    }

    private static GuestKernel fetch(Path cache) {
        Tool.require("apt-get", "apt");
        try {
            var work = Files.createTempDirectory(Files.createDirectories(cache), "fetch");
            try {
                var name = packageName(work);
                Tool.run(work, List.of("apt-get", "-q", "download", name));
                var file = firstOf(work, ".deb");
                var tree = work.resolve("tree");
                Tool.run(work, List.of("dpkg-deb", "-x", file.toString(), tree.toString()));
                var whole =
                        installed(tree)
                                .orElseThrow(
                                        () ->
                                                new CommandException(
                                                        "the package " + name + " lacks modules"));
                keep(whole, cache.resolve("kernel"));
            } finally {
                Folders.delete(work);
            }
        } catch (IOException e) {
            throw new CommandException("the kernel could not be put into " + cache + ": " + e, e);
        }
        return installed(cache.resolve("kernel")).orElseThrow();
    }

    /** What the package that always means the newest stands for now. */
    private static String packageName(Path work) {
        String said;
        try {
            said = Tool.run(work, List.of("apt-cache", "depends", PACKAGE));
        } catch (CommandException e) {
            throw new CommandException(
                    "this machine's package lists have no " + PACKAGE + REMEDY, e);
        }
        return said.lines()
                .map(String::strip)
                .filter(line -> line.startsWith("Depends: linux-image-"))
                .map(line -> line.substring("Depends: ".length()))
                .findFirst()
                .orElseThrow(
                        () ->
                                new CommandException(
                                        "this machine's package lists have no "
                                                + PACKAGE
                                                + REMEDY));
    }

    private static Path firstOf(Path folder, String ending) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(ending))
                    .findFirst()
                    .orElseThrow(() -> new CommandException("apt-get fetched nothing" + REMEDY));
        }
    }

    /** Of 400 MB that were unpacked, the 10 that are needed. */
    private static void keep(GuestKernel whole, Path into) throws IOException {
        var modules = into.resolve("lib/modules/" + whole.release + "/kernel");
        Files.createDirectories(modules);
        for (var module : new KernelModules(whole.modules).closure(Initramfs.MODULES)) {
            Files.write(modules.resolve(module.name() + ".ko"), module.bytes());
        }
        var builtIn = whole.modules.resolve("modules.builtin");
        if (Files.exists(builtIn)) {
            Files.copy(builtIn, modules.resolveSibling("modules.builtin"));
        }
        // Last: without it there is no kernel here.
        Files.createDirectories(into.resolve("boot"));
        Files.move(whole.image, into.resolve("boot").resolve(whole.image.getFileName()));
    }
}
