package dev.outboard.perf.setup;

import dev.outboard.host.cli.CommandException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.locks.LockSupport;

/**
 * Where the memory is by which driver and device talk, which the device must be told by other
 * means: a file with the IOVA, and a number that counts what was published. One thread on either
 * side.
 */
public final class IovaFile {
    private static final long PAUSE_NANOS = 500_000;

    private final Path file;
    private long number;

    /** Nothing is read or written yet. */
    public IovaFile(Path file) {
        this.file = file;
    }

    /** The driver has new memory. */
    public void publish(long iova) {
        number++;
        var fresh = file.resolveSibling(file.getFileName() + ".new");
        try {
            Files.writeString(fresh, number + " " + iova);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new CommandException("cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    /**
     * The IOVA of the next memory, which the device waits for.
     *
     * @return the IOVA, or -1 if none came in time
     */
    public long awaitNext(long timeoutNanos) {
        long deadline = System.nanoTime() + timeoutNanos;
        while (System.nanoTime() - deadline < 0) {
            try {
                var words = Files.readString(file).split(" ");
                long found = Long.parseLong(words[0]);
                if (found != number) {
                    number = found;
                    return Long.parseLong(words[1]);
                }
            } catch (NoSuchFileException notYet) {
                // The driver is not that far.
            } catch (IOException e) {
                throw new CommandException("cannot read " + file + ": " + e.getMessage(), e);
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        return -1;
    }
}
