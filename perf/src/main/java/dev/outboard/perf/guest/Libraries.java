package dev.outboard.perf.guest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** The C library and what else programs are linked to. Stateless. */
final class Libraries {
    private static final Pattern LINE =
            Pattern.compile("\\s*(?:\\S+ => )?(/\\S+) \\(0x[0-9a-f]+\\)");

    private Libraries() {}

    /** What a Java runtime is linked to outside its own folder. */
    static Set<Path> of(Path home, Path work) throws IOException {
        List<String> command = new ArrayList<>(List.of("ldd", home.resolve("bin/java").toString()));
        try (var files = Files.walk(home.resolve("lib"))) {
            files.map(Path::toString).filter(name -> name.endsWith(".so")).forEach(command::add);
        }
        var found = new TreeSet<Path>();
        for (var line : Tool.run(work, command).split("\n")) {
            var matcher = LINE.matcher(line);
            if (matcher.matches() && !matcher.group(1).startsWith(home.toString())) {
                found.add(Path.of(matcher.group(1)));
            }
        }
        return found;
    }
}
