package dev.outboard.models;

import dev.outboard.uio.FileAccess;
import dev.outboard.uio.NativeException;
import dev.outboard.virtio.BlockDescriptor;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The file behind a disk, and the lock that keeps other disks off it: shared among read-only ones,
 * exclusive for a writable one.
 *
 * <p>The lock is the process's, and goes when the process closes any descriptor of the file. So
 * there is one disk to a file in a process, and nothing is opened before that is known.
 */
final class DiskFile implements AutoCloseable {
    private static final Set<Object> OPEN = ConcurrentHashMap.newKeySet();

    private final Object key;
    private final FileAccess access;
    private final FileChannel lockChannel;
    private final long sectors;

    private DiskFile(Object key, FileAccess access, FileChannel lockChannel, long sectors) {
        this.key = key;
        this.access = access;
        this.lockChannel = lockChannel;
        this.sectors = sectors;
    }

    /**
     * Opens and locks it.
     *
     * @throws DeviceModelException when it is not there, of the wrong size, or in use
     */
    static DiskFile open(Path path, boolean readOnly) {
        if (!Files.exists(path)) {
            throw new DeviceModelException(
                    "disk file %s does not exist: create it, for instance with truncate -s 1G %s"
                            .formatted(path, path));
        }
        Object key = key(path);
        if (!OPEN.add(key)) {
            throw inUse(path, readOnly);
        }
        FileAccess access = null;
        try {
            access = access(path, readOnly);
            long sectors = sectors(path, access.lengthBytes());
            return new DiskFile(key, access, lock(path, readOnly), sectors);
        } catch (RuntimeException e) {
            if (access != null) {
                access.close();
            }
            OPEN.remove(key);
            throw e;
        }
    }

    /** The same for all names of a file. */
    private static Object key(Path path) {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        } catch (IOException e) {
            throw new DeviceModelException(
                    "disk file " + path + " cannot be looked at: " + e.getMessage(), e);
        }
    }

    private static DeviceModelException inUse(Path path, boolean readOnly) {
        return new DeviceModelException(
                "disk file "
                        + path
                        + " is in use by another disk: stop that one, or give each its own file"
                        + (readOnly
                                ? ""
                                : " (read-only disks of several processes can share one)"));
    }

    private static FileAccess access(Path path, boolean readOnly) {
        try {
            return FileAccess.open(path, !readOnly);
        } catch (NativeException | IllegalArgumentException e) {
            throw new DeviceModelException(
                    "disk file %s cannot be opened for %s: %s"
                            .formatted(path, readOnly ? "reading" : "writing", e.getMessage()),
                    e);
        }
    }

    private static long sectors(Path path, long lengthBytes) {
        if (lengthBytes == 0 || lengthBytes % BlockDescriptor.SECTOR_BYTES != 0) {
            throw new DeviceModelException(
                    "disk file %s has %d bytes, which is no whole number of sectors of %d: %s"
                            .formatted(
                                    path,
                                    lengthBytes,
                                    BlockDescriptor.SECTOR_BYTES,
                                    "set its size with truncate -s"));
        }
        return lengthBytes / BlockDescriptor.SECTOR_BYTES;
    }

    private static FileChannel lock(Path path, boolean readOnly) {
        var mode = readOnly ? StandardOpenOption.READ : StandardOpenOption.WRITE;
        FileChannel channel = null;
        try {
            channel = FileChannel.open(path, mode);
            FileLock lock = channel.tryLock(0, Long.MAX_VALUE, readOnly);
            if (lock != null) {
                return channel;
            }
        } catch (IOException e) {
            close(channel);
            throw new DeviceModelException(
                    "disk file " + path + " cannot be locked: " + e.getMessage(), e);
        }
        close(channel);
        throw inUse(path, readOnly);
    }

    private static void close(FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                throw new DeviceModelException("a lock cannot be given back: " + e.getMessage(), e);
            }
        }
    }

    /** The file's bytes. */
    FileAccess access() {
        return access;
    }

    /** How long the disk is, in sectors. */
    long sectors() {
        return sectors;
    }

    @Override
    public void close() {
        try {
            access.close();
        } finally {
            close(lockChannel);
            OPEN.remove(key);
        }
    }
}
