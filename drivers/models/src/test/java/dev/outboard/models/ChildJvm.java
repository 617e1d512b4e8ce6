package dev.outboard.models;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** A class of the tests in a virtual machine of its own. */
final class ChildJvm implements AutoCloseable {
    private final Process process;

    ChildJvm(Class<?> main, List<String> arguments) throws IOException {
        this(List.of(), main, arguments);
    }

    /** One that can open no more descriptors than {@code limit}. */
    static ChildJvm limited(int limit, Class<?> main, List<String> arguments) throws IOException {
        var shell = List.of("sh", "-c", "ulimit -n " + limit + " && exec \"$@\"", "sh");
        return new ChildJvm(shell, main, arguments);
    }

    private ChildJvm(List<String> prefix, Class<?> main, List<String> arguments)
            throws IOException {
        var command = new ArrayList<>(prefix);
        command.addAll(
                List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Xshare:auto",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        String.join(File.pathSeparator, classPath()),
                        main.getName()));
        command.addAll(arguments);
        process =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    /** Everything this virtual machine runs from, by module path or class path. */
    private static Set<String> classPath() {
        var path = new TreeSet<String>();
        for (var property : List.of("jdk.module.path", "java.class.path")) {
            for (var part : System.getProperty(property, "").split(File.pathSeparator)) {
                if (!part.isBlank()) {
                    path.add(Path.of(part).toAbsolutePath().toString());
                }
            }
        }
        path.add(Path.of("target", "classes").toAbsolutePath().toString());
        path.add(Path.of("target", "test-classes").toAbsolutePath().toString());
        return path;
    }

    /** The next line that it prints. */
    String line() throws IOException {
        return process.inputReader().readLine();
    }

    /** Sends it a line. */
    void order(String line) throws IOException {
        process.outputWriter().write(line + "\n");
        process.outputWriter().flush();
    }

    /** kill -9; returns when it is gone. */
    void kill() throws InterruptedException {
        process.destroyForcibly();
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
            throw new AssertionError("the process does not die");
        }
    }

    @Override
    public void close() throws InterruptedException {
        kill();
    }
}
