package dev.outboard.perf.traffic;

import dev.outboard.driver.ClientContext;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * A line a second of how many frames went by. Owns one daemon thread, which allocates and which no
 * queue waits for.
 */
final class PerSecond {
    private final ClientContext context;
    private final String what;
    private final LongSupplier frames;
    private final int frameBytes;
    private final ScheduledExecutorService clock;
    private final long startNanos = System.nanoTime();
    private long lastFrames;
    private long lastNanos = startNanos;

    private PerSecond(ClientContext context, String what, LongSupplier frames, int frameBytes) {
        this.context = context;
        this.what = what;
        this.frames = frames;
        this.frameBytes = frameBytes;
        lastFrames = frames.getAsLong();
        clock =
                Executors.newSingleThreadScheduledExecutor(
                        work -> Thread.ofPlatform().daemon().name("per-second").unstarted(work));
        clock.scheduleAtFixedRate(this::tick, 1, 1, TimeUnit.SECONDS);
    }

    /**
     * Says so while some work lasts.
     *
     * @param what is counted, as {@code sent}
     * @param frames so far; asked by another thread
     * @param frameBytes of each; 0 if that differs
     * @return what the work returned
     */
    static long during(
            ClientContext context,
            String what,
            LongSupplier frames,
            int frameBytes,
            LongSupplier work) {
        var lines = new PerSecond(context, what, frames, frameBytes);
        try {
            return work.getAsLong();
        } finally {
            lines.clock.shutdownNow();
        }
    }

    private void tick() {
        long now = System.nanoTime();
        long count = frames.getAsLong();
        double rate = (count - lastFrames) * 1e9 / (now - lastNanos);
        double second = (now - startNanos) / 1e9;
        lastFrames = count;
        lastNanos = now;
        var fields = new LinkedHashMap<String, Object>();
        fields.put("second", second);
        fields.put("framesPerSecond", rate);
        fields.put("frames", count);
        var text = new StringBuilder();
        text.append(String.format(Locale.ROOT, "%5.0f s  %,14.0f frames/s %s", second, rate, what));
        if (frameBytes > 0) {
            double megabits = rate * frameBytes * Byte.SIZE / 1e6;
            fields.put("throughputMbps", megabits);
            text.append(String.format(Locale.ROOT, "  %,9.0f Mbit/s", megabits));
        }
        context.progress(text.toString(), fields);
    }
}
