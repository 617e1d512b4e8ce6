package dev.outboard.perf.disk;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.block.BlockService;
import dev.outboard.perf.measure.ClientOptions;
import dev.outboard.perf.measure.Measurement;
import dev.outboard.perf.measure.Results;
import dev.outboard.uio.ProcessControl;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/** {@code disk-read}: random reads at several depths, with their latency in percentiles. */
public final class DiskReadClient implements Client {
    private static final long MAXIMUM_LATENCY_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final int DIGITS = 3;
    private static final int MAXIMUM_BLOCK = 1 << 20;
    private static final int MAXIMUM_CPU = 1023;

    @Override
    public String name() {
        return "disk-read";
    }

    @Override
    public String help() {
        return "random reads with latency: depths=1,32 block=4096 offset=0 bytes=ALL millis=1000"
                + " warmupMillis=500 seed=1 cpu=ANY watch.NAME=PID";
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
                                "depths",
                                "block",
                                "offset",
                                "bytes",
                                "millis",
                                "warmupMillis",
                                "seed",
                                "cpu"));
        int blockBytes =
                (int) options.number("block", 4096, BlockService.SECTOR_BYTES, MAXIMUM_BLOCK);
        var region = Region.of(options, disk, blockBytes, Long.MAX_VALUE);
        if (options.has("cpu")) {
            ProcessControl.pinThread((int) options.number("cpu", 0, 0, MAXIMUM_CPU));
        }
        context.ready();
        var rows = new ArrayList<Map<String, Object>>();
        for (int depth : options.numbers("depths", "1,32", 1, 1024)) {
            if (!context.isStopping()) {
                rows.add(read(disk, context, options, region, depth));
            }
        }
        context.result("rows", rows);
    }

    private static Map<String, Object> read(
            BlockService disk,
            ClientContext context,
            ClientOptions options,
            Region region,
            int depth) {
        var random =
                new SplittableRandom(options.number("seed", 1, Long.MIN_VALUE, Long.MAX_VALUE));
        var latency = new Histogram(MAXIMUM_LATENCY_NANOS, DIGITS);
        try (var loop = new RequestLoop(disk, context, region.blockBytes(), depth)) {
            loop.run(
                    new RandomReads(
                            region, random, latency, options.nanos("warmupMillis", 500), context));
            latency.reset();
            var work =
                    new RandomReads(
                            region, random, latency, options.nanos("millis", 1000), context);
            var measured = new Measurement(options.watched());
            measured.start();
            long requests = loop.run(work);
            measured.stop();
            double seconds = measured.elapsedSeconds();
            return new Results()
                    .put("test", "disk random read")
                    .put("sizeBytes", region.blockBytes())
                    .put("depth", depth)
                    .put("operationsPerSecond", requests / seconds)
                    .put("throughputMbps", requests * 8.0 * region.blockBytes() / seconds / 1e6)
                    .put("requests", requests)
                    .put("latencyP50Nanos", latency.getValueAtPercentile(50))
                    .put("latencyP99Nanos", latency.getValueAtPercentile(99))
                    .put("latencyP999Nanos", latency.getValueAtPercentile(99.9))
                    .put("latencyMaximumNanos", latency.getMaxValue())
                    .put(
                            "allocatedBytesPerRequest",
                            requests == 0 ? 0 : (double) measured.allocatedBytes() / requests)
                    .put(measured)
                    .fields();
        }
    }

    private record RandomReads(
            Region region,
            SplittableRandom random,
            Histogram latency,
            long deadlineNanos,
            ClientContext context)
            implements Work {
        private RandomReads {
            deadlineNanos += System.nanoTime();
        }

        @Override
        public long next() {
            return System.nanoTime() - deadlineNanos >= 0 || context.isStopping()
                    ? DONE
                    : region.firstBlock() + random.nextLong(region.blocks());
        }

        @Override
        public boolean isWrite() {
            return false;
        }

        @Override
        public void fill(long block, MemorySegment memory, long offset) {
            throw new IllegalStateException("nothing is written here");
        }

        @Override
        public void done(long block, MemorySegment memory, long offset, long nanos) {
            latency.recordValue(Math.min(nanos, MAXIMUM_LATENCY_NANOS));
        }
    }
}
