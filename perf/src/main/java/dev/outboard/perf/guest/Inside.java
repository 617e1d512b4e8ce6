package dev.outboard.perf.guest;

import dev.outboard.host.cli.Outboard;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The hands of the checks, in the guest. A start of Java costs seconds there, so commands run in
 * this process, one after the other; what is about processes starts some. One thread.
 */
final class Inside {
    private Inside() {}

    /** Runs {@code outboard} with these words, in this process. */
    static Said outboard(String... words) {
        var standard = System.out;
        var out = new ByteArrayOutputStream();
        var err = new StringWriter();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            var code = Outboard.execute(new PrintWriter(err, true), words);
            return new Said(
                    "outboard " + String.join(" ", words),
                    code,
                    out.toString(StandardCharsets.UTF_8),
                    err.toString());
        } finally {
            System.setOut(standard);
        }
    }

    /** Runs a driver with its client over VFIO, or UIO, to the client's end. */
    static Said drive(String driver, String place, String client, String... more) {
        var words =
                new ArrayList<>(
                        List.of("run", driver, "--device", "pci:" + place, "--client", client));
        words.addAll(List.of("--json", "--no-control"));
        words.addAll(List.of(more));
        return outboard(words.toArray(String[]::new));
    }

    /** Runs a line of a shell. */
    static Said shell(String line) throws IOException, InterruptedException {
        var errors = File.createTempFile("shell", ".err");
        var process =
                new ProcessBuilder("sh", "-c", line)
                        .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                        .redirectError(errors)
                        .start();
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        var code = process.waitFor();
        var error = Files.readString(errors.toPath());
        Files.delete(errors.toPath());
        return new Said(line, code, output, error);
    }

    /** Whether a function may reach memory: the bit of a bus master in its command register. */
    static boolean isBusMaster(String place) throws IOException {
        var config = Files.readAllBytes(Path.of("/sys/bus/pci/devices", place, "config"));
        return (config[4] & 1 << 2) != 0;
    }

    static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new CheckFailure(otherwise);
        }
    }
}
