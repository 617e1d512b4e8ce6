package dev.outboard.uio;

import dev.outboard.uio.nativecall.ErrorNames;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import jnr.constants.platform.OpenFlags;

/**
 * A node of the kernel's for a device, or a file of sysfs that stands for one: asked by {@code
 * ioctl}, read and written at positions, mapped.
 *
 * <p>Owned by who opened it. Any thread; {@link #control}, {@link #read} and {@link #write}
 * allocate nothing but for an exception, and answer as the kernel does: less than zero is the
 * negated error number, which {@link #failure} makes an exception of. An interface so that a test
 * can be the kernel.
 */
public interface DeviceNode extends AutoCloseable {
    /** What it is, for people: its path. */
    String name();

    /** The descriptor; it stays this object's. */
    Descriptor descriptor();

    /**
     * Asks for something.
     *
     * @param argument a number that is none of an address
     * @return zero or more, or the negated error
     */
    int control(int request, long argument);

    /**
     * The same with a structure, which the kernel may change.
     *
     * @param argument native memory
     */
    int control(int request, MemorySegment argument);

    /** Reads at a position; bytes read, or the negated error. */
    long read(MemorySegment into, long position);

    /** Writes at a position; bytes written, or the negated error. */
    long write(MemorySegment from, long position);

    /**
     * Maps registers.
     *
     * @param offsetBytes a multiple of the page size
     * @throws NativeException if the kernel does not let them be mapped
     */
    Mapping map(long offsetBytes, long lengthBytes, boolean writable);

    @Override
    void close();

    /**
     * Opens a node for reading and writing; its calls do not block.
     *
     * @throws NativeException ENOENT, EACCES, EBUSY, ENODEV
     */
    static DeviceNode open(Path path) {
        return OpenNode.open(path, OpenFlags.O_RDWR);
    }

    /**
     * The same for reading only.
     *
     * @throws NativeException ENOENT, EACCES
     */
    static DeviceNode openToRead(Path path) {
        return OpenNode.open(path, OpenFlags.O_RDONLY);
    }

    /** Takes over a descriptor that another node gave. */
    static DeviceNode adopt(String name, Descriptor descriptor) {
        return new OpenNode(name, descriptor);
    }

    /** The exception for a negated error. */
    static NativeException failure(String call, long answer, String operands) {
        int errno = (int) -answer;
        return new NativeException(call, errno, ErrorNames.of(errno), operands);
    }
}
