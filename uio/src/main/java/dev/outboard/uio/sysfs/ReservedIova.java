package dev.outboard.uio.sysfs;

/**
 * IOVA of a group that no memory can be mapped at: a line of {@code reserved_regions}. On x86 that
 * is where messages of interrupts are written.
 *
 * @param first as an unsigned number
 * @param last the last, which belongs to it
 * @param type the kernel's word for it, as {@code msi}
 */
public record ReservedIova(long first, long last, String type) {
    /**
     * Whether memory can be mapped there after all: what firmware left behind, and no device that
     * was given to a process uses.
     */
    public boolean isRelaxable() {
        return type.equals("direct-relaxable");
    }
}
