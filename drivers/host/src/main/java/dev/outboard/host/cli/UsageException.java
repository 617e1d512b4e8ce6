package dev.outboard.host.cli;

/** A command was asked wrongly: exit code 2. */
public final class UsageException extends CommandException {
    private static final long serialVersionUID = 1L;

    /** A mistake that {@code message} explains. */
    public UsageException(String message) {
        super(message);
    }
}
