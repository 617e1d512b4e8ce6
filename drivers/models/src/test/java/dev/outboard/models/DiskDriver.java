package dev.outboard.models;

import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_INDIRECT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_NEXT;
import static dev.outboard.virtio.VirtqueueDescriptor.FLAG_WRITE;

import dev.outboard.virtio.BlockDescriptor;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** A block driver in a test: one request at a time, its data in as many pieces as wanted. */
final class DiskDriver implements AutoCloseable {
    static final int UNTOLD = 0x55;
    private static final int MOST_DATA_BYTES = 2 << 20;

    final TestDriver driver;
    private final long header;
    private final long status;
    private final long table;

    /** Where the data of requests is. */
    final long data;

    /** What the device says it wrote, of the last request. */
    long writtenBytes;

    private DiskDriver(TestDriver driver) {
        this.driver = driver;
        header = driver.dataAddress;
        status = header + 64;
        table = header + 4096;
        data = header + 8 * 4096;
    }

    static DiskDriver start(Path socket, Path iommu, int queues, long refused) {
        var driver = iommu == null ? TestDriver.open(socket) : TestDriver.open(socket, iommu);
        return new DiskDriver(driver.wantingAll().start(queues, refused));
    }

    /** Over queues that run already. */
    static DiskDriver of(TestDriver started) {
        return new DiskDriver(started);
    }

    MemorySegment data(long length) {
        return driver.bytes(data, length);
    }

    /** Reads; null when the device says that it failed. */
    byte[] read(int queue, long sector, int length, int pieces) {
        data(length).fill((byte) 0xee);
        return request(queue, BlockDescriptor.TYPE_IN, sector, length, pieces, true) == 0
                ? data(length).toArray(ValueLayout.JAVA_BYTE)
                : null;
    }

    /** Writes; the status. */
    int write(int queue, long sector, byte[] bytes, int pieces) {
        MemorySegment.copy(bytes, 0, data(bytes.length), ValueLayout.JAVA_BYTE, 0, bytes.length);
        return request(queue, BlockDescriptor.TYPE_OUT, sector, bytes.length, pieces, false);
    }

    int flush(int queue) {
        return request(queue, BlockDescriptor.TYPE_FLUSH, 0, 0, 0, false);
    }

    /** Any request with its data at {@link #data}; the status. */
    int request(int queue, int type, long sector, long length, int pieces, boolean writable) {
        var buffers = new long[2 * pieces];
        long done = 0;
        for (int i = 0; i < pieces; i++) {
            // Uneven pieces, which begin anywhere.
            long part = i + 1 < pieces ? Math.max(1, length / pieces - 1 - i % 3) : length - done;
            buffers[2 * i] = data + done;
            buffers[2 * i + 1] = part;
            done += part;
        }
        if (done > MOST_DATA_BYTES) {
            throw new AssertionError("more data than there is room for");
        }
        return request(queue, type, sector, buffers, writable, status);
    }

    /** A request with the data wherever it is said to be, address and length in turn. */
    int request(
            int queue,
            int type,
            long sector,
            long[] buffers,
            boolean writable,
            long statusAddress) {
        var bytes = driver.bytes(header, BlockDescriptor.HEADER_BYTES);
        bytes.set(VirtqueueDescriptor.U32, BlockDescriptor.HEADER_TYPE_OFFSET, type);
        bytes.set(VirtqueueDescriptor.U64, BlockDescriptor.HEADER_SECTOR_OFFSET, sector);
        driver.bytes(status, 1).set(ValueLayout.JAVA_BYTE, 0, (byte) UNTOLD);
        var ring = driver.rings.get(queue);
        int pieces = buffers.length / 2;
        ring.descriptorAt(table, header, BlockDescriptor.HEADER_BYTES, FLAG_NEXT, 1);
        int flags = FLAG_NEXT | (writable ? FLAG_WRITE : 0);
        for (int i = 0; i < pieces; i++) {
            ring.descriptorAt(
                    table + 16L * (i + 1), buffers[2 * i], buffers[2 * i + 1], flags, i + 2);
        }
        ring.descriptorAt(table + 16L * (pieces + 1), statusAddress, 1, FLAG_WRITE, 0);
        int head = ring.availableIndex % ring.entries;
        ring.descriptor(head, table, 16L * (pieces + 2), FLAG_INDIRECT, 0);
        int before = ring.availableIndex;
        ring.offer(head);
        driver.publish(queue, before);
        driver.awaitUsed(queue);
        if (ring.takenHead != head) {
            throw new AssertionError("head " + ring.takenHead + " came back for " + head);
        }
        writtenBytes = ring.takenLength;
        return driver.bytes(status, 1).get(ValueLayout.JAVA_BYTE, 0);
    }

    long statusAddress() {
        return status;
    }

    @Override
    public void close() {
        driver.close();
    }
}
