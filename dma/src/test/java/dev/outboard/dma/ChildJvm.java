package dev.outboard.dma;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/**
 * Runs a main of the tests in a virtual machine of its own, and talks to it line by line. Closing
 * it is kill -9.
 */
public final class ChildJvm implements AutoCloseable {
    private final Process process;
    private final BufferedReader answers;

    /** Starts it, with flags for its virtual machine. */
    public ChildJvm(Class<?> main, List<String> flags, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-XX:+UseSerialGC", "-Xshare:auto"));
        command.addAll(flags);
        command.add("--enable-native-access=ALL-UNNAMED");
        command.addAll(List.of("-cp", String.join(File.pathSeparator, classPath())));
        command.add(main.getName());
        command.addAll(List.of(arguments));
        try {
            process =
                    new ProcessBuilder(command)
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        answers = process.inputReader();
    }

    /** Everything this virtual machine runs from, by module path or class path. */
    private static Set<String> classPath() {
        Set<String> path = new TreeSet<>();
        for (String property : new String[] {"jdk.module.path", "java.class.path"}) {
            for (String part : System.getProperty(property, "").split(File.pathSeparator)) {
                if (!part.isBlank()) {
                    path.add(Path.of(part).toAbsolutePath().toString());
                }
            }
        }
        path.add(Path.of("target", "classes").toAbsolutePath().toString());
        path.add(Path.of("target", "test-classes").toAbsolutePath().toString());
        return path;
    }

    public long pid() {
        return process.pid();
    }

    /** The next line that it prints. */
    public String answer() {
        try {
            String answer = answers.readLine();
            if (answer == null) {
                throw new AssertionError("the process has ended");
            }
            return answer;
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** Sends it a line. */
    public void send(String order) {
        try {
            process.outputWriter().write(order + "\n");
            process.outputWriter().flush();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** Sends it a line, and waits for one. */
    public String ask(String order) {
        send(order);
        return answer();
    }

    /** kill -9, and waits until it has gone. */
    public void kill() throws InterruptedException {
        process.destroyForcibly();
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
            throw new AssertionError("the process does not die");
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
