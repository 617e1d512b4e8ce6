package dev.outboard.host.cli;

/** A command could not do what it was asked. The message is one line: the cause and the remedy. */
public class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A failure that {@code message} explains. */
    public CommandException(String message) {
        super(message);
    }

    /** A failure that {@code message} explains, because of {@code cause}. */
    public CommandException(String message, Throwable cause) {
        super(message, cause);
    }
}
