package dev.outboard.perf.attack;

/** What the driver asks of the attacker, which otherwise does as it likes. */
enum Order {
    /** Nothing: attack. */
    NONE,

    /** Try each page of the IOVA space for reading and for writing, and tell. */
    SWEEP,

    /** Detach and end. */
    END;

    private static final Order[] ALL = values();

    static Order of(long number) {
        return number >= 0 && number < ALL.length ? ALL[(int) number] : NONE;
    }
}
