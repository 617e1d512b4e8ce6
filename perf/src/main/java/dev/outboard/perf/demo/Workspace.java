package dev.outboard.perf.demo;

import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * A folder for sockets and files, and the processes that use them: when it closes, both are gone.
 * One thread, but for the request to stop, which may come from any.
 */
final class Workspace implements AutoCloseable {
    private static final Duration START_LIMIT = Duration.ofSeconds(30);

    private final Path folder;
    private final Deque<OutboardProcess> processes = new ArrayDeque<>();
    private boolean stopping;

    /** A workspace under the system's folder for temporary files; a request to stop ends it. */
    Workspace(StopRequest stop) {
        try {
            folder = Files.createTempDirectory("outboard-demo-");
        } catch (IOException e) {
            throw new UncheckedIOException("no folder for sockets can be made", e);
        }
        stop.onStop(this::terminateAll);
    }

    /** A path in the folder. Short names: a socket's path has at most 107 characters. */
    Path path(String name) {
        return folder.resolve(name);
    }

    /** The words for a port of the network device. */
    List<String> portWords(String name, IommuSetting setting) {
        return List.of("--port", address(name, setting));
    }

    /** The words for a disk device that keeps its content in a file. */
    List<String> diskWords(String name, Path file, IommuSetting setting) {
        return List.of(
                "device",
                "disk",
                "--port",
                address(name, setting),
                "--file",
                file.toString(),
                "--json");
    }

    private String address(String name, IommuSetting setting) {
        var socket = path(name + ".sock").toString();
        return setting.isTranslated()
                ? socket
                        + ",iommu="
                        + (setting.isMediated() ? mediatorDevices() : iommuSocket(name))
                : socket;
    }

    private Path mediatorDevices() {
        return path("mediator.iommu");
    }

    private Path mediatorDrivers() {
        return path("mediator.sock");
    }

    /** Starts a mediator, which owns the memory and the tables of all drivers here. */
    OutboardProcess startMediator() {
        return start(
                "the mediator",
                List.of(
                        "mediator",
                        "--listen",
                        "unix:" + mediatorDrivers(),
                        "--iommu",
                        "unix:" + mediatorDevices(),
                        "--json"));
    }

    private Path iommuSocket(String name) {
        return path(name + ".iommu");
    }

    /** The words that run a client on the driver of a device. */
    List<String> runWords(
            String driver,
            String device,
            IommuSetting setting,
            String client,
            List<String> options) {
        return Children.run(
                driver,
                path(device + ".sock"),
                setting.isMediated() ? mediatorDrivers() : iommuSocket(device),
                setting,
                client,
                options);
    }

    /** Starts {@code outboard}, and waits until it is up. */
    OutboardProcess start(String name, List<String> words) {
        OutboardProcess process;
        synchronized (this) {
            if (stopping) {
                throw new IllegalStateException("stopped");
            }
            process = OutboardProcess.start(name, words);
            processes.push(process);
        }
        process.awaitReady(START_LIMIT);
        return process;
    }

    private synchronized void terminateAll() {
        stopping = true;
        processes.forEach(OutboardProcess::terminate);
    }

    /** Ends processes, the youngest first, and removes the folder. */
    @Override
    public void close() {
        synchronized (this) {
            while (!processes.isEmpty()) {
                processes.pop().close();
            }
        }
        try {
            Files.walkFileTree(folder, new Removal());
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be removed", e);
        }
    }

    private static final class Removal extends SimpleFileVisitor<Path> {
        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path visited, IOException failure)
                throws IOException {
            Files.deleteIfExists(visited);
            return FileVisitResult.CONTINUE;
        }
    }
}
