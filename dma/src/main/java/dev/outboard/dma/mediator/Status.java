package dev.outboard.dma.mediator;

/**
 * How the mediator answers a request. The order is part of the protocol: the ordinal is what stands
 * in the answer word.
 */
public enum Status {
    /** It was done. */
    DONE("done", "nothing"),

    /** The request has fields that no client of this release writes. */
    MALFORMED("the request is malformed", "use one release on both sides"),

    /** The run is outside the IOVA window, empty, too long, or not aligned to the format. */
    OUTSIDE_WINDOW(
            "the run of IOVA pages is outside the window, too long, or not aligned",
            "stay within the domain's table"),

    /** The frames are not the client's, nor granted to it. */
    FOREIGN_FRAMES(
            "the page frames are neither this client's own nor granted to it",
            "map memory of this client, or of a grant that has not ended"),

    /** The frames were granted for less. */
    ACCESS_NOT_GRANTED(
            "the frames were granted for less access than was asked for",
            "ask their owner for a grant with that access"),

    /** A page of the run is mapped already. */
    ALREADY_MAPPED("a page of the run is mapped already", "clear it first"),

    /** The run is not one mapping, nor several whole ones. */
    NOT_MAPPED("the run is not made of whole mappings", "clear what was mapped, once"),

    /** The quota of entries is used up. */
    ENTRIES_QUOTA("quota entries", "unmap something"),

    /** The quota of mappings is used up. */
    MAPPINGS_QUOTA("quota mappings", "unmap something"),

    /** The table cannot hold it. */
    TABLE_FULL("the translation table cannot hold the mapping", "take a larger table"),

    /** A device does not leave its DMA section. */
    DEVICE_STUCK(
            "a device did not leave its DMA section in time",
            "stop its process; until then what was unmapped may still be reached");

    private static final Status[] ALL = values();

    private final String cause;
    private final String remedy;

    Status(String cause, String remedy) {
        this.cause = cause;
        this.remedy = remedy;
    }

    /** What is wrong, for people. */
    public String cause() {
        return cause;
    }

    /** What mends it, for people. */
    public String remedy() {
        return remedy;
    }

    /** The status in an answer word. */
    static Status of(long answer) {
        int ordinal = (int) answer & (1 << RequestRingDescriptor.STATUS_BITS) - 1;
        return ordinal < ALL.length ? ALL[ordinal] : MALFORMED;
    }
}
