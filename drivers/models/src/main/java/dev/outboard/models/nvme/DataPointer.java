package dev.outboard.models.nvme;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import dev.outboard.iommu.Access;
import dev.outboard.uio.IoVector;
import java.lang.foreign.MemorySegment;

/**
 * Finds the memory that a command names, by PRP or by SGL (NVM Express 1.4, sections 4.3 and 4.4):
 * all of it before any of it is touched. Within a DMA section; nothing allocates.
 *
 * <p>Lists are the driver's and may change while they are read: each entry is read once, and no
 * more are read than the length allows.
 */
final class DataPointer {
    private static final int PAGE_BYTES = NvmeDescriptor.PAGE_BYTES;
    private static final int PAGE_MASK = PAGE_BYTES - 1;
    private static final int WORD_MASK = 3;
    private static final int ENTRY_BYTES = Long.BYTES;
    private static final int SGL_BLOCK = 0x00;
    private static final int SGL_SEGMENT = 0x20;
    private static final int SGL_LAST_SEGMENT = 0x30;
    private static final int SGL_TYPE_SHIFT = 56;
    private static final long SGL_LENGTH_MASK = 0xffff_ffffL;

    /** Segments of a list: of one descriptor each it could be as long as its data. */
    private static final int MOST_SEGMENTS = 256;

    /** Descriptors of a list: they may be of no bytes, and then nothing else ends it. */
    private static final int MOST_DESCRIPTORS = 4096;

    /** The first piece, which is mostly the only one. */
    MemorySegment memory = MemorySegment.NULL;

    long offset;
    long lengthBytes;

    /** All pieces, if there are more. */
    final IoVector pieces = IoVector.allocate(IoVector.MAX_CAPACITY);

    private final DmaWindow window = new DmaWindow();
    private final DmaWindow list = new DmaWindow();
    private BusMaster bus;
    private int access;

    /** Of the descriptor that ended a segment: where the list goes on. */
    private long nextAddress;

    private long nextRest;

    private int descriptors;

    /** Whether all is in the first piece. */
    boolean isOnePiece() {
        return pieces.count() == 0;
    }

    /**
     * Finds so many bytes.
     *
     * @param wanted more than 0
     * @param wantedAccess bits of {@link Access}
     * @return a status
     */
    int find(BusMaster newBus, Command command, long wanted, int wantedAccess) {
        bus = newBus;
        access = wantedAccess;
        lengthBytes = 0;
        pieces.clear();
        int status =
                command.isSgl()
                        ? findBySgl(command.firstPointer, command.secondPointer, wanted)
                        : findByPrp(command.firstPointer, command.secondPointer, wanted);
        if (status == NvmeStatus.OK && pieces.count() > 0 && !addLast()) {
            return NvmeStatus.DATA_TRANSFER_ERROR;
        }
        return status;
    }

    /** A piece that goes on where the last ended becomes part of it. */
    private boolean add(long iova, long length) {
        long done = 0;
        while (done < length) {
            if (!bus.resolve(iova + done, length - done, access, window)) {
                return false;
            }
            boolean goesOn =
                    window.memory == memory
                            && window.offset == offset + lengthBytes
                            && lengthBytes > 0;
            if (goesOn) {
                lengthBytes += window.lengthBytes;
            } else {
                if (lengthBytes > 0 && !addLast()) {
                    return false;
                }
                memory = window.memory;
                offset = window.offset;
                lengthBytes = window.lengthBytes;
            }
            done += window.lengthBytes;
        }
        return true;
    }

    private boolean addLast() {
        return pieces.add(memory, offset, lengthBytes);
    }

    private int findByPrp(long first, long second, long wanted) {
        long inFirst = Math.min(wanted, PAGE_BYTES - (first & PAGE_MASK));
        if ((first & WORD_MASK) != 0) {
            return NvmeStatus.INVALID_PRP_OFFSET;
        }
        if (!add(first, inFirst)) {
            return NvmeStatus.DATA_TRANSFER_ERROR;
        }
        long left = wanted - inFirst;
        if (left == 0) {
            return NvmeStatus.OK;
        }
        if (left > PAGE_BYTES) {
            return findByList(second, left);
        }
        if ((second & PAGE_MASK) != 0) {
            return NvmeStatus.INVALID_PRP_OFFSET;
        }
        return add(second, left) ? NvmeStatus.OK : NvmeStatus.DATA_TRANSFER_ERROR;
    }

