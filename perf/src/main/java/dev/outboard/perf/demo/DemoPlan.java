package dev.outboard.perf.demo;

import java.util.ArrayList;
import java.util.List;

/**
 * What a demo does: each setting with a network trial and a disk trial.
 *
 * @param trials the settings, each with its message sizes
 * @param blockBytes the disk's request sizes
 * @param millis how long each size is measured
 * @param warmupMillis how long each runs before
 * @param diskBytes the size of the disk
 */
record DemoPlan(
        List<Trial> trials,
        List<Integer> blockBytes,
        long millis,
        long warmupMillis,
        long diskBytes) {
    private static final List<Integer> SIZES = List.of(64, 256, 1024, 1500, 4096, 16384);
    private static final List<Integer> FEW_SIZES = List.of(64, 1500, 16384);
    private static final long MILLIS_A_SECOND = 1000;

    /** What a process costs to start, by experience; only the progress bar depends on it. */
    private static final double START_SECONDS = 1.2;

    /**
     * One setting.
     *
     * @param setting how DMA is protected
     * @param sizes the message sizes in bytes
     */
    record Trial(IommuSetting setting, List<Integer> sizes) {}

    /** The plan of the whole demo, with {@code seconds} of measuring for each size. */
    static DemoPlan full(double seconds) {
        return new DemoPlan(
                trials(SIZES, FEW_SIZES),
                List.of(4096, 65_536),
                Math.round(seconds * MILLIS_A_SECOND),
                300,
                64L << 20);
    }

    /** The short one: every process and every setting, few sizes, and figures that mean little. */
    static DemoPlan quick(double seconds) {
        return new DemoPlan(
                trials(FEW_SIZES, List.of(1500)),
                List.of(4096),
                Math.round(seconds * MILLIS_A_SECOND),
                100,
                16L << 20);
    }

    private static List<Trial> trials(List<Integer> sizes, List<Integer> dartSizes) {
        var trials = new ArrayList<Trial>();
        trials.add(new Trial(IommuSetting.OFF, sizes));
        trials.add(new Trial(new IommuSetting("calgary", "strict"), sizes));
        trials.add(new Trial(new IommuSetting("calgary", "deferred"), sizes));
        trials.add(new Trial(new IommuSetting("dart", "deferred"), dartSizes));
        return trials;
    }

    /** How long a setting's network trial takes, about. */
    double networkSeconds(Trial trial) {
        return 2 * START_SECONDS
                + (trial.sizes().size() * (millis + warmupMillis) + 3 * warmupMillis) / 1000.0;
    }

    /** How long a setting's disk trial takes, about. */
    double diskSeconds() {
        return START_SECONDS
                + (blockBytes.size() * 2 * (millis + warmupMillis) + 4 * warmupMillis) / 1000.0;
    }

    /** How long all of it takes, about. */
    double seconds() {
        return trials.stream().mapToDouble(trial -> networkSeconds(trial) + diskSeconds()).sum();
    }
}
