package dev.outboard.uio.generic;

import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.NativeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * Where memory of this process really is.
 *
 * <pre>
 *   a word for each page of 4 KiB:   0-54 page frame number   61 of a file   62 swapped   63 there
 * </pre>
 *
 * <p>Source: the kernel's Documentation/admin-guide/mm/pagemap.rst. Any thread; not for data paths.
 */
public final class PageMap implements AutoCloseable {
    private static final Path FILE = Path.of("/proc/self/pagemap");
    private static final int PAGE_SHIFT = 12;
    private static final long FRAME_MASK = (1L << 55) - 1;

    private final DeviceNode file;

    private PageMap(DeviceNode file) {
        this.file = file;
    }

    /**
     * Opens it.
     *
     * @throws NativeException if there is none
     */
    public static PageMap open() {
        return new PageMap(DeviceNode.openToRead(FILE));
    }

    /**
     * The physical address of a byte of memory, which must have been touched, and stay where it is,
     * as huge pages do.
     *
     * @throws IllegalStateException if the kernel does not tell this process
     */
    public long physicalAddress(MemorySegment memory, long offset) {
        long here = memory.asSlice(offset, 1).address();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment word = arena.allocate(ValueLayout.JAVA_LONG);
            long answer = file.read(word, (here >>> PAGE_SHIFT) * Long.BYTES);
            if (answer != Long.BYTES) {
                throw new IllegalStateException(
                        "%s tells nothing of 0x%x: %d".formatted(FILE, here, answer));
            }
            return physicalAddress(word.get(ValueLayout.JAVA_LONG, 0), here);
        }
    }

    static long physicalAddress(long word, long here) {
        if (word >= 0) {
            throw new IllegalStateException(
                    "memory at 0x%x is not there: touch it first".formatted(here));
        }
        long frame = word & FRAME_MASK;
        if (frame == 0) {
            throw new IllegalStateException(
                    FILE
                            + " does not tell where memory is: that takes the capability"
                            + " CAP_SYS_ADMIN (run as root); or bind the device to vfio-pci, which"
                            + " needs neither");
        }
        return (frame << PAGE_SHIFT) + (here & (1 << PAGE_SHIFT) - 1);
    }

    @Override
    public void close() {
        file.close();
    }
}
