package dev.outboard.uio.sysfs;

/**
 * A region of a function as the kernel has placed it: a line of the file {@code resource}.
 *
 * @param index 0 to 5, its base address register
 * @param start the physical address, or the first port
 * @param lengthBytes how long it is
 * @param flags the kernel's, as in its ioport.h
 */
public record PciResource(int index, long start, long lengthBytes, long flags) {
    private static final long PORTS = 0x100;
    private static final long MEMORY = 0x200;
    private static final long PREFETCHABLE = 0x2000;
    private static final long WIDE = 0x10_0000;

    /** Whether it is memory, which can be mapped. */
    public boolean isMemory() {
        return (flags & MEMORY) != 0;
    }

    /** Whether it is ports, which can only be read and written. */
    public boolean isPorts() {
        return (flags & PORTS) != 0;
    }

    /** Whether reading has no side effect. */
    public boolean isPrefetchable() {
        return (flags & PREFETCHABLE) != 0;
    }

    /** Whether it takes two registers. */
    public boolean isWide() {
        return (flags & WIDE) != 0;
    }
}
