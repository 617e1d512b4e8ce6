package dev.outboard.perf.demo;

import java.util.List;

/**
 * What a demo does: a stream of each message size under every setting in turn, and a disk under
 * some.
 *
 * @param streams the settings of the network trial; the first is what the others are compared with
 * @param sizes the message sizes in bytes
 * @param rounds how many turns each setting has with each size
 * @param turnMillis how long a turn is measured
 * @param warmupMillis how long each size runs before its first turn
 * @param disks the settings of the disk trial
 * @param blockBytes the disk's request sizes
 * @param blockMillis how long each is measured
 * @param diskBytes the size of the disk
 */
record DemoPlan(
        List<IommuSetting> streams,
        List<Integer> sizes,
        int rounds,
        long turnMillis,
        long warmupMillis,
        List<IommuSetting> disks,
        List<Integer> blockBytes,
        long blockMillis,
        long diskBytes) {
    private static final IommuSetting CALGARY_STRICT = IommuSetting.driver("calgary", "strict");
    private static final IommuSetting CALGARY_DEFERRED = IommuSetting.driver("calgary", "deferred");
    private static final IommuSetting DART_STRICT = IommuSetting.driver("dart", "strict");
    private static final IommuSetting DART_BATCHED = IommuSetting.driver("dart", "batched");
    private static final IommuSetting DART_DEFERRED = IommuSetting.driver("dart", "deferred");
    private static final IommuSetting DART_CACHED = IommuSetting.driver("dart", "cached");
    private static final IommuSetting MEDIATOR_BATCHED = IommuSetting.mediator("dart", "batched");
    private static final IommuSetting MEDIATOR_CACHED = IommuSetting.mediator("dart", "cached");
    private static final double MILLIS_A_SECOND = 1000;

    /** The first turn of a setting also compiles what all of them run. */
    static final int FIRST_WARMUP = 8;

    /** The shortest warm-up of a size, and its part of the measured time where that is longer. */
    private static final long WARMUP_MILLIS = 60;

    private static final double WARMUP_PART = 0.12;

    /** What a process costs to start, by experience; only the progress bar depends on it. */
    private static final double START_SECONDS = 0.6;

    /** What a turn costs beyond its length. */
    private static final double TURN_SECONDS = 0.015;

    private static final int PROCESSES_OF_STREAM = 3;

    /** The plan of the whole demo. */
    static DemoPlan full(double seconds, int rounds) {
        return new DemoPlan(
                List.of(
                        IommuSetting.OFF,
                        CALGARY_STRICT,
                        CALGARY_DEFERRED,
                        DART_STRICT,
                        DART_BATCHED,
                        DART_DEFERRED,
                        DART_CACHED,
                        MEDIATOR_BATCHED,
                        MEDIATOR_CACHED),
                List.of(64, 256, 1024, 1500, 4096, 16384),
                rounds,
                turnMillis(seconds, rounds),
                Math.max(WARMUP_MILLIS, millis(WARMUP_PART * seconds)),
                List.of(IommuSetting.OFF, CALGARY_STRICT, CALGARY_DEFERRED, DART_BATCHED),
                List.of(4096, 65_536),
                millis(seconds),
                64L << 20);
    }

    /** The short one: every process, few sizes and settings, and figures that mean little. */
    static DemoPlan quick(double seconds, int rounds) {
        return new DemoPlan(
                List.of(
                        IommuSetting.OFF,
                        CALGARY_STRICT,
                        CALGARY_DEFERRED,
                        DART_BATCHED,
                        MEDIATOR_BATCHED),
                List.of(64, 1500, 16384),
                rounds,
                turnMillis(seconds, rounds),
                40,
                List.of(IommuSetting.OFF, CALGARY_STRICT, CALGARY_DEFERRED),
                List.of(4096),
                millis(seconds),
                16L << 20);
    }

    private static long millis(double seconds) {
        return Math.max(1, Math.round(seconds * MILLIS_A_SECOND));
    }

    private static long turnMillis(double seconds, int rounds) {
        return Math.max(1, Math.round(seconds * MILLIS_A_SECOND / rounds));
    }

    /** How long it takes to start every process of the streams and to warm them up, about. */
    double startSeconds() {
        return streams.size()
                * (PROCESSES_OF_STREAM * START_SECONDS
                        + FIRST_WARMUP * warmupMillis / MILLIS_A_SECOND);
    }

    /** How long all turns of a size take, about. */
    double sizeSeconds() {
        return streams.size()
                * ((rounds * turnMillis + warmupMillis) / MILLIS_A_SECOND
                        + (rounds + 1) * TURN_SECONDS);
    }

    /** How long a setting's disk trial takes, about. */
    double diskSeconds() {
        return 2 * START_SECONDS
                + (blockBytes.size() * 2 * (blockMillis + warmupMillis) + 4 * warmupMillis)
                        / MILLIS_A_SECOND;
    }

    /** How long all of it takes, about. */
    double seconds() {
        return startSeconds() + sizes.size() * sizeSeconds() + disks.size() * diskSeconds();
    }
}
