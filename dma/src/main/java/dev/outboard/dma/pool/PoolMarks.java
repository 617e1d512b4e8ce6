package dev.outboard.dma.pool;

/**
 * How full a pool is kept, in pages.
 *
 * @param low under it the refill thread fills up, and who may sleep is slowed down
 * @param high above it pages go back to the physical memory
 * @param reserve what only takers that may not block get: who may sleep leaves so many
 * @param startUp pages that a new pool begins with
 */
public record PoolMarks(int low, int high, int reserve, int startUp) {
    /** The highest mark there may be. */
    public static final int MOST_PAGES = 8192;

    private static final int MEMORY_SHARE = 256;
    private static final int FEWEST_LOW = 128;
    private static final int MOST_START_UP = 2048;
    private static final int MOST_LOW = 512;
    private static final int HIGH_TIMES = 4;

    /** A small memory is not for its pool alone. */
    private static final int SMALL_MEMORY_SHARE = 8;

    /**
     * @throws IllegalArgumentException unless 0 ≤ reserve &lt; low &lt; high ≤ {@link #MOST_PAGES}
     *     and 0 ≤ startUp ≤ high
     */
    public PoolMarks {
        boolean inOrder = 0 <= reserve && reserve < low && low < high && high <= MOST_PAGES;
        if (!inOrder || startUp < 0 || startUp > high) {
            throw new IllegalArgumentException(
                    ("marks low=%d high=%d reserve=%d startUp=%d are not 0 <= reserve < low < high"
                                    + " <= %d with 0 <= startUp <= high")
                            .formatted(low, high, reserve, startUp, MOST_PAGES));
        }
    }

    /**
     * The marks of OpenBSD's {@code uvm_km_page_init} for a memory of so many pages: a pool begins
     * with a 256th of them, between 128 and 2,048; the high mark is four times that; then the low
     * mark is toned down to 512. Memory of less than 1,024 pages has lower ones.
     *
     * <p>Three quarters of the low mark are the reserve: what is left of it is the room in which
     * takers that may sleep are slowed down before they have to wait.
     *
     * @throws IllegalArgumentException if there are less than 16 pages
     */
    public static PoolMarks ofMemory(long memoryPages) {
        if (memoryPages < 2 * SMALL_MEMORY_SHARE) {
            throw new IllegalArgumentException(
                    "memoryPages=%d is less than %d: too little memory for a pool"
                            .formatted(memoryPages, 2 * SMALL_MEMORY_SHARE));
        }
        long share = Math.clamp(memoryPages / MEMORY_SHARE, FEWEST_LOW, MOST_START_UP);
        int startUp = (int) Math.min(share, memoryPages / SMALL_MEMORY_SHARE);
        int low = Math.min(startUp, MOST_LOW);
        return new PoolMarks(low, HIGH_TIMES * startUp, low - Math.ceilDiv(low, 4), startUp);
    }
}
