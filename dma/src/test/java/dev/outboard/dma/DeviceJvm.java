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

/** Runs {@link DeviceProcess} in a virtual machine of its own, and talks to it. */
final class DeviceJvm implements AutoCloseable {
    private final Process process;
    private final BufferedReader answers;

    DeviceJvm(Path socket, String name) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:+UseSerialGC",
                                "-XX:TieredStopAtLevel=1",
                                "-Xshare:auto",
                                "--enable-native-access=ALL-UNNAMED",
                                "-cp",
                                String.join(File.pathSeparator, classPath()),
                                DeviceProcess.class.getName(),
                                socket.toString(),
                                name));
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

    void send(String order) {
        try {
            process.outputWriter().write(order + "\n");
            process.outputWriter().flush();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    String answer() {
        try {
            String answer = answers.readLine();
            if (answer == null) {
                throw new AssertionError("the device process has ended");
            }
            return answer;
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    String ask(String order) {
        send(order);
        return answer();
    }

    /** kill -9, and waits until it has gone. */
    void kill() throws InterruptedException {
        process.destroyForcibly();
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
            throw new AssertionError("the device process does not die");
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
