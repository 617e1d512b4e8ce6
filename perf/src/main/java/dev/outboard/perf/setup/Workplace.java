package dev.outboard.perf.setup;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.process.OutboardProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * A folder for sockets, and the processes that meet there: when it closes, both are gone. One
 * thread, but for the request to stop, which may come from any.
 */
public final class Workplace implements AutoCloseable {
    private final Path folder;
    private final Deque<OutboardProcess> processes = new ArrayDeque<>();
    private boolean stopping;

    /**
     * A workplace under the system's folder for temporary files; a request to stop ends its
     * processes.
     *
     * @param name part of the folder's name; short, as a socket's path has at most 107 characters
     */
    public Workplace(String name, StopRequest stop) {
        try {
            folder = Files.createTempDirectory("outboard-" + name + "-");
        } catch (IOException e) {
            throw new CommandException("no folder for sockets can be made: " + e.getMessage(), e);
        }
        stop.onStop(this::terminateAll);
    }

    /** A path in the folder. */
    public Path path(String name) {
        return folder.resolve(name);
    }

    /** Starts {@code outboard} with these words, and does not wait. */
    public OutboardProcess start(String name, List<String> words) {
        return startBy(name, List.of(), words);
    }

    /** The same by a program that becomes it, as {@code ip netns exec NAME}. */
    public synchronized OutboardProcess startBy(
            String name, List<String> starter, List<String> words) {
        if (stopping) {
            throw new CommandException("stopped before it was done");
        }
        var process = OutboardProcess.startBy(name, starter, words);
        processes.push(process);
        return process;
    }

    /** Where devices attach to whoever is the owner. */
    public Path iommu() {
        return path("iommu");
    }

    /**
     * Where the driver finds its owner: it listens there itself, or a mediator does that is started
     * for it.
     */
    public Path seat(Owner owner) {
        if (owner != Owner.MEDIATOR) {
            return iommu();
        }
        start(
                "the mediator",
                List.of(
                        "mediator",
                        "--listen",
                        "unix:" + path("mediator"),
                        "--iommu",
                        "unix:" + iommu(),
                        "--json"));
        return path("mediator");
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
        try (var files = Files.list(folder)) {
            for (var file : files.toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new CommandException(folder + " cannot be emptied: " + e.getMessage(), e);
        }
        try {
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            throw new CommandException(folder + " cannot be removed: " + e.getMessage(), e);
        }
    }
}
