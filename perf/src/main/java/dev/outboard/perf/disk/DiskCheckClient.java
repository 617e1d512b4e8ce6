package dev.outboard.perf.disk;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.block.BlockService;
import dev.outboard.perf.measure.ClientOptions;
import dev.outboard.perf.measure.DeviceCounting;
import dev.outboard.perf.measure.Measurement;
import dev.outboard.perf.measure.Results;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * {@code disk-check}: writes a pattern over a region, flushes, reads it back and compares every
 * byte. What was there is lost.
 */
public final class DiskCheckClient implements Client {
    private static final long DEFAULT_BYTES = 32L << 20;
    private static final int MAXIMUM_BLOCK = 1 << 20;
    private static final int FIRST_WARMUP = 3;

    @Override
    public String name() {
        return "disk-check";
    }

    @Override
    public String help() {
        return "overwrites a region with a pattern, flushes, reads it back, compares every byte:"
                + " blocks=4096 depth=32 offset=0 bytes=33554432 millis=500 warmupMillis=200 seed=1"
                + " untilStopped=0 (1: over and over) watch.NAME=PID";
    }

    @Override
    public Class<? extends Service> service() {
        return BlockService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var disk = (BlockService) service;
        var options =
                new ClientOptions(
                        context.options(),
                        Set.of(
                                "blocks",
                                "depth",
                                "offset",
                                "bytes",
                                "millis",
                                "warmupMillis",
                                "untilStopped",
                                "seed"));
        int[] sizes = options.numbers("blocks", "4096", BlockService.SECTOR_BYTES, MAXIMUM_BLOCK);
        context.ready();
        if (options.number("untilStopped", 0, 0, 1) == 1) {
            checkUntilStopped(disk, context, options, sizes);
            return;
        }
        var rows = new ArrayList<Map<String, Object>>();
        boolean verified = true;
        for (int blockBytes : sizes) {
            if (!context.isStopping()) {
                verified &= check(disk, context, options, blockBytes, rows);
            }
        }
        context.result("rows", rows);
        context.result("verified", verified && rows.size() == 2 * sizes.length);
    }

    /** Writes and reads over and over; what was begun when it is stopped is waited for. */
    private static void checkUntilStopped(
            BlockService disk, ClientContext context, ClientOptions options, int[] sizes) {
        int depth = (int) options.number("depth", 32, 1, 1024);
        long millisNanos = options.nanos("millis", 500);
        long seed = options.number("seed", 1, Long.MIN_VALUE, Long.MAX_VALUE);
        long written = 0;
        long read = 0;
        long corrupt = 0;
        String firstCorrupt = "";
        for (int pass = 0; !context.isStopping(); pass++) {
            int blockBytes = sizes[pass % sizes.length];
            var region = Region.of(options, disk, blockBytes, DEFAULT_BYTES);
            var work = new PatternWork(region, seed + pass, context);
            try (var loop = new RequestLoop(disk, context, blockBytes, depth)) {
                written += loop.run(work.writing(millisNanos));
                loop.flush();
                read += loop.run(work.reading(millisNanos));
            }
            firstCorrupt = corrupt == 0 ? work.firstCorrupt() : firstCorrupt;
            corrupt += work.corrupt();
        }
        context.result("requestsWritten", written);
        context.result("requestsRead", read);
        context.result("corruptBlocks", corrupt);
        context.result("firstCorrupt", firstCorrupt);
        context.result("verified", corrupt == 0 && read > 0);
    }

    private static boolean check(
            BlockService disk,
            ClientContext context,
            ClientOptions options,
            int blockBytes,
            List<Map<String, Object>> rows) {
        int depth = (int) options.number("depth", 32, 1, 1024);
        var region = Region.of(options, disk, blockBytes, DEFAULT_BYTES);
        var work =
                new PatternWork(
                        region, options.number("seed", 1, Long.MIN_VALUE, Long.MAX_VALUE), context);
        try (var loop = new RequestLoop(disk, context, blockBytes, depth)) {
            // The first also compiles what all of them run, here and in the device.
            long warmupNanos =
                    (rows.isEmpty() ? FIRST_WARMUP : 1) * options.nanos("warmupMillis", 200);
            if (warmupNanos > 0) {
                loop.run(work.writing(warmupNanos));
                loop.run(work.reading(warmupNanos));
            }
            var first =
                    measure(
                            "disk write",
                            blockBytes,
                            context,
                            options,
                            () -> {
                                long requests =
                                        loop.run(work.writing(options.nanos("millis", 500)));
                                loop.flush();
                                return requests;
                            });
            var second =
                    measure(
                            "disk read",
                            blockBytes,
                            context,
                            options,
                            () -> loop.run(work.reading(options.nanos("millis", 500))));
            boolean verified = work.corrupt() == 0 && !context.isStopping();
            for (var row : List.of(first, second)) {
                row.put("depth", depth)
                        .put("corruptBlocks", work.corrupt())
                        .put("firstCorrupt", work.firstCorrupt())
                        .put("verified", verified);
                rows.add(row.fields());
            }
            return verified;
        }
    }

    /** Something that makes requests and says how many. */
    @FunctionalInterface
    private interface Requests {
        long run();
    }

    private static Results measure(
            String test,
            int blockBytes,
            ClientContext context,
            ClientOptions options,
            Requests work) {
        var measured = new Measurement(options.watched());
        var counters = new DeviceCounting(context);
        counters.start();
        measured.start();
        long requests = work.run();
        measured.stop();
        double seconds = measured.elapsedSeconds();
        var row =
                new Results()
                        .put("test", test)
                        .put("sizeBytes", blockBytes)
                        .put("throughputMbps", requests * 8.0 * blockBytes / seconds / 1e6)
                        .put("operationsPerSecond", requests / seconds)
                        .put("requests", requests)
                        .put(
                                "allocatedBytesPerRequest",
                                requests == 0 ? 0 : (double) measured.allocatedBytes() / requests)
                        .put(measured);
        counters.stop(row);
        return row;
    }
}
