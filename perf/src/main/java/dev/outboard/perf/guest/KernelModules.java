package dev.outboard.perf.guest;

import dev.outboard.host.cli.CommandException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Modules of a kernel that was not set up: what needs what is read from the modules themselves, as
 * depmod does. One thread.
 */
final class KernelModules {
    private static final Pattern FILE = Pattern.compile("(.+)\\.ko(\\.xz|\\.zst|\\.gz)?");
    private static final byte[] DEPENDS = "\0depends=".getBytes(StandardCharsets.US_ASCII);
    private static final Map<String, String> UNPACKERS =
            Map.of(".xz", "xz", ".zst", "zstd", ".gz", "gzip");

    private final Map<String, Path> files = new TreeMap<>();
    private final String builtIn;

    /**
     * The modules below a folder.
     *
     * @param folder as {@code /lib/modules/6.1.0-56-amd64}
     */
    KernelModules(Path folder) throws IOException {
        try (var all = Files.walk(folder.resolve("kernel"))) {
            all.forEach(
                    file -> {
                        var matcher = FILE.matcher(file.getFileName().toString());
                        if (matcher.matches()) {
                            files.put(normal(matcher.group(1)), file);
                        }
                    });
        }
        var list = folder.resolve("modules.builtin");
        builtIn = Files.exists(list) ? normal(Files.readString(list)) : "";
    }

    private static String normal(String name) {
        return name.replace('-', '_');
    }

    /**
     * A module, as the kernel takes it.
     *
     * @param name with underscores
     * @param bytes unpacked
     * @param needs the modules that are loaded before it
     */
    record Module(String name, byte[] bytes, List<String> needs) {}

    /**
     * Modules and all that they need, in an order in which they can be loaded; those that are built
     * into the kernel left out.
     *
     * @throws CommandException if the kernel does not have one
     */
    List<Module> closure(List<String> names) throws IOException {
        var found = new LinkedHashMap<String, Module>();
        for (var name : names) {
            add(normal(name), found);
        }
        return List.copyOf(found.values());
    }

    private void add(String name, Map<String, Module> found) throws IOException {
        if (found.containsKey(name) || builtIn.contains("/" + name + ".ko")) {
            return;
        }
        var file = files.get(name);
        if (file == null) {
            throw new CommandException(
                    "the kernel has no module %s: take Debian's linux-image-amd64, or another by"
                                    .formatted(name)
                            + " --kernel and --modules");
        }
        var bytes = unpacked(file);
        var needs = needs(bytes);
        for (var need : needs) {
            add(need, found);
        }
        found.put(name, new Module(name, bytes, needs));
    }

    private static byte[] unpacked(Path file) throws IOException {
        var matcher = FILE.matcher(file.getFileName().toString());
        if (!matcher.matches() || matcher.group(2) == null) {
            return Files.readAllBytes(file);
        }
        var program = UNPACKERS.get(matcher.group(2));
        var process =
                new ProcessBuilder(program, "-dc", file.toString())
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
        return process.getInputStream().readAllBytes();
    }

    /** The section .modinfo is texts that end in zero bytes; one of them begins so. */
    static List<String> needs(byte[] module) {
        for (int at = 0; at <= module.length - DEPENDS.length; at++) {
            if (module[at] == 0 && matches(module, at)) {
                int from = at + DEPENDS.length;
                int end = from;
                while (end < module.length && module[end] != 0) {
                    end++;
                }
                var text = new String(module, from, end - from, StandardCharsets.US_ASCII);
                return text.isEmpty() ? List.of() : List.of(normal(text).split(","));
            }
        }
        return List.of();
    }

    private static boolean matches(byte[] module, int at) {
        for (int i = 0; i < DEPENDS.length; i++) {
            if (module[at + i] != DEPENDS[i]) {
                return false;
            }
        }
        return true;
    }
}
