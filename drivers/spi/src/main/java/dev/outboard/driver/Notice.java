package dev.outboard.driver;

/**
 * Something that a device said of itself while it ran, for its user to know: a disk that wears out,
 * a size that changed. Not a failure: what fails, fails the request or the service.
 *
 * @param kind what it is about, as {@code health}: the name in the machine-readable output
 * @param text one sentence for people, with the cause, and what can be done
 */
public record Notice(String kind, String text) {
    /** A device is worn out, too hot, or has lost what it keeps in reserve. */
    public static final String HEALTH = "health";

    /** A device was reset by its driver, and works again. */
    public static final String RESET = "reset";

    /** A link went up, or down. */
    public static final String LINK = "link";

    /** What the device offers is another than at the start: its size, its parts. */
    public static final String CHANGED = "changed";
}
