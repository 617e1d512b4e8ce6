package dev.outboard.perf.dmaperf;

/** What the driver asks of the device. */
enum Order {
    /** Nothing. */
    NONE,

    /** Touch each page of each buffer once, in order. */
    TOUCH,

    /** Time translations over the buffers. */
    TRANSLATE,

    /** Touch the buffers, section after section, until the next order. */
    BUSY,

    /** The mailbox goes: look for the next. */
    MOVE,

    /** Detach and end. */
    END;

    private static final Order[] ALL = values();

    static Order of(long number) {
        return number >= 0 && number < ALL.length ? ALL[(int) number] : NONE;
    }
}
