package dev.outboard.host.cli;

import dev.outboard.driver.DeviceException;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * Turns a failure into one line on standard error and an exit code: 2 where the command was asked
 * wrongly, 1 otherwise. With OUTBOARD_DEBUG=1 the stack trace follows.
 */
final class FailureHandler implements IParameterExceptionHandler, IExecutionExceptionHandler {
    private static final int EXIT_FAILED = 1;
    private static final int EXIT_USAGE = 2;
    private final boolean debug;

    FailureHandler(boolean debug) {
        this.debug = debug;
    }

    @Override
    public int handleParseException(ParameterException failure, String[] words) {
        var command = failure.getCommandLine();
        report(command.getErr(), failure, firstLine(failure.getMessage()) + remedy(command));
        return EXIT_USAGE;
    }

    @Override
    public int handleExecutionException(Exception failure, CommandLine command, ParseResult words) {
        report(command.getErr(), failure, describe(failure));
        return failure instanceof UsageException ? EXIT_USAGE : EXIT_FAILED;
    }

    private static String remedy(CommandLine command) {
        return " (see " + command.getCommandSpec().qualifiedName() + " --help)";
    }

    /** One line: the message of the failures we know, and of others also what they are. */
    static String describe(Exception failure) {
        var message = failure.getMessage();
        if (message == null || message.isBlank()) {
            return failure.getClass().getSimpleName() + " (OUTBOARD_DEBUG=1 shows where)";
        }
        var known =
                failure instanceof CommandException
                        || failure instanceof DeviceException
                        || failure.getClass().getName().startsWith("dev.outboard.")
                        || failure instanceof IllegalArgumentException;
        var line = firstLine(message);
        return known ? line : failure.getClass().getSimpleName() + ": " + line;
    }

    private static String firstLine(String message) {
        return message.strip().lines().findFirst().orElse("");
    }

    private void report(PrintWriter err, Exception failure, String line) {
        err.println("outboard: " + line);
        if (debug) {
            failure.printStackTrace(err);
        }
        err.flush();
    }
}
