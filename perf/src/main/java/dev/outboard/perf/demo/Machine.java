package dev.outboard.perf.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What this machine is, and what runs on it: the context without which a figure says nothing. */
final class Machine {
    private static final long KIB = 1024;

    private Machine() {}

    static Map<String, Object> describe() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("processor", field("/proc/cpuinfo", "model name"));
        fields.put("processors", Runtime.getRuntime().availableProcessors());
        var memory = field("/proc/meminfo", "MemTotal").replaceAll("[^0-9]", "");
        fields.put("memoryBytes", memory.isEmpty() ? null : Long.parseLong(memory) * KIB);
        fields.put("architecture", System.getProperty("os.arch"));
        return fields;
    }

    static Map<String, Object> versions() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put(
                "outboard",
                Machine.class.getModule().getDescriptor() == null
                        ? "unpackaged"
                        : Machine.class
                                .getModule()
                                .getDescriptor()
                                .rawVersion()
                                .orElse("unpackaged"));
        fields.put("java", Runtime.version().toString());
        fields.put("vm", System.getProperty("java.vm.name"));
        fields.put("linux", System.getProperty("os.version"));
        return fields;
    }

    /**
     * The first value of a field of a file of lines {@code name : value}; empty if there is none.
     */
    private static String field(String file, String name) {
        try (var lines = Files.lines(Path.of(file))) {
            return lines.filter(line -> line.startsWith(name))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("");
        } catch (IOException e) {
            return "";
        }
    }
}
