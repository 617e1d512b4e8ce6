package dev.outboard.uio.vfio;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What devices reach behind the kernel's IOMMU: memory of this process, by IOVA, whole pages.
 *
 * <p>Any thread. {@link #map} and {@link #unmap} allocate nothing; the kernel locks the memory, and
 * does one of them at a time, so that a lock here costs nothing more. Closing it unmaps everything,
 * after the functions attached to it were closed.
 */
public interface AddressSpace extends AutoCloseable {
    /** The device may read. */
    int READ = 1;

    /** The device may write. */
    int WRITE = 2;

    /**
     * Lets devices reach memory; when this returns they do.
     *
     * @param here native memory, which stays mapped in this process until {@link #unmap}
     * @param offset of the run in it, so that it begins with a page
     * @param access {@link #READ}, {@link #WRITE}
     * @throws IndexOutOfBoundsException if the run is not in the memory
     * @return false where there are as many mappings as the kernel allows, and nothing was mapped
     * @throws VfioException if the memory cannot be locked, or is mapped already, or the IOVA is
     *     none that can be mapped
     */
    boolean map(long iova, MemorySegment here, long offset, long lengthBytes, int access);

    /**
     * Takes mappings away, whole ones; when this returns devices do not reach them.
     *
     * @return bytes that were mapped there
     * @throws VfioException if one would be cut into two
     */
    long unmap(long iova, long lengthBytes);

    /** Takes everything away. */
    void unmapAll();

    /** What can be mapped, of the device that can do least, by rising IOVA. */
    List<IovaRange> ranges();

    /** The smallest piece that can be mapped. */
    long pageBytes();

    /** How many more mappings the kernel allows, or {@link Integer#MAX_VALUE} where it is many. */
    int left();

    /** What it is, for people. */
    String describe();

    @Override
    void close();
}
