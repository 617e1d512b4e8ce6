package dev.outboard.examples;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Service;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockService;
import dev.outboard.driver.block.BlockStatus;
import dev.outboard.driver.block.CompletionHandler;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;

/** Shows a disk's first sectors, sixteen bytes a line; lines of zeros are left out. */
public final class DumpSectors implements Client {
    private static final int LINE_BYTES = 16;
    private static final long WAIT_NANOS = 100_000_000;
    private static final HexFormat HEX = HexFormat.ofDelimiter(" ");

    /** For the service loader. */
    public DumpSectors() {}

    @Override
    public String name() {
        return "dump-sectors";
    }

    @Override
    public String help() {
        return "shows sectors of a disk: first=0 sectors=1 (of 512 bytes)";
    }

    @Override
    public Class<BlockService> service() {
        return BlockService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        var disk = (BlockService) service;
        long first = context.option("first", 0);
        long length = context.option("sectors", 1) * BlockService.SECTOR_BYTES;
        if (length < 1 || length > disk.maximumRequestBytes()) {
            throw new IllegalArgumentException(
                    "sectors=%d is not 1 to %d"
                            .formatted(
                                    length / BlockService.SECTOR_BYTES,
                                    disk.maximumRequestBytes() / BlockService.SECTOR_BYTES));
        }
        context.ready();
        try (var buffer = context.device().dma().allocate(length)) {
            var queue = disk.queue(0);
            if (!queue.read(first, buffer, 0, (int) length, 0)) {
                throw new DeviceException("the disk takes no request: it is busy");
            }
            queue.submit();
            if (awaitEnd(queue, context)) {
                show(buffer.memory(), first * BlockService.SECTOR_BYTES, length, context);
            }
        }
    }

    /** Waits for the one request; false when stopped. The buffer is the device's until then. */
    private static boolean awaitEnd(BlockQueue queue, ClientContext context) {
        CompletionHandler check =
                (tag, status) -> {
                    if (status != BlockStatus.OK) {
                        throw new DeviceException("the read failed: " + BlockStatus.name(status));
                    }
                };
        while (queue.poll(check, 1) == 0) {
            if (context.isStopping()) {
                return false;
            }
            queue.await(WAIT_NANOS);
        }
        return true;
    }

    private static void show(MemorySegment memory, long address, long length, ClientContext to) {
        for (long at = 0; at < length; at += LINE_BYTES) {
            var line = memory.asSlice(at, LINE_BYTES).toArray(ValueLayout.JAVA_BYTE);
            if (!isZero(line)) {
                to.result("%08x".formatted(address + at), HEX.formatHex(line) + "  " + text(line));
            }
        }
    }

    private static boolean isZero(byte[] line) {
        for (byte value : line) {
            if (value != 0) {
                return false;
            }
        }
        return true;
    }

    private static String text(byte[] line) {
        var text = new StringBuilder();
        for (byte value : line) {
            text.append(value >= ' ' && value <= '~' ? (char) value : '.');
        }
        return text.toString();
    }
}