    private int findByList(long where, long wanted) {
        if (where % ENTRY_BYTES != 0) {
            return NvmeStatus.INVALID_PRP_OFFSET;
        }
        long at = where;
        long left = wanted;
        list.lengthBytes = 0;
        while (left > 0) {
            if (!needList(at, ENTRY_BYTES)) {
                return NvmeStatus.DATA_TRANSFER_ERROR;
            }
            long entry = list.memory.get(NvmeDescriptor.U64, list.offset);
            take(ENTRY_BYTES);
            at += ENTRY_BYTES;
            if ((entry & PAGE_MASK) != 0) {
                return NvmeStatus.INVALID_PRP_OFFSET;
            }
            if ((at & PAGE_MASK) == 0 && left > PAGE_BYTES) {
                // The last entry of a page names the next page of the list.
                at = entry;
                list.lengthBytes = 0;
                continue;
            }
            long part = Math.min(left, PAGE_BYTES);
            if (!add(entry, part)) {
                return NvmeStatus.DATA_TRANSFER_ERROR;
            }
            left -= part;
        }
        return NvmeStatus.OK;
    }

    /** Has so many bytes of a list in the window, which is never asked for beyond a page. */
    private boolean needList(long at, int bytes) {
        if (list.lengthBytes >= bytes) {
            return true;
        }
        long room = PAGE_BYTES - (at & PAGE_MASK);
        return room >= bytes
                && bus.resolve(at, room, Access.READ, list)
                && list.lengthBytes >= bytes
                && list.offset % ENTRY_BYTES == 0;
    }

    private void take(int bytes) {
        list.offset += bytes;
        list.lengthBytes -= bytes;
    }

    private int findBySgl(long address, long rest, long wanted) {
        long at = address;
        long now = rest;
        long left = wanted;
        descriptors = 0;
        for (int segments = 0; segments <= MOST_SEGMENTS; segments++) {
            int type = (int) (now >>> SGL_TYPE_SHIFT) & 0xff;
            long length = now & SGL_LENGTH_MASK;
            if (type == SGL_BLOCK) {
                // Alone in its command: all there is.
                return length == left ? addBlock(at, left) : NvmeStatus.INVALID_SGL_LENGTH;
            }
            if (type != SGL_SEGMENT && type != SGL_LAST_SEGMENT) {
                return NvmeStatus.INVALID_SGL_TYPE;
            }
            if (length == 0 || length % NvmeDescriptor.SGL_BYTES != 0) {
                return NvmeStatus.INVALID_SGL_SEGMENT;
            }
            long status = findInSegment(at, length, type == SGL_LAST_SEGMENT, left);
            if (status < 0) {
                return (int) -status;
            }
            left = status;
            if (type == SGL_LAST_SEGMENT) {
                return left == 0 ? NvmeStatus.OK : NvmeStatus.INVALID_SGL_LENGTH;
            }
            at = nextAddress;
            now = nextRest;
        }
        return NvmeStatus.INVALID_SGL_SEGMENT;
    }

    /** Goes through a segment: the bytes left then, or a status less than 0. */
    private long findInSegment(long where, long length, boolean isLast, long wanted) {
        long left = wanted;
        list.lengthBytes = 0;
        for (long done = 0; done < length; done += NvmeDescriptor.SGL_BYTES) {
            descriptors++;
            if (descriptors > MOST_DESCRIPTORS) {
                return -NvmeStatus.INVALID_SGL_COUNT;
            }
            if ((where & 0xf) != 0 || !needList(where + done, NvmeDescriptor.SGL_BYTES)) {
                return -NvmeStatus.DATA_TRANSFER_ERROR;
            }
            long address = list.memory.get(NvmeDescriptor.U64, list.offset);
            long rest = list.memory.get(NvmeDescriptor.U64, list.offset + Long.BYTES);
            take(NvmeDescriptor.SGL_BYTES);
            if (!isLast && done == length - NvmeDescriptor.SGL_BYTES) {
                nextAddress = address;
                nextRest = rest;
                boolean leads = (int) (rest >>> SGL_TYPE_SHIFT & 0xff) != SGL_BLOCK;
                return leads ? left : -NvmeStatus.INVALID_SGL_SEGMENT;
            }
            long bytes = rest & SGL_LENGTH_MASK;
            if ((int) (rest >>> SGL_TYPE_SHIFT & 0xff) != SGL_BLOCK) {
                return -NvmeStatus.INVALID_SGL_TYPE;
            }
            if (bytes > left) {
                return -NvmeStatus.INVALID_SGL_LENGTH;
            }
            if (bytes > 0 && addBlock(address, bytes) != NvmeStatus.OK) {
                return -NvmeStatus.DATA_TRANSFER_ERROR;
            }
            left -= bytes;
        }
        return left;
    }

    private int addBlock(long address, long length) {
        return address >= 0 && add(address, length)
                ? NvmeStatus.OK
                : NvmeStatus.DATA_TRANSFER_ERROR;
    }

    /** Copies bytes of memory that is not the driver's into what was found. */
    void fill(MemorySegment from, long length) {
        if (isOnePiece()) {
            MemorySegment.copy(from, 0, memory, offset, length);
        } else {
            pieces.copyFrom(from, 0);
        }
    }

    /** Copies what was found out, so that it does not change any more. */
    void take(MemorySegment into, long length) {
        if (isOnePiece()) {
            MemorySegment.copy(memory, offset, into, 0, length);
        } else {
            pieces.copyTo(into, 0);
        }
    }
}
