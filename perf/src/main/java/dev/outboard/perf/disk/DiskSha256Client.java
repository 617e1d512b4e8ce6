package dev.outboard.perf.disk;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import dev.outboard.driver.block.BlockService;
import dev.outboard.perf.measure.ClientOptions;
import dev.outboard.perf.measure.Measurement;
import dev.outboard.perf.measure.Results;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Set;

/** {@code disk-sha256}: reads a disk from its first byte to its last and hashes it. */
public final class DiskSha256Client implements Client {
    private static final int MAXIMUM_BLOCK = 1 << 20;

    @Override
    public String name() {
        return "disk-sha256";
    }

    @Override
    public String help() {
        return "reads the whole disk and prints its SHA-256: block=65536 depth=16 watch.NAME=PID";
    }

    @Override
    public Class<? extends Service> service() {
        return BlockService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var disk = (BlockService) service;
        var options = new ClientOptions(context.options(), Set.of("block", "depth"));
        int blockBytes =
                (int)
                        options.number(
                                "block",
                                Math.min(65_536, disk.maximumRequestBytes()),
                                BlockService.SECTOR_BYTES,
                                MAXIMUM_BLOCK);
        int depth = (int) options.number("depth", Math.min(16, disk.queue(0).depth()), 1, 1024);
        context.ready();
        var measured = new Measurement(options.watched());
        measured.start();
        var digest = hash(disk, context, blockBytes, depth);
        measured.stop();
        new Results()
                .put("sha256", HexFormat.of().formatHex(digest))
                .put("bytes", disk.capacityBytes())
                .put("throughputMbps", disk.capacityBytes() * 8 / measured.elapsedSeconds() / 1e6)
                .put(measured)
                .fields()
                .forEach(context::result);
    }

    private static byte[] hash(
            BlockService disk, ClientContext context, int blockBytes, int depth) {
        var digest = sha256();
        long whole = disk.capacityBytes() / blockBytes;
        var hashing = new Hashing(digest, blockBytes, depth, 0, whole, context);
        try (var loop = new RequestLoop(disk, context, blockBytes, depth)) {
            loop.run(hashing);
        }
        int unit = disk.blockBytes();
        long units = disk.capacityBytes() / unit;
        var rest = new Hashing(digest, unit, 1, whole * (blockBytes / unit), units, context);
        try (var loop = new RequestLoop(disk, context, unit, 1)) {
            loop.run(rest);
        }
        if (context.isStopping()) {
            throw new IllegalStateException("stopped before the whole disk was read");
        }
        return digest.digest();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /**
     * Hashes blocks in order although they come in any: one that is ahead waits in a copy, and no
     * more than a window ahead of the last hashed one is asked for.
     */
    private static final class Hashing implements Work {
        private final MessageDigest digest;
        private final int blockBytes;
        private final byte[][] waiting;
        private final boolean[] here;
        private final long end;
        private final ClientContext context;
        private long asked;
        private long hashed;

        private Hashing(
                MessageDigest digest,
                int blockBytes,
                int depth,
                long first,
                long end,
                ClientContext context) {
            this.digest = digest;
            this.blockBytes = blockBytes;
            this.end = end;
            this.context = context;
            waiting = new byte[depth][blockBytes];
            here = new boolean[depth];
            asked = first;
            hashed = first;
        }

        @Override
        public long next() {
            if (asked == end || context.isStopping()) {
                return DONE;
            }
            return asked - hashed >= waiting.length ? LATER : asked++;
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
            int slot = (int) (block % waiting.length);
            MemorySegment.copy(memory, offset, MemorySegment.ofArray(waiting[slot]), 0, blockBytes);
            here[slot] = true;
            for (int head = (int) (hashed % waiting.length);
                    here[head];
                    head = (int) (hashed % waiting.length)) {
                digest.update(waiting[head]);
                here[head] = false;
                hashed++;
            }
        }
    }
}
