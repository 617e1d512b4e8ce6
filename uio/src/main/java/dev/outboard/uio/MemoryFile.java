package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.StatxDescriptor;
import java.util.List;

/**
 * Memory that other processes can map: a {@code memfd}, or a file received from a peer.
 *
 * <p>Owns its descriptor; mappings live on when it is closed. Any thread.
 */
public final class MemoryFile implements AutoCloseable {
    private static final int MFD_CLOEXEC = 0x1;
    private static final int MFD_ALLOW_SEALING = 0x2;
    private static final int MFD_HUGETLB = 0x4;
    private static final int MFD_HUGE_SHIFT = 26;
    private static final int F_ADD_SEALS = 1033;
    private static final int F_GET_SEALS = 1034;
    private static final int F_SEAL_SHRINK = 0x2;
    private static final int F_SEAL_GROW = 0x4;
    private static final int F_SEAL_FUTURE_WRITE = 0x10;

    private final Descriptor descriptor;
    private final long lengthBytes;
    private final int blockBytes;

    private MemoryFile(Descriptor descriptor, long lengthBytes, int blockBytes) {
        this.descriptor = descriptor;
        this.lengthBytes = lengthBytes;
        this.blockBytes = blockBytes;
    }

    /**
     * New memory, zeroed, close-on-exec, that may still be sealed.
     *
     * @param name for people who look into {@code /proc}; at most 249 bytes
     * @param lengthBytes more than zero; page-aligned to be of use
     * @throws NativeException ENOMEM, EMFILE
     */
    public static MemoryFile create(String name, long lengthBytes) {
        return create(name, lengthBytes, 0);
    }

    /**
     * The same, of huge pages that the administrator has reserved. Whether there are enough is
     * found when it is mapped, which takes all of them.
     *
     * @param pageShift log2 of the bytes of a page, a size that the processor has
     * @param lengthBytes a multiple of that
     * @throws NativeException ENODEV or EINVAL if the kernel has no pages of that size, ENOMEM
     */
    public static MemoryFile createHuge(String name, long lengthBytes, int pageShift) {
        if ((lengthBytes & (1L << pageShift) - 1) != 0) {
            throw new IllegalArgumentException(
                    "lengthBytes=0x%x is not whole pages of 0x%x bytes"
                            .formatted(lengthBytes, 1L << pageShift));
        }
        return create(name, lengthBytes, pageShift);
    }

