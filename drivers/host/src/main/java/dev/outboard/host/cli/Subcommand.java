package dev.outboard.host.cli;

import java.util.concurrent.Callable;

/**
 * A word of the {@code outboard} command. A module {@code provides} it; the class carries picocli's
 * {@code @Command} annotation with its name and description, and its package is open to {@code
 * info.picocli}.
 *
 * <p>{@code call} returns the exit code: 0 only when the command did what it was asked. A failure
 * is an exception whose message names cause and remedy: {@link CommandException} for what went
 * wrong, {@link UsageException} for what was asked wrongly. The command prints it as one line.
 */
public interface Subcommand extends Callable<Integer> {
    /** Where it stands in the help: small first. */
    default int order() {
        return 100;
    }

    @Override
    Integer call();
}
