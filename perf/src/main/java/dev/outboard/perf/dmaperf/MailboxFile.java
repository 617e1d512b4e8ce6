package dev.outboard.perf.dmaperf;

import dev.outboard.host.cli.CommandException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.locks.LockSupport;

/**
 * Where the mailbox is, which the device must be told by other means than the mailbox: a file with
 * the IOVA and a number that counts the mailboxes. One thread on either side.
 */
final class MailboxFile {
    private static final long PAUSE_NANOS = 500_000;

    private final Path file;
    private long number;

    MailboxFile(Path file) {
        this.file = file;
    }

    /** The driver has a new mailbox. */
    void publish(long iova) {
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
     * The IOVA of the next mailbox, which the device waits for.
     *
     * @return the IOVA, or -1 if none came in time
     */
    long awaitNext(long timeoutNanos) {
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