    private static MemoryFile create(String name, long lengthBytes, int pageShift) {
        if (lengthBytes <= 0) {
            throw new IllegalArgumentException(
                    "a memory file needs a length: lengthBytes=" + lengthBytes);
        }
        int huge = pageShift == 0 ? 0 : MFD_HUGETLB | pageShift << MFD_HUGE_SHIFT;
        int number = ControlCalls.memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | huge);
        Descriptor descriptor = Descriptor.adopt(Failures.check(number, "memfd_create", name));
        int answer = ControlCalls.ftruncate(number, lengthBytes);
        if (answer < 0) {
            descriptor.close();
            throw Failures.failure(
                    "ftruncate", answer, name + ", 0x" + Long.toHexString(lengthBytes));
        }
        return new MemoryFile(descriptor, lengthBytes, pageShift == 0 ? 0 : 1 << pageShift);
    }

    /** A file without a byte, sealed so: whatever maps it reaches nothing. */
    static MemoryFile empty(String name) {
        int number = ControlCalls.memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        Descriptor descriptor = Descriptor.adopt(Failures.check(number, "memfd_create", name));
        MemoryFile file = new MemoryFile(descriptor, 0, 0);
        try {
            file.sealSize();
            return file;
        } catch (NativeException failure) {
            file.close();
            throw failure;
        }
    }

    /**
     * Takes ownership of a file received from a peer, also when this fails. The length is asked of
     * the kernel, never of the peer.
     *
     * @throws NativeException when the descriptor is of no file
     */
    public static MemoryFile adopt(Descriptor received) {
        try {
            FileStatus status = FileStatus.of(received);
            if (status.type() != StatxDescriptor.TYPE_REGULAR) {
                throw new IllegalArgumentException(
                        "not a file that can be mapped: mode=0x"
                                + Integer.toHexString(status.mode()));
            }
            return new MemoryFile(received, status.lengthBytes(), status.blockBytes());
        } catch (RuntimeException failed) {
            received.close();
            throw failed;
        }
    }

    /** The descriptor, to pass it on; it stays this object's. */
    public Descriptor descriptor() {
        return descriptor;
    }

    /** Which file it is: the same for all descriptors of it. */
    public Identity identity() {
        FileStatus status = FileStatus.of(descriptor);
        return new Identity(status.device(), status.inode());
    }

    /**
     * What tells a file from every other that is open.
     *
     * @param device the file system's
     * @param inode its number in there
     */
    public record Identity(long device, long inode) {}

    /** Its length when it was made or received; only a sealed size stays. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /**
     * Maps a part of it.
     *
     * @param offsetBytes where it begins; need not be page-aligned
     * @param lengthBytes more than zero, and within the file
     * @param writable whether this process may write there
     * @throws IndexOutOfBoundsException when the part is not within the file
     * @throws NativeException EACCES or EPERM when writing was sealed, ENOMEM
     */
    public Mapping map(long offsetBytes, long lengthBytes, boolean writable) {
        requireWithin(offsetBytes, lengthBytes);
        return Mapping.of(descriptor, offsetBytes, lengthBytes, writable, blockBytes);
    }

    /**
     * Maps all of it, writable, so that the kernel can join its pages to huge ones: aligned for
     * them, and asked for them. Whether it does is the kernel's affair.
     *
     * @throws NativeException as {@link #map}
     */
    public Mapping mapForHugePages() {
        return Mapping.forHugePages(descriptor, lengthBytes);
    }

    /**
     * Maps all of several files, writable, one after the other as one piece of memory.
     *
     * @param files of pages of one size, each of at least one
     * @param pageBytes that size
     * @throws NativeException as {@link #map}
     */
    public static Mapping mapJoined(List<MemoryFile> files, long pageBytes) {
        return Mapping.joined(files, pageBytes);
    }

    /**
     * Gives the memory of a part back to the kernel, whoever has it mapped: it reads as zeros then,
     * and takes memory again where it is written.
     *
     * @param offsetBytes and {@code lengthBytes}: whole pages of the file
     * @throws IndexOutOfBoundsException when the part is not within the file
     * @throws NativeException EPERM when writing was sealed
     */
    public void punchHole(long offsetBytes, long lengthBytes) {
        requireWithin(offsetBytes, lengthBytes);
        Failures.check(
                ControlCalls.punchHole(descriptor.number(), offsetBytes, lengthBytes),
                "fallocate(PUNCH_HOLE)",
                "%s, offset=0x%x, length=0x%x".formatted(descriptor, offsetBytes, lengthBytes));
    }

    private void requireWithin(long offsetBytes, long lengthBytes) {
        if (lengthBytes <= 0
                || offsetBytes < 0
                || offsetBytes > this.lengthBytes
                || lengthBytes > this.lengthBytes - offsetBytes) {
            throw new IndexOutOfBoundsException(
                    "offsetBytes=0x%x lengthBytes=0x%x of a file of 0x%x bytes"
                            .formatted(offsetBytes, lengthBytes, this.lengthBytes));
        }
    }

    /** Fixes the size for good: who maps this file cannot be made to take a SIGBUS. */
    public void sealSize() {
        seal(F_SEAL_SHRINK | F_SEAL_GROW);
    }

    /** Makes every later mapping read-only, in any process; writable ones that exist stay so. */
    public void sealFutureWrites() {
        seal(F_SEAL_FUTURE_WRITE);
    }

    /** Whether nobody can shrink it any more; false for files that know no seals. */
    public boolean isSizeSealed() {
        int seals = ControlCalls.fcntl(descriptor.number(), F_GET_SEALS, 0);
        return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
    }

    private void seal(int seals) {
        int answer = ControlCalls.fcntl(descriptor.number(), F_ADD_SEALS, seals);
        Failures.check(answer, "fcntl(F_ADD_SEALS)", "seals=0x" + Integer.toHexString(seals));
    }

    @Override
    public void close() {
        descriptor.close();
    }
}
