package dev.outboard.host.control;

import dev.outboard.host.cli.CommandException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The folder in which the control sockets of one user are, each named {@code NAME.PID}: {@code
 * $XDG_RUNTIME_DIR/outboard}, or {@code /tmp/outboard-UID} where that is not set. Nobody else may
 * enter it. Immutable; any thread.
 */
public final class ControlFolder {
    /** What {@code sun_path} takes, without its zero (unix(7)). */
    static final int MOST_PATH_BYTES = 107;

    private static final Set<PosixFilePermission> OWNER_ONLY =
            Set.copyOf(PosixFilePermissions.fromString("rwx------"));
    private static final Path SELF = Path.of("/proc/self");

    private final Path folder;

    /** A folder that may not be there yet; tests take one of their own. */
    public ControlFolder(Path folder) {
        this.folder = folder.toAbsolutePath();
    }

    /** The user's own. */
    public static ControlFolder ofUser() {
        var runtime = System.getenv("XDG_RUNTIME_DIR");
        return new ControlFolder(
                runtime != null && !runtime.isBlank() && Files.isDirectory(Path.of(runtime))
                        ? Path.of(runtime, "outboard")
                        : Path.of("/tmp", "outboard-" + userId()));
    }

    private static int userId() {
        try {
            return (Integer) Files.getAttribute(SELF, "unix:uid");
        } catch (IOException e) {
            throw new CommandException("cannot look at " + SELF + ": is /proc mounted?", e);
        }
    }

    Path folder() {
        return folder;
    }

    /**
     * Where a process listens; makes the folder where there is none, and clears away what killed
     * processes left in it.
     *
     * @throws CommandException if the folder cannot be made, is somebody else's, or open to others
     */
    public Path socket(String name, long processId) {
        make();
        sockets().forEach(this::isAlive);
        var safe = name.replaceAll("[^A-Za-z0-9_.:-]", "_");
        var suffix = "." + processId;
        var room = MOST_PATH_BYTES - bytes(folder) - 1 - suffix.length();
        if (room < 1) {
            throw new CommandException(
                    "the path of " + folder + " is too long for a socket: set XDG_RUNTIME_DIR");
        }
        return folder.resolve(safe.substring(0, Math.min(room, safe.length())) + suffix);
    }

    static int bytes(Path path) {
        return path.toString().getBytes(StandardCharsets.UTF_8).length;
    }

    private void make() {
        try {
            Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
        } catch (FileAlreadyExistsException there) {
            // Made by another process of ours, or by somebody else: looked at next.
        } catch (IOException e) {
            throw new CommandException("cannot make the folder " + folder + ": " + e, e);
        }
        check();
    }

    /** In {@code /tmp} anybody may have made it before us, to see or to steer what we run. */
    private void check() {
        try {
            var found =
                    Files.readAttributes(
                            folder, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            var others = EnumSet.copyOf(found.permissions());
            others.removeAll(OWNER_ONLY);
            if (!found.isDirectory()
                    || !found.owner().equals(Files.getOwner(SELF))
                    || !others.isEmpty()) {
                throw new CommandException(
                        folder
                                + " is not a folder of this user alone: remove it, or set"
                                + " XDG_RUNTIME_DIR, or name the socket with --control unix:PATH");
            }
        } catch (IOException | IllegalArgumentException e) {
            throw new CommandException("cannot look at the folder " + folder + ": " + e, e);
        }
    }

    /** The sockets of what runs, or ran and was killed, by name. None if there is no folder. */
    List<Path> sockets() {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            return List.of();
        }
        check();
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> processId(file) > 0).sorted().toList();
        } catch (IOException e) {
            throw new CommandException("cannot read the folder " + folder + ": " + e, e);
        }
    }

    /** The sockets of what runs, by name. */
    public List<Path> living() {
        return sockets().stream().filter(this::isAlive).toList();
    }

    /** The name before the dot and the process. */
    static String name(Path socket) {
        var file = socket.getFileName().toString();
        return file.substring(0, file.lastIndexOf('.'));
    }

    /** The process that made a socket; 0 if the name says none. */
    static long processId(Path socket) {
        var file = socket.getFileName().toString();
        try {
            return Long.parseLong(file.substring(file.lastIndexOf('.') + 1));
        } catch (NumberFormatException other) {
            return 0;
        }
    }

    /**
     * The socket of what somebody calls so: {@code NAME}, {@code NAME.PID} or {@code unix:PATH}.
     *
     * @throws CommandException if there is none, or more than one; the message lists what there is
     */
    public Path find(String name) {
        if (name.startsWith(ControlOptions.UNIX)) {
            return ControlOptions.path("NAME", name);
        }
        var all = sockets();
        for (var socket : all) {
            if (socket.getFileName().toString().equals(name)) {
                return socket;
            }
        }
        var found =
                all.stream()
                        .filter(socket -> name(socket).equals(name) && isAlive(socket))
                        .toList();
        if (found.size() == 1) {
            return found.getFirst();
        }
        var choice = found.isEmpty() ? living() : found;
        throw new CommandException(
                (found.isEmpty()
                                ? "nothing called '" + name + "' runs here"
                                : found.size() + " are called '" + name + "'")
                        + (choice.isEmpty()
                                ? ": outboard run starts a driver, and one of another user, or with"
                                        + " --control unix:PATH, is named by unix:PATH"
                                : ": take one of "
                                        + String.join(
                                                ", ",
                                                choice.stream()
                                                        .map(path -> path.getFileName().toString())
                                                        .toList())));
    }

    /** Whether the process that made it lives; what another left behind is removed. */
    boolean isAlive(Path socket) {
        if (ProcessHandle.of(processId(socket)).map(ProcessHandle::isAlive).orElse(false)) {
            return true;
        }
        try {
            Files.deleteIfExists(socket);
        } catch (IOException e) {
            throw new CommandException("cannot remove " + socket + ", which nobody uses: " + e, e);
        }
        return false;
    }
}
