package dev.outboard.uio.vhost;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A program that we did not write, started for a test. If it is not installed the test is skipped
 * and says so; where the environment has CI, it must be there.
 */
public final class PeerProcess implements AutoCloseable {
    private final Process process;
    private final Path output;

    private PeerProcess(Process process, Path output) {
        this.process = process;
        this.output = output;
    }

    /** Skips the test if a program is not on the PATH; where the environment has CI, it fails. */
    public static void require(String program) {
        boolean installed =
                Stream.of(System.getenv("PATH").split(File.pathSeparator))
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
        if (!installed && System.getenv("CI") != null) {
            throw new AssertionError(program + " must be installed where CI is set");
        }
        assumeTrue(installed, program + " is not installed: interoperation with it is not tried");
    }

    /** Starts a program of the PATH; its output goes to a file in the directory. */
    public static PeerProcess start(Path directory, String program, List<String> arguments) {
        require(program);
        try {
            Path output = Files.createTempFile(directory, program, ".log");
            List<String> command = Stream.concat(Stream.of(program), arguments.stream()).toList();
            Process process =
                    new ProcessBuilder(command)
                            .directory(directory.toFile())
                            .redirectErrorStream(true)
                            .redirectOutput(output.toFile())
                            .start();
            return new PeerProcess(process, output);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    /** What it has said so far. */
    public String output() {
        try {
            return Files.readString(output);
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** As {@code kill -9}: it has no chance to say good-bye. */
    public void kill() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor(10, TimeUnit.SECONDS);
    }

    /** Asks it to end, then insists. */
    @Override
    public void close() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(5, TimeUnit.SECONDS)) {
            kill();
        }
    }
}
