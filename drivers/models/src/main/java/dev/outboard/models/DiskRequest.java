package dev.outboard.models;

import static dev.outboard.virtio.BlockDescriptor.HEADER_BYTES;
import static dev.outboard.virtio.BlockDescriptor.IDENTITY_BYTES;
import static dev.outboard.virtio.BlockDescriptor.SECTOR_BYTES;
import static dev.outboard.virtio.BlockDescriptor.STATUS_BYTES;

import dev.outboard.backend.DescriptorChain;
import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.DmaCursor;
import dev.outboard.backend.RingException;
import dev.outboard.backend.loop.Counters;
import dev.outboard.dma.DmaWindow;
import dev.outboard.iommu.Access;
import dev.outboard.uio.FileAccess;
import dev.outboard.uio.IoVector;
import dev.outboard.uio.NativeException;
import dev.outboard.virtio.BlockDescriptor;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * Serves one request of a disk at a time (VIRTIO 1.2, section 5.2.6): data goes between the file
 * and the driver's memory, with no copy in between.
 *
 * <p>All of a request's memory is found before the file is touched: a write that names memory which
 * the device may not reach changes nothing. The loop's thread, within a DMA section but for {@link
 * #sync}; nothing allocates, but for errors of the file.
 */
final class DiskRequest {
    static final int READS = 0;
    static final int READ_BYTES = 1;
    static final int WRITES = 2;
    static final int WRITTEN_BYTES = 3;
    static final int FLUSHES = 4;
    static final int ERRORS = 5;
    static final int FAULTS = 6;
    private static final int COUNTERS = 7;

    private static final byte OK = 0;
    private static final byte IO_ERROR = 1;
    private static final byte UNSUPPORTED = 2;

    final Counters counters = new Counters(COUNTERS);

    private final FileAccess file;
    private final long sectors;
    private final boolean readOnly;
    private final MemorySegment identity = Arena.ofAuto().allocate(IDENTITY_BYTES);
    private final MemorySegment header = Arena.ofAuto().allocate(HEADER_BYTES, 8);
    private final int mostPieces;
    private final IoVector pieces;
    private final DmaCursor cursor = new DmaCursor();
    private final DmaWindow statusWindow = new DmaWindow();

    // Of the request at hand.
    private int type;
    private long dataBytes;
    private byte status;
    private boolean faulted;
    private boolean tellable;

    // The run of bytes that the next piece will be.
    private MemorySegment runMemory;
    private long runOffset;
    private long runBytes;

    DiskRequest(DiskFile disk, boolean readOnly, String name, int mostPieces) {
        file = disk.access();
        sectors = disk.sectors();
        this.readOnly = readOnly;
        this.mostPieces = mostPieces;
        pieces = IoVector.allocate(mostPieces);
        byte[] text = name.getBytes(StandardCharsets.US_ASCII);
        MemorySegment.copy(
                MemorySegment.ofArray(text), 0, identity, 0, Math.min(text.length, IDENTITY_BYTES));
    }

    /**
     * Serves the loaded chain.
     *
     * @param writeThrough whether a write is to be on the medium when it is completed
     * @return false when it was completed; true when it waits for {@link #sync} and {@link #finish}
     * @throws RingException when the chain is no request
     */
    boolean serve(DeviceQueue queue, boolean writeThrough) {
        if (queue.chain().readableBytes() < HEADER_BYTES
                || queue.chain().writableBytes() < STATUS_BYTES) {
            throw new RingException(
                    queue,
                    "a request of %d readable and %d writable bytes has no header or no status"
                            .formatted(
                                    queue.chain().readableBytes(), queue.chain().writableBytes()));
        }
        faulted = false;
        dataBytes = 0;
        // First, as what is done once it is known where the status goes is not done again.
        tellable = findStatus(queue);
        cursor.openReadable(queue);
        if (!cursor.copyTo(header, 0, HEADER_BYTES)) {
            type = -1;
            status = fault();
        } else {
            type = header.get(VirtqueueDescriptor.U32, BlockDescriptor.HEADER_TYPE_OFFSET);
            status = perform(queue);
        }
        boolean onMedium =
                type == BlockDescriptor.TYPE_FLUSH
                        || type == BlockDescriptor.TYPE_OUT && writeThrough;
        if (onMedium && status == OK) {
            return true;
        }
        finish(queue);
        return false;
    }

    private byte perform(DeviceQueue queue) {
        return switch (type) {
            case BlockDescriptor.TYPE_IN -> {
                dataBytes = queue.chain().writableBytes() - STATUS_BYTES;
                yield transfer(queue, false);
            }
            case BlockDescriptor.TYPE_OUT -> {
                dataBytes = queue.chain().readableBytes() - HEADER_BYTES;
                yield readOnly ? IO_ERROR : transfer(queue, true);
            }
            case BlockDescriptor.TYPE_FLUSH -> OK;
            case BlockDescriptor.TYPE_GET_ID -> identify(queue);
            default -> UNSUPPORTED;
        };
    }

