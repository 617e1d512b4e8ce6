package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.ErrorNames;
import dev.outboard.uio.nativecall.FileCalls;
import dev.outboard.uio.nativecall.StatxDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.file.Path;
import jnr.constants.platform.OpenFlags;

/**
 * A file or block device, read and written at a position, straight from and to native memory: what
 * a disk model stands on.
 *
 * <p>Owns its descriptor. Any thread; the calls block.
 */
public final class FileAccess implements AutoCloseable {
    private static final int SEEK_END = 2;

    private final Descriptor descriptor;
    private final Path path;

    private FileAccess(Descriptor descriptor, Path path) {
        this.descriptor = descriptor;
        this.path = path;
    }

    /**
     * Opens an existing file or block device.
     *
     * @throws NativeException ENOENT, EACCES, EROFS
     * @throws IllegalArgumentException when it is neither
     */
    public static FileAccess open(Path path, boolean writable) {
        int mode = writable ? OpenFlags.O_RDWR.intValue() : OpenFlags.O_RDONLY.intValue();
        // Without O_NONBLOCK, to open a FIFO would wait for its other end.
        int flags = mode | OpenFlags.O_CLOEXEC.intValue() | OpenFlags.O_NONBLOCK.intValue();
        int number = ControlCalls.open(path.toString(), flags, 0);
        Descriptor descriptor = Descriptor.adopt(Failures.check(number, "open", path));
        try {
            int type = FileStatus.of(descriptor).type();
            if (type != StatxDescriptor.TYPE_REGULAR && type != StatxDescriptor.TYPE_BLOCK) {
                throw new IllegalArgumentException("not a file nor a block device: " + path);
            }
            return new FileAccess(descriptor, path);
        } catch (RuntimeException failed) {
            descriptor.close();
            throw failed;
        }
    }

    /** The descriptor; it stays this object's. */
    public Descriptor descriptor() {
        return descriptor;
    }

    /** How long the file or device is now. */
    public long lengthBytes() {
        long end = ControlCalls.lseek(descriptor.number(), 0, SEEK_END);
        if (end < 0) {
            throw Failures.failure("lseek", end, path.toString());
        }
        return end;
    }

    /**
     * Reads, until everything or the end of the file was read.
     *
     * @return how many bytes
     * @throws NativeException EIO and its like
     */
    public long read(MemorySegment into, long offset, long lengthBytes, long position) {
        MemorySegment left = into.asSlice(offset, lengthBytes);
        long done = 0;
        while (done < lengthBytes) {
            long part =
                    FileCalls.read(
                            descriptor.number(),
                            done == 0 ? left : left.asSlice(done),
                            position + done);
            if (part == 0) {
                break;
            }
            done += transferred(part, "pread", position + done, lengthBytes - done);
        }
        return done;
    }

    /**
     * Writes everything.
     *
     * @throws NativeException EIO, ENOSPC and their like; then some of it may have been written
     */
    public void write(MemorySegment from, long offset, long lengthBytes, long position) {
        MemorySegment left = from.asSlice(offset, lengthBytes);
        long done = 0;
        while (done < lengthBytes) {
            long part =
                    FileCalls.write(
                            descriptor.number(),
                            done == 0 ? left : left.asSlice(done),
                            position + done);
            done += transferred(part, "pwrite", position + done, lengthBytes - done);
        }
    }

    /**
     * Reads into the list's pieces, until they are full or the file ends. Consumes the list.
     *
     * @return how many bytes
     */
    public long read(IoVector into, long position) {
        into.requireAlive();
        long done = 0;
        while (into.lengthBytes() > 0) {
            long part =
                    FileCalls.readVector(
                            descriptor.number(),
                            into.remaining(),
                            into.remainingCount(),
                            position + done);
            if (part == 0) {
                break;
            }
            long moved = transferred(part, "preadv", position + done, into.lengthBytes());
            into.advance(moved);
            done += moved;
        }
        Reference.reachabilityFence(into);
        return done;
    }

    /** Writes all of the list's pieces. Consumes the list. */
    public void write(IoVector from, long position) {
        from.requireAlive();
        long done = 0;
        while (from.lengthBytes() > 0) {
            long part =
                    FileCalls.writeVector(
                            descriptor.number(),
                            from.remaining(),
                            from.remainingCount(),
                            position + done);
            long moved = transferred(part, "pwritev", position + done, from.lengthBytes());
            from.advance(moved);
            done += moved;
        }
        Reference.reachabilityFence(from);
    }

    /** The bytes of one call: 0 when it was interrupted and is to be made again. */
    private long transferred(long answer, String call, long position, long lengthBytes) {
        if (answer == -ErrorNames.EINTR) {
            return 0;
        }
        if (answer < 0) {
            throw Failures.failure(
                    call,
                    answer,
                    "%s, position=0x%x, length=0x%x".formatted(path, position, lengthBytes));
        }
        return answer;
    }

    /** Waits until everything written is on the medium: fdatasync. */
    public void flush() {
        int answer;
        do {
            answer = FileCalls.dataSync(descriptor.number());
        } while (answer == -ErrorNames.EINTR);
        Failures.check(answer, "fdatasync", path);
    }

    /**
     * Gives a range back to the file system; it then reads as zeroes.
     *
     * @return false when the file system cannot do that, and nothing was changed
     */
    public boolean discard(long position, long lengthBytes) {
        return allocate(FileCalls.PUNCH_HOLE | FileCalls.KEEP_SIZE, position, lengthBytes);
    }

    /**
     * Makes a range read as zeroes, and keeps it allocated.
     *
     * @return false when the file system cannot do that, and nothing was changed: then write them
     */
    public boolean writeZeroes(long position, long lengthBytes) {
        return allocate(FileCalls.ZERO_RANGE | FileCalls.KEEP_SIZE, position, lengthBytes);
    }

    private boolean allocate(int mode, long position, long lengthBytes) {
        int answer;
        do {
            answer = FileCalls.allocate(descriptor.number(), mode, position, lengthBytes);
        } while (answer == -ErrorNames.EINTR);
        if (answer == -ErrorNames.EOPNOTSUPP) {
            return false;
        }
        if (answer < 0) {
            throw Failures.failure(
                    "fallocate",
                    answer,
                    "%s, mode=0x%x, position=0x%x, length=0x%x"
                            .formatted(path, mode, position, lengthBytes));
        }
        return true;
    }

    @Override
    public void close() {
        descriptor.close();
    }
}
