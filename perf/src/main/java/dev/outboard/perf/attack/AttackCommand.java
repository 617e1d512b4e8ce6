package dev.outboard.perf.attack;

import dev.outboard.dma.Strategy;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.cli.UsageException;
import dev.outboard.host.event.Event;
import dev.outboard.iommu.TableFormat;
import dev.outboard.perf.measure.Progress;
import dev.outboard.perf.setup.Names;
import dev.outboard.perf.setup.Owner;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code outboard attack}: whether a strategy keeps what it promises. */
@Command(
        name = "attack",
        mixinStandardHelpOptions = true,
        usageHelpAutoWidth = true,
        description =
                "Lets a hostile device, in a process of its own, attack a driver that maps and"
                        + " unmaps: it replays every IOVA it ever saw, tries the neighbours of each"
                        + " mapping, and each mapping against its direction. Fails if anything got"
                        + " through outside the window that the strategy states.")
public final class AttackCommand implements Subcommand {
    private static final int ORDER = 63;
    private static final int EXIT_BROKEN = 1;
    private static final long MOST_MAPPINGS = 1_000_000_000_000L;
    private static final double MAPPINGS_A_SECOND = 100_000;

    @Option(
            names = "--mappings",
            paramLabel = "N",
            defaultValue = "1000000",
            description = "How many the driver makes under each. Default: ${DEFAULT-VALUE}.")
    private long mappings;

    @Option(
            names = "--strategy",
            paramLabel = "NAME,...",
            description = "Only these strategies. Default: all that have an IOMMU.")
    private String strategies;

    @Option(
            names = "--format",
            paramLabel = "NAME,...",
            defaultValue = "dart",
            description = "The table formats, of 4 KiB pages. Default: ${DEFAULT-VALUE}.")
    private String formats;

    @Option(
            names = "--owner",
            paramLabel = "NAME,...",
            defaultValue = "driver",
            description = "The owners of the IOMMU: driver, mediator. Default: ${DEFAULT-VALUE}.")
    private String owners;

    @Option(
            names = "--flush-entries",
            paramLabel = "N",
            description = "With deferred: flush when so many unmapped pages wait for it.")
    private Integer flushEntries;

    @Option(
            names = "--flush-ms",
            paramLabel = "T",
            description = "With deferred: no unmapped page waits longer for a flush.")
    private Integer flushMillis;

    @Option(
            names = "--judge-as",
            paramLabel = "NAME",
            description =
                    "Judge by what this strategy promises instead: shows that the attack finds what"
                            + " a weaker one leaves open.")
    private String judge;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Repeats the random choices of a run. Default: of the clock.")
    private Long seed;

    @Option(names = "--json", description = "Print results for machines, one JSON object a line.")
    private boolean json;

    @Override
    public int order() {
        return ORDER;
    }

    @Override
    public Integer call() {
        if (mappings < 1 || mappings > MOST_MAPPINGS) {
            throw new UsageException("--mappings " + mappings + " is not 1 to " + MOST_MAPPINGS);
        }
        var chosenFormats = Names.list("--format", formats, AttackCommand::format);
        var chosenOwners = Names.list("--owner", owners, AttackCommand::owner);
        var chosen = strategies();
        long random = seed == null ? System.nanoTime() : seed;
        int runs = chosenFormats.size() * chosenOwners.size() * chosen.size();
        double each = 3 + mappings / MAPPINGS_A_SECOND;
        boolean holds = true;
        try (var progress = Progress.start("attack", each * runs, json)) {
            for (var owner : chosenOwners) {
                for (var format : chosenFormats) {
                    for (var strategy : chosen) {
                        progress.step(
                                Names.of(strategy) + ", " + format.title() + ", seed " + random,
                                each);
                        holds &= attack(format, strategy, owner, random);
                    }
                }
            }
        }
        return holds ? 0 : EXIT_BROKEN;
    }

    private boolean attack(TableFormat format, Strategy strategy, Owner owner, long random) {
        var options = bounded(strategy);
        var promise =
                Promise.of(
                        judge == null
                                ? options
                                : bounded(Names.constant(Strategy.class, "--judge-as", judge)));
        var attack =
                new Attack(
                        format,
                        options,
                        owner,
                        promise,
                        mappings,
                        random,
                        UnaryOperator.identity());
        var stop = StopRequest.ofProcess();
        var verdict = attack.run(stop);
        if (stop.isStopping()) {
            throw new CommandException("stopped before it was done");
        }
        var name = Names.of(strategy);
        if (json) {
            var fields = verdict.fields(format.title(), name, Names.of(owner), random);
            System.out.println(new Event(Event.RESULT, fields).toJson());
        } else {
            System.out.println(verdict.describe(format.title(), name, Names.of(owner)));
            verdict.first().forEach(violation -> System.out.println("        " + violation));
            if (!verdict.holds()) {
                System.out.println("        --seed " + random);
            }
        }
        return verdict.holds();
    }

    private StrategyOptions bounded(Strategy strategy) {
        var usual = StrategyOptions.of(strategy);
        if (strategy != Strategy.DEFERRED) {
            return usual;
        }
        return usual.withQueue(
                flushEntries == null
                        ? usual.queueEntries()
                        : positive("--flush-entries", flushEntries),
                flushMillis == null
                        ? usual.queueNanos()
                        : TimeUnit.MILLISECONDS.toNanos(positive("--flush-ms", flushMillis)));
    }

    private static int positive(String option, int value) {
        if (value < 1) {
            throw new UsageException(option + " " + value + " is less than 1");
        }
        return value;
    }

    private List<Strategy> strategies() {
        if (strategies == null) {
            return Arrays.stream(Strategy.values()).filter(one -> one != Strategy.OFF).toList();
        }
        var chosen =
                Names.list(
                        "--strategy",
                        strategies,
                        name -> Names.constant(Strategy.class, "--strategy", name));
        if (chosen.contains(Strategy.OFF)) {
            throw new UsageException("--strategy off: it promises nothing that could be attacked");
        }
        return chosen;
    }

    private static Owner owner(String name) {
        var owner = Names.constant(Owner.class, "--owner", name);
        if (owner == Owner.NONE) {
            throw new UsageException("--owner none: take driver or mediator");
        }
        return owner;
    }

    private static TableFormat format(String title) {
        TableFormat format;
        try {
            format = TableFormat.ofTitle(title);
        } catch (IllegalArgumentException unknown) {
            throw new UsageException("--format " + title + ": " + unknown.getMessage());
        }
        if (format.granuleShift() > 0) {
            throw new UsageException(
                    "--format " + title + " has no pages of 4 KiB: take one that has");
        }
        return format;
    }
}
