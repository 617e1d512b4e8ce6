package dev.outboard.driver.block;

/** How a block request ended. */
public final class BlockStatus {
    /** Done. */
    public static final int OK = 0;

    /** The device could not: a medium error, a range it does not have, or a fault of its DMA. */
    public static final int IO_ERROR = 1;

    /** The device does not know this request. */
    public static final int UNSUPPORTED = 2;

    private BlockStatus() {}

    /** The status in words. */
    public static String name(int status) {
        return switch (status) {
            case OK -> "ok";
            case IO_ERROR -> "I/O error";
            case UNSUPPORTED -> "unsupported";
            default -> "unknown status " + status;
        };
    }
}
