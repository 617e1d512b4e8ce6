package dev.outboard.perf.demo;

import dev.outboard.host.cli.StopRequest;
import dev.outboard.perf.measure.Progress;
import dev.outboard.uio.Resources;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Streams under every setting, in turn: all processes of all settings are alive and warm, one
 * setting at a time has the machine, and each round gives each setting one turn, so that what the
 * machine does to one it does to the others.
 */
final class NetworkTrial {
    /** A turn that only warms up. */
    private static final int WARMUP = -1;

    private final DemoPlan plan;
    private final StopRequest stop;
    private final List<List<Turn>> turns = new ArrayList<>();

    /** What a turn of a setting was for. */
    private record Turn(int sizeBytes, int round) {}

    NetworkTrial(DemoPlan plan, StopRequest stop) {
        this.plan = plan;
        this.stop = stop;
    }

    /** Runs everything: a row for each setting and size, setting by setting. */
    List<Row> run(Progress progress) {
        var resources = new Resources();
        try {
            var benches = start(progress, resources);
            for (int size : plan.sizes()) {
                progress.step("network, messages of " + size + " bytes", plan.sizeSeconds());
                runSize(benches, size);
            }
            var rows = rows(benches.stream().map(this::streams).toList());
            resources.close();
            return rows;
        } catch (RuntimeException failure) {
            resources.closeAfter(failure);
            throw failure;
        }
    }

    private List<StreamBench> start(Progress progress, Resources resources) {
        var benches = new ArrayList<StreamBench>();
        for (var setting : plan.streams()) {
            progress.step(
                    "network, starting " + setting, plan.startSeconds() / plan.streams().size());
            benches.add(resources.add(new StreamBench(setting, stop)));
            turns.add(new ArrayList<>());
            int middle = plan.sizes().get(plan.sizes().size() / 2);
            turn(benches, benches.size() - 1, new Turn(middle, WARMUP), DemoPlan.FIRST_WARMUP);
        }
        return benches;
    }

    private void runSize(List<StreamBench> benches, int size) {
        for (int index = 0; index < benches.size(); index++) {
            turn(benches, index, new Turn(size, WARMUP), 1);
        }
        for (int round = 0; round < plan.rounds(); round++) {
            for (int step = 0; step < benches.size(); step++) {
                // Who follows whom changes from round to round.
                turn(benches, (round + step) % benches.size(), new Turn(size, round), 1);
            }
        }
    }

    private void turn(List<StreamBench> benches, int index, Turn turn, int factor) {
        turns.get(index).add(turn);
        long millis = turn.round == WARMUP ? factor * plan.warmupMillis() : plan.turnMillis();
        benches.get(index).turn(turn.sizeBytes, millis);
    }

    private Streams streams(StreamBench bench) {
        var outcome = bench.finish();
        var streams = new Streams(bench.setting(), outcome.verified());
        var done = turns.get(plan.streams().indexOf(bench.setting()));
        for (int stream = 0; stream < done.size(); stream++) {
            var turn = done.get(stream);
            streams.add(
                    turn.sizeBytes,
                    turn.round != WARMUP,
                    row(outcome.sent(), stream),
                    row(outcome.received(), stream));
        }
        return streams;
    }

    private static Map<String, Object> row(List<Map<String, Object>> rows, int stream) {
        for (var row : rows) {
            if (Children.number(row, "stream") == stream) {
                return row;
            }
        }
        return Map.of();
    }

    /** A row for each setting and size; the first setting is what the others are compared with. */
    private List<Row> rows(List<Streams> all) {
        var rows = new ArrayList<Row>();
        for (var streams : all) {
            for (int size : plan.sizes()) {
                rows.add(streams.row(size, all.getFirst()));
            }
        }
        return rows;
    }
}
