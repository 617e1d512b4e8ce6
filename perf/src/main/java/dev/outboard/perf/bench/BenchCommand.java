package dev.outboard.perf.bench;

import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.PatternSyntaxException;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.NoBenchmarksException;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code outboard bench}: the micro-benchmarks. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Runs micro-benchmarks (JMH), each in a process of its own: mapping, translation,"
                        + " rings, patterns. Quiet the machine first.")
public final class BenchCommand implements Subcommand {
    private static final int ORDER = 60;
    private static final String ALLOCATION = "gc.alloc.rate.norm";

    @Parameters(
            arity = "0..1",
            paramLabel = "PATTERN",
            description = "Only benchmarks whose name this regular expression finds.")
    private String pattern = "";

    @Option(names = "--quick", description = "One short fork: shows that it works, not what is.")
    private boolean quick;

    @Option(names = "--in-process", description = "Run in this process, without a fork.")
    private boolean inProcess;

    @Option(names = "--json", description = "Print results for machines, one JSON object a line.")
    private boolean json;

    @Option(names = "--verbose", description = "Print every iteration.")
    private boolean verbose;

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        // Two benchmarks at once are the user's business, and a lock file would be left behind.
        System.setProperty("jmh.ignoreLock", "true");
        Collection<RunResult> results;
        try {
            results = new Runner(options().build()).run();
        } catch (NoBenchmarksException e) {
            throw new UsageException("no benchmark has '" + pattern + "' in its name");
        } catch (RunnerException e) {
            throw new CommandException("the benchmarks failed: " + e.getMessage(), e);
        } catch (PatternSyntaxException e) {
            throw new UsageException("'" + pattern + "' is no regular expression");
        }
        print(results.stream().map(BenchCommand::fields).toList());
        return 0;
    }

    private OptionsBuilder options() {
        var options = new OptionsBuilder();
        options.include("dev\\.outboard\\.perf\\.jmh\\..*(?:" + pattern + ")")
                .verbosity(verbose ? VerboseMode.NORMAL : VerboseMode.SILENT)
                .addProfiler(GCProfiler.class)
                .shouldFailOnError(true)
                // The fork has the module path and the flags of this process.
                .jvmArgsAppend("--add-modules=dev.outboard.perf,jmh.core");
        if (quick) {
            options.forks(1)
                    .warmupIterations(2)
                    .warmupTime(TimeValue.milliseconds(200))
                    .measurementIterations(3)
                    .measurementTime(TimeValue.milliseconds(200));
        }
        if (inProcess) {
            options.forks(0);
        }
        return options;
    }

    private static Map<String, Object> fields(RunResult result) {
        var fields = new LinkedHashMap<String, Object>();
        var primary = result.getPrimaryResult();
        var name = result.getParams().getBenchmark();
        fields.put(
                "benchmark", name.substring(name.lastIndexOf('.', name.lastIndexOf('.') - 1) + 1));
        var parameters = new LinkedHashMap<String, Object>();
        for (var key : result.getParams().getParamsKeys()) {
            parameters.put(key, result.getParams().getParam(key));
        }
        fields.put("parameters", parameters);
        fields.put("score", primary.getScore());
        // Of few samples there is no confidence interval.
        fields.put("error", Double.isNaN(primary.getScoreError()) ? null : primary.getScoreError());
        fields.put("unit", primary.getScoreUnit());
        var allocated = result.getSecondaryResults().get(ALLOCATION);
        fields.put("allocatedBytes", allocated == null ? null : allocated.getScore());
        return fields;
    }

    private void print(List<Map<String, Object>> rows) {
        if (json) {
            rows.forEach(row -> System.out.println(new Event(Event.RESULT, row).toJson()));
            return;
        }
        var lines = new ArrayList<String>();
        for (var row : rows) {
            lines.add(
                    String.format(
                            Locale.ROOT,
                            "%-36s %-22s %10.1f %-14s %s   %.3f bytes allocated",
                            row.get("benchmark"),
                            parameters(row),
                            row.get("score"),
                            row.get("error") == null
                                    ? ""
                                    : String.format(Locale.ROOT, "± %.1f", row.get("error")),
                            row.get("unit"),
                            row.get("allocatedBytes")));
        }
        lines.forEach(System.out::println);
    }

    private static String parameters(Map<String, Object> row) {
        var text = row.get("parameters").toString();
        return text.substring(1, text.length() - 1).toLowerCase(Locale.ROOT);
    }
}
