package dev.outboard.host.cli;

import dev.outboard.host.log.PlatformLog;
import dev.outboard.host.process.OutboardProcess;
import dev.outboard.uio.ProcessControl;
import java.io.PrintWriter;
import java.util.Comparator;
import java.util.ServiceLoader;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code outboard} command. */
@Command(
        name = "outboard",
        mixinStandardHelpOptions = true,
        versionProvider = Outboard.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        usageHelpAutoWidth = true,
        description =
                "Runs device drivers outside the kernel: each a Java module in a process of its "
                        + "own, "
                        + "every DMA through an IOMMU.",
        footer = {
            "",
            "outboard COMMAND --help explains each. Exit codes: 0 done, 1 failed, 2 asked wrongly.",
            "OUTBOARD_DEBUG=1 adds stack traces; OUTBOARD_JDK names the JDK to run on."
        })
public final class Outboard implements Runnable {
    private static final int EXIT_FAILED = 1;

    @Spec private CommandSpec spec;

    Outboard() {}

    /** Runs one command and ends the process with its exit code. */
    public static void main(String[] words) {
        dieWithParent();
        PlatformLog.setUp();
        var stop = StopRequest.ofProcess();
        stop.install();
        var code = EXIT_FAILED;
        try {
            code = commandLine().execute(words);
        } finally {
            System.out.flush();
            stop.finished(code);
        }
        System.exit(code);
    }

    /**
     * Runs one command in this process, as a program does that tries several.
     *
     * @param err where its failure is told, in one line
     * @return its exit code
     */
    public static int execute(PrintWriter err, String... words) {
        return commandLine().setErr(err).execute(words);
    }

    /** The command with all its words. */
    static CommandLine commandLine() {
        var command = new CommandLine(new Outboard());
        ServiceLoader.load(Subcommand.class).stream()
                .map(ServiceLoader.Provider::get)
                .sorted(Comparator.comparingInt(Subcommand::order))
                .forEach(command::addSubcommand);
        var handler = new FailureHandler(PlatformLog.isDebugging());
        return command.setParameterExceptionHandler(handler)
                .setExecutionExceptionHandler(handler)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setAbbreviatedOptionsAllowed(false);
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "which command?");
    }

    /** A child of another outboard asks the kernel to be ended with it, however that one ends. */
    private static void dieWithParent() {
        var parent = System.getenv(OutboardProcess.PARENT_VARIABLE);
        if (parent == null) {
            return;
        }
        ProcessControl.dieWithParent();
        var living = ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(0L);
        if (!parent.equals(Long.toString(living))) {
            // It died before we asked, and the kernel will not tell.
            Runtime.getRuntime().halt(EXIT_FAILED);
        }
    }

    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            var version =
                    Outboard.class.getModule().getDescriptor().rawVersion().orElse("unpackaged");
            return new String[] {
                "outboard " + version, "Java " + Runtime.version(),
            };
        }
    }
}
