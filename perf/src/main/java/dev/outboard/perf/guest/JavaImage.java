package dev.outboard.perf.guest;

import dev.outboard.host.cli.CommandException;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ResolvedModule;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A Java runtime with what Outboard needs and nothing else, the modules of the Outboard that runs
 * now, and an archive of its classes: what the guest starts.
 *
 * <p>The guest has all of it at the same paths as this machine: an archive of classes is bound to
 * the paths of what is in it.
 *
 * @param home of the runtime
 * @param modules of ours and their libraries: jars, or folders of classes
 * @param archive of classes, or null where there is none
 */
record JavaImage(Path home, List<Path> modules, Path archive) {
    private static final String MAIN = "dev.outboard.host/dev.outboard.host.cli.Outboard";

    /** What automatic modules use: they cannot say so. */
    private static final List<String> UNSAID =
            List.of("java.base", "java.logging", "jdk.unsupported", "java.management");

    private static final List<String> FLAGS =
            List.of(
                    "-XX:+UseSerialGC",
                    // Its one processor is slow: what the better compiler costs does not come back.
                    "-XX:TieredStopAtLevel=1",
                    "-XX:-UseCompressedOops",
                    "-XX:-UsePerfData",
                    "-XX:+IgnoreUnrecognizedVMOptions",
                    "-Xms32m",
                    "-Xmx256m",
                    "--enable-native-access=dev.outboard.uio,dev.outboard.dma,org.jnrproject.ffi,"
                            + "org.jnrproject.jffi",
                    "--illegal-native-access=deny",
                    "--sun-misc-unsafe-memory-access=allow",
                    "--add-modules=org.objectweb.asm");

    /** Makes it, or takes what is in the cache. */
    static JavaImage make(Path cache) {
        var resolved = ModuleLayer.boot().configuration().modules();
        var ours = resolved.stream().filter(module -> !isOfRuntime(module)).toList();
        var modules =
                ours.stream()
                        .map(module -> Path.of(module.reference().location().orElseThrow()))
                        .sorted()
                        .toList();
        try {
            var home = link(cache, systemModules(resolved, ours));
            return new JavaImage(home, modules, archive(cache, home, modules));
        } catch (IOException e) {
            throw new CommandException(
                    "the guest's Java could not be put into " + cache + ": " + e, e);
        }
    }

    private static boolean isOfRuntime(ResolvedModule module) {
        return module.reference().location().map(URI::getScheme).filter("jrt"::equals).isPresent();
    }

    /** What ours require, and what those require. */
    private static Set<String> systemModules(
            Set<ResolvedModule> resolved, List<ResolvedModule> ours) {
        var descriptors =
                resolved.stream()
                        .collect(
                                Collectors.toMap(
                                        ResolvedModule::name,
                                        module -> module.reference().descriptor()));
        var names = new TreeSet<>(UNSAID);
        ours.stream().flatMap(JavaImage::required).forEach(names::add);
        ours.forEach(module -> names.remove(module.name()));
        names.retainAll(descriptors.keySet());
        return names;
    }

    private static Stream<String> required(ResolvedModule module) {
        return module.reference().descriptor().requires().stream()
                .filter(
                        requires ->
                                !requires.modifiers()
                                        .contains(ModuleDescriptor.Requires.Modifier.STATIC))
                .map(ModuleDescriptor.Requires::name);
    }

    private static Path link(Path cache, Set<String> modules) throws IOException {
        var key = Runtime.version() + " " + modules;
        var home = cache.resolve("java-" + Integer.toHexString(key.hashCode()));
        if (Files.isExecutable(home.resolve("bin/java"))) {
            return home;
        }
        var jlink = Path.of(System.getProperty("java.home"), "bin", "jlink");
        if (!Files.isExecutable(jlink)) {
            throw new CommandException(
                    jlink + " is not there: set OUTBOARD_JDK to a JDK that has it");
        }
        var work = Files.createTempDirectory(Files.createDirectories(cache), "link");
        try {
            Tool.run(
                    work,
                    List.of(
                            jlink.toString(),
                            "--add-modules",
                            String.join(",", modules),
                            "--strip-debug",
                            "--no-header-files",
                            "--no-man-pages",
                            "--generate-cds-archive",
                            "--output",
                            "java"));
            Folders.delete(home);
            Files.move(work.resolve("java"), home, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Folders.delete(work);
        }
        return home;
    }

    /** A help only: without it each start in the guest takes seconds longer. */
    private static Path archive(Path cache, Path home, List<Path> modules) throws IOException {
        var key = home + " " + modules;
        var archive = cache.resolve("classes-" + Integer.toHexString(key.hashCode()) + ".aot");
        long newest = 0;
        for (var module : modules) {
            if (Files.isDirectory(module)) {
                return null;
            }
            newest = Math.max(newest, Files.getLastModifiedTime(module).toMillis());
        }
        if (Files.exists(archive) && Files.getLastModifiedTime(archive).toMillis() > newest) {
            return archive;
        }
        var work = Files.createTempDirectory(cache, "archive");
        try {
            var fresh = work.resolve("classes.aot");
            var command = new ArrayList<>(new JavaImage(home, modules, null).command());
            command.add(1, "-XX:AOTCacheOutput=" + fresh);
            command.addAll(List.of("doctor", "--json"));
            try {
                Tool.run(work, command);
            } catch (CommandException e) {
                // doctor fails where something is missing, and the archive may be there even so.
                if (!Files.exists(fresh)) {
                    return null;
                }
            }
            if (!Files.exists(fresh)) {
                return null;
            }
            Files.move(fresh, archive, StandardCopyOption.REPLACE_EXISTING);
            return archive;
        } finally {
            Folders.delete(work);
        }
    }

    /** What starts Outboard, up to its words. */
    List<String> command() {
        var command = new ArrayList<String>();
        command.add(home.resolve("bin/java").toString());
        command.addAll(FLAGS);
        if (archive != null) {
            command.add("-XX:AOTCache=" + archive);
        }
        command.add(
                "--module-path="
                        + modules.stream().map(Path::toString).collect(Collectors.joining(":")));
        command.addAll(List.of("-m", MAIN));
        return command;
    }
}
