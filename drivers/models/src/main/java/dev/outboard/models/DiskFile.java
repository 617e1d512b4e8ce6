package dev.outboard.models;

import dev.outboard.uio.FileAccess;
import dev.outboard.uio.NativeException;
import dev.outboard.virtio.BlockDescriptor;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The file behind a disk, and the lock that keeps other disks off it: shared among read-only ones,
 * exclusive for a writable one.
 */
final class DiskFile implements AutoCloseable {
    private final FileAccess access;
    private final FileChannel lockChannel;
    private final long sectors;

    private DiskFile(FileAccess access, FileChannel lockChannel, long sectors) {
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
        FileAccess access = access(path, readOnly);
        try {
            return new DiskFile(access, lock(path, readOnly), sectors(path, access.lengthBytes()));
        } catch (RuntimeException e) {
            access.close();
            throw e;
        }
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
        } catch (OverlappingFileLockException e) {
            // Another disk in this very process has it.
        } catch (IOException e) {
            close(channel);
            throw new DeviceModelException(
                    "disk file " + path + " cannot be locked: " + e.getMessage(), e);
        }
        close(channel);
        throw new DeviceModelException(
                "disk file "
                        + path
                        + " is in use by another disk: stop that one, or give each its own file"
                        + (readOnly ? "" : " (read-only disks can share one)"));
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
        }
    }
}
