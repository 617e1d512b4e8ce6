package dev.outboard.perf.guest;

import dev.outboard.host.cli.CommandException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Programs of this machine, run to their end. Stateless. */
final class Tool {
    private Tool() {}

    /** Where a program is, of the PATH and of where only root's PATH leads. */
    static Optional<Path> find(String program) {
        var path = Optional.ofNullable(System.getenv("PATH")).orElse("/usr/bin:/bin");
        return Stream.concat(Stream.of(path.split(":")), Stream.of("/usr/sbin", "/sbin"))
                .filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, program))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /**
     * Where a program is that there must be.
     *
     * @throws CommandException if it is not there, with the package it is in
     */
    static Path require(String program, String packageName) {
        return find(program)
                .orElseThrow(
                        () ->
                                new CommandException(
                                        "%s is not installed: apt-get install %s"
                                                .formatted(program, packageName)));
    }

    /**
     * Runs a program in a folder and waits.
     *
     * @return what it said, standard error left out
     * @throws CommandException if it fails, with the last that it said
     */
    static String run(Path folder, List<String> command) {
        try {
            var process =
                    new ProcessBuilder(command)
                            .directory(folder.toFile())
                            .redirectInput(
                                    ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
                            .redirectErrorStream(false)
                            .redirectError(
                                    ProcessBuilder.Redirect.appendTo(errors(folder).toFile()))
                            .start();
            var said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            var code = process.waitFor();
            if (code != 0) {
                throw new CommandException(
                        "%s failed with exit code %d: %s"
                                .formatted(command.getFirst(), code, last(folder, said)));
            }
            return said;
        } catch (IOException e) {
            throw new CommandException(command.getFirst() + " could not be run: " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException("interrupted while " + command.getFirst() + " ran", e);
        }
    }

    private static Path errors(Path folder) {
        return folder.resolve("errors.log");
    }

    private static String last(Path folder, String said) throws IOException {
        var file = errors(folder);
        var text = Files.exists(file) ? Files.readString(file) : "";
        return (text.isBlank() ? said : text).strip().lines().reduce("", (first, next) -> next);
    }
}
