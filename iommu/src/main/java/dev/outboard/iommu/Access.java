package dev.outboard.iommu;

/**
 * Rights of a device to a page, as bits: what a TCE grants and what a DMA asks for.
 *
 * <p>Named from memory's side, as the table formats do: a device that transmits <em>reads</em>.
 */
public final class Access {
    /** No right at all: the entry is invalid. */
    public static final int NONE = 0;

    /** The device may read memory. */
    public static final int READ = 1;

    /** The device may write memory. */
    public static final int WRITE = 2;

    /** The device may do both. */
    public static final int READ_WRITE = READ | WRITE;

    private Access() {}

    /** The rights in words: {@code none}, {@code read}, {@code write} or {@code read-write}. */
    public static String name(int access) {
        return switch (access & READ_WRITE) {
            case READ -> "read";
            case WRITE -> "write";
            case READ_WRITE -> "read-write";
            default -> "none";
        };
    }
}