    private byte identify(DeviceQueue queue) {
        cursor.openWritable(queue);
        long room = queue.chain().writableBytes() - STATUS_BYTES;
        return cursor.copyFrom(identity, 0, Math.min(room, IDENTITY_BYTES)) ? OK : fault();
    }

    private byte transfer(DeviceQueue queue, boolean write) {
        long sector = header.get(VirtqueueDescriptor.U64, BlockDescriptor.HEADER_SECTOR_OFFSET);
        long count = dataBytes / SECTOR_BYTES;
        if (dataBytes % SECTOR_BYTES != 0 || sector < 0 || sector > sectors - count) {
            return IO_ERROR;
        }
        long position = sector * SECTOR_BYTES;
        try {
            if (!open(queue, write) || !gather(dataBytes)) {
                return fault();
            }
            if (pieces.lengthBytes() == dataBytes) {
                return move(position, write);
            }
            // More pieces than a call takes: see that all can be reached, then go in parts.
            if (!open(queue, write) || !cursor.skip(dataBytes) || !open(queue, write)) {
                return fault();
            }
            return moveInParts(position, write);
        } catch (NativeException e) {
            return IO_ERROR;
        } finally {
            pieces.clear();
        }
    }

    /** Stands before the data. */
    private boolean open(DeviceQueue queue, boolean write) {
        if (write) {
            cursor.openReadable(queue);
            return cursor.skip(HEADER_BYTES);
        }
        cursor.openWritable(queue);
        return true;
    }

    private byte moveInParts(long position, boolean write) {
        long done = 0;
        while (done < dataBytes) {
            if (!gather(dataBytes - done)) {
                return fault();
            }
            long part = pieces.lengthBytes();
            byte outcome = move(position + done, write);
            if (outcome != OK) {
                return outcome;
            }
            done += part;
        }
        return OK;
    }

    private byte move(long position, boolean write) {
        if (write) {
            file.write(pieces, position);
            return OK;
        }
        long wanted = pieces.lengthBytes();
        // Less, when somebody cut the file off.
        return file.read(pieces, position) == wanted ? OK : IO_ERROR;
    }

    /** Collects up to so many bytes from where the cursor stands; false on a fault. */
    private boolean gather(long bytes) {
        pieces.clear();
        runBytes = 0;
        long left = bytes;
        while (left > 0) {
            if (cursor.lengthBytes == 0 && !cursor.next()) {
                return false;
            }
            long part = Math.min(left, cursor.lengthBytes);
            if (runBytes > 0
                    && cursor.memory == runMemory
                    && cursor.offset == runOffset + runBytes) {
                runBytes += part;
            } else {
                if (runBytes > 0) {
                    pieces.add(runMemory, runOffset, runBytes);
                }
                if (pieces.count() == mostPieces) {
                    return true;
                }
                runMemory = cursor.memory;
                runOffset = cursor.offset;
                runBytes = part;
            }
            cursor.take(part);
            left -= part;
        }
        if (runBytes > 0) {
            // There is room: a full list returned above.
            pieces.add(runMemory, runOffset, runBytes);
        }
        return true;
    }

    private byte fault() {
        faulted = true;
        return IO_ERROR;
    }

    /** Waits for the medium; outside a DMA section. */
    void sync() {
        try {
            file.flush();
        } catch (NativeException e) {
            status = IO_ERROR;
        }
    }

    /** Writes the status into the loaded chain, and completes it. */
    void finish(DeviceQueue queue) {
        boolean told = tellable && findStatus(queue);
        if (told) {
            statusWindow.memory.set(ValueLayout.JAVA_BYTE, statusWindow.offset, status);
        } else {
            faulted = true;
        }
        count(told);
        // Nothing written: the driver sees that there is no status.
        queue.complete(told ? queue.chain().writableBytes() : 0);
    }

    private boolean findStatus(DeviceQueue queue) {
        DescriptorChain chain = queue.chain();
        int last = chain.count() - 1;
        long address = chain.addresses()[last] + chain.lengths()[last] - STATUS_BYTES;
        boolean found = queue.bus().resolve(address, STATUS_BYTES, Access.WRITE, statusWindow);
        if (!found) {
            queue.leaveIfAwaited();
        }
        return found;
    }

    private void count(boolean told) {
        if (faulted) {
            counters.add(FAULTS, 1);
        }
        if (status != OK || !told) {
            counters.add(ERRORS, 1);
            return;
        }
        switch (type) {
            case BlockDescriptor.TYPE_IN -> {
                counters.add(READS, 1);
                counters.add(READ_BYTES, dataBytes);
            }
            case BlockDescriptor.TYPE_OUT -> {
                counters.add(WRITES, 1);
                counters.add(WRITTEN_BYTES, dataBytes);
            }
            case BlockDescriptor.TYPE_FLUSH -> counters.add(FLUSHES, 1);
            default -> {
                // An identity: not worth a counter.
            }
        }
    }
}
