package dev.outboard.perf.disk;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.block.BlockService;
import dev.outboard.perf.measure.ClientOptions;
import java.lang.foreign.MemorySegment;
import java.util.Set;

/**
 * {@code disk-fill}: writes one byte value over a region and flushes, for another program to read.
 */
public final class DiskFillClient implements Client {
    private static final int BLOCK_BYTES = 4096;
    private static final int DEPTH = 8;
    private static final int MAXIMUM_BYTE = 255;

    @Override
    public String name() {
        return "disk-fill";
    }

    @Override
    public String help() {
        return "overwrites a region with one byte and flushes: byte=0 offset=0 bytes=ALL";
    }

    @Override
    public Class<? extends Service> service() {
        return BlockService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var disk = (BlockService) service;
        var options = new ClientOptions(context.options(), Set.of("byte", "offset", "bytes"));
        byte value = (byte) options.number("byte", 0, 0, MAXIMUM_BYTE);
        var region = Region.of(options, disk, BLOCK_BYTES, Long.MAX_VALUE);
        context.ready();
        try (var loop = new RequestLoop(disk, context, BLOCK_BYTES, DEPTH)) {
            long written = loop.run(new Filling(region, value, context));
            loop.flush();
            context.result("writtenBytes", written * BLOCK_BYTES);
            context.result("flushed", true);
        }
    }

    private static final class Filling implements Work {
        private final Region region;
        private final byte value;
        private final ClientContext context;
        private long index;

        private Filling(Region region, byte value, ClientContext context) {
            this.region = region;
            this.value = value;
            this.context = context;
        }

        @Override
        public long next() {
            return index == region.blocks() || context.isStopping()
                    ? DONE
                    : region.firstBlock() + index++;
        }

        @Override
        public boolean isWrite() {
            return true;
        }

        @Override
        public void fill(long block, MemorySegment memory, long offset) {
            memory.asSlice(offset, BLOCK_BYTES).fill(value);
        }

        @Override
        public void done(long block, MemorySegment memory, long offset, long nanos) {
            // The flush that follows says whether it is durable.
        }
    }
}
