package dev.outboard.dma;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.IovaAllocator;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Data is copied through shadow buffers that are mapped for good (Markuze, Morrison and Tsafrir,
 * "True IOMMU Protection from DMA Attacks", ASPLOS 2016): mapping copies in, unmapping copies out,
 * and neither touches the translations.
 *
 * <pre>
 *   driver's buffer ── map ──► slot, mapped for reading  ──► device      TO_DEVICE
 *   driver's buffer ◄─ unmap ─ slot, mapped for writing  ◄── device      FROM_DEVICE
 *   driver's buffer ◄────────► slot, mapped for both     ◄─► device      BIDIRECTIONAL
 * </pre>
 *
 * <p><b>The window</b> is empty, and protection is to the byte: no device ever reaches the driver's
 * memory, only slots. What a device does with the IOVA of a buffer that was unmapped changes
 * nothing of the driver's; what it may find there is what it was allowed to read before, or the
 * copy of another buffer that it may read now. For a slot only ever holds data of one direction:
 * pages that a device can read hold nothing but what was mapped for it to read, and are zero
 * before. So slots of one direction may share a page, and the rest of a slot needs no wiping.
 *
 * <p>A slot that the device writes is filled from the buffer first, so that what it leaves out
 * keeps its value, as under any other strategy, and no other buffer's data turns up there.
 *
 * <p>Slots are powers of two, from 128 bytes on, in chunks of 64 KiB or one slot; chunks are made
 * when they are needed, which allocates, and take half of the service's memory at most. Then a
 * mapping has {@link #NO_IOVA} until something is unmapped. A chunk without a used slot is taken
 * back, with a flush, only when others need its memory.
 *
 * <p>An IOVA here does not keep the buffer's offset within its page; it is a multiple of the slot,
 * or of a page if that is less. Closing drops what is mapped without copying it out.
 */
final class CopiedDma extends MappingService {
    private static final int SMALLEST_SHIFT = 7;
    private static final int LARGEST_SHIFT = 30;
    private static final long CHUNK_BYTES = 64 << 10;
    private static final FrameRange EVERYWHERE = new FrameRange(0, Long.MAX_VALUE);

    private final List<ShadowChunk> chunks = new ArrayList<>();

    /** The chunk that an IOVA page belongs to. */
    private final ShadowChunk[] chunkOf;

    /** Chunks with a free slot, by direction and size. */
    private final ShadowChunk[][] withRoom =
            new ShadowChunk[Access.READ_WRITE + 1][LARGEST_SHIFT + 1];

    // Where most memory is; changed only by who has the service alone.
    private MemorySegment firstSegment;
    private long firstStart;
    private long firstLength;

    private long shadowBytes;
    private int emptyChunks;

    /** Where {@link #locate} found the memory of a physical address. */
    private MemorySegment found;

    private long foundOffset;

    CopiedDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
        chunkOf = new ShadowChunk[Math.toIntExact(translations.pages())];
        measureFirst();
    }

    private void measureFirst() {
        PhysicalSegment first = memory.segments().getFirst();
        firstSegment = first.memory();
        firstStart = first.physicalAddress();
        firstLength = memory.bytesFrom(firstStart);
    }

    @Override
    void commit() {
        // A chunk is committed when it is made.
    }

    @Override
    long begin(long physicalAddress, int lengthBytes, int access) {
        locate(physicalAddress, lengthBytes);
        ShadowChunk chunk = chunkWithRoom(lengthBytes, access);
        if (chunk == null) {
            return NO_IOVA;
        }
        int slot = take(chunk, physicalAddress, lengthBytes, null);
        MemorySegment.copy(found, foundOffset, chunk.bytes(), chunk.offset(slot), lengthBytes);
        return chunk.iova(slot);
    }

    /** A slot has an offset of its own. */
    @Override
    long livePages(long iova, long physicalAddress, int lengthBytes) {
        return pages(iova, lengthBytes);
    }

    /**
     * Finds the memory of a buffer.
     *
     * @throws IllegalArgumentException if it is not this process's to see
     */
    private void locate(long physicalAddress, int lengthBytes) {
        if (!isLocated(physicalAddress, lengthBytes)) {
            Buffers.require(memory, physicalAddress, lengthBytes);
            throw new IllegalArgumentException(
                    ("physicalAddress=0x%x lengthBytes=%d was granted by another process, whose"
                                    + " memory this one does not see: strategy=COPIED cannot copy"
                                    + " it")
                            .formatted(physicalAddress, lengthBytes));
        }
    }

    /**
     * Finds it, if it is there; whoever takes it away waits until this call of the service ends.
     */
    private boolean isLocated(long physicalAddress, int lengthBytes) {
        long offset = physicalAddress - firstStart;
        if (lengthBytes > 0 && offset >= 0 && offset <= firstLength - lengthBytes) {
            found = firstSegment;
            foundOffset = offset;
            return true;
        }
        return isLocatedFurtherOn(physicalAddress, lengthBytes);
    }

    private boolean isLocatedFurtherOn(long physicalAddress, int lengthBytes) {
        if (!memory.contains(physicalAddress, lengthBytes)) {
            return false;
        }
        for (PhysicalSegment segment : memory.segments()) {
            long offset = physicalAddress - segment.physicalAddress();
            if (offset >= 0 && offset <= segment.lengthBytes() - lengthBytes) {
                found = segment.memory();
                foundOffset = offset;
                return true;
            }
        }
        return false;
    }

    private ShadowChunk chunkWithRoom(long lengthBytes, int access) {
        int shift =
                Math.max(SMALLEST_SHIFT, Long.SIZE - Long.numberOfLeadingZeros(lengthBytes - 1));
        if (shift > LARGEST_SHIFT) {
            return null;
        }
        ShadowChunk chunk = withRoom[access][shift];
        return chunk != null ? chunk : grow(shift, access);
    }

    private int take(ShadowChunk chunk, long buffer, int lengthBytes, ScatterGatherList list) {
        if (chunk.isEmpty()) {
            emptyChunks--;
        }
        int slot = chunk.take(buffer, lengthBytes, list);
        if (chunk.isFull()) {
            withRoom[chunk.access()][chunk.slotShift()] = chunk.next();
            chunk.setNext(null);
        }
        return slot;
    }

    private void giveBack(ShadowChunk chunk, int slot) {
        if (chunk.isFull() && !chunk.isRevoked()) {
            addRoom(chunk);
        }
        chunk.giveBack(slot);
        if (chunk.isEmpty()) {
            emptyChunks++;
        }
    }

    private void addRoom(ShadowChunk chunk) {
        chunk.setNext(withRoom[chunk.access()][chunk.slotShift()]);
        withRoom[chunk.access()][chunk.slotShift()] = chunk;
    }

    /** A new chunk; for its sake, empty ones of other sizes are taken back. Null if none fits. */
    private ShadowChunk grow(int shift, int access) {
        ShadowChunk chunk = tryGrow(shift, access);
        if (chunk == null && emptyChunks > 0) {
            takeBackEmptyChunks(EVERYWHERE);
            chunk = tryGrow(shift, access);
        }
        return chunk;
    }

    private ShadowChunk tryGrow(int shift, int access) {
        long granuleBytes = (long) pages(0, 1) << IoPage.SHIFT;
        long length = Math.max(Math.max(CHUNK_BYTES, 1L << shift), granuleBytes);
        // Nothing else may share an entry with a chunk, however much the entry covers.
        long needed = length + granuleBytes - IoPage.BYTES;
        DmaMemory allocated =
                shadowBytes + needed > memory.lengthBytes() / 2 ? null : memory.tryAllocate(needed);
        if (allocated == null) {
            return null;
        }
        long start = allocated.physicalAddress() + granuleBytes - 1 & -granuleBytes;
        int pages = pages(start, length);
        long page = IovaAllocator.NONE;
        try {
            page = place(firstPage(start), pages, access);
            if (page == IovaAllocator.NONE) {
                allocated.close();
                return null;
            }
            translations.commit();
        } catch (RuntimeException refused) {
            if (page != IovaAllocator.NONE) {
                free(page, pages);
            }
            allocated.close();
            throw refused;
        }
        return add(new ShadowChunk(allocated, start, page, pages, access, shift));
    }

    private ShadowChunk add(ShadowChunk chunk) {
        chunks.add(chunk);
        for (int page = 0; page < chunk.pages(); page++) {
            chunkOf[(int) chunk.page() + page] = chunk;
        }
        shadowBytes += chunk.memoryBytes();
        emptyChunks++;
        addRoom(chunk);
        return chunk;
    }

    private void takeBackEmptyChunks(FrameRange range) {
        for (ShadowChunk chunk : List.copyOf(chunks)) {
            if (chunk.isEmpty() && chunk.isWithin(range)) {
                remove(chunk);
                // If a device is stuck, the chunk's memory is never given to anybody else.
                reclaim(chunk.page(), chunk.pages());
                shadowBytes -= chunk.memoryBytes();
                chunk.close();
            }
        }
    }

    private void remove(ShadowChunk chunk) {
        chunks.remove(chunk);
        emptyChunks--;
        for (int page = 0; page < chunk.pages(); page++) {
            chunkOf[(int) chunk.page() + page] = null;
        }
        unlist(chunk);
    }

    /** Takes it from those with room, if it is one. */
    private void unlist(ShadowChunk chunk) {
        if (chunk.isRevoked() || chunk.isFull()) {
            return;
        }
        ShadowChunk[] heads = withRoom[chunk.access()];
        if (heads[chunk.slotShift()] == chunk) {
            heads[chunk.slotShift()] = chunk.next();
            return;
        }
        ShadowChunk before = heads[chunk.slotShift()];
        while (before.next() != chunk) {
            before = before.next();
        }
        before.setNext(chunk.next());
    }

    private ShadowChunk chunkOf(long iova) {
        long page = iova >>> IoPage.SHIFT;
        return page < chunkOf.length ? chunkOf[(int) page] : null;
    }

    @Override
    void cancel(long iova, int lengthBytes) {
        ShadowChunk chunk = chunkOf(iova);
        giveBack(chunk, chunk.slot(iova));
    }

    @Override
    boolean end(long iova, int lengthBytes) {
        ShadowChunk chunk = chunkOf(iova);
        return chunk != null && chunk.end(iova, lengthBytes, null);
    }

    @Override
    void restore(long iova, int lengthBytes) {
        ShadowChunk chunk = chunkOf(iova);
        chunk.restore(chunk.slot(iova));
    }

    @Override
    void release(long iova, int lengthBytes) {
        ShadowChunk chunk = chunkOf(iova);
        int slot = chunk.slot(iova);
        if ((chunk.access() & Access.WRITE) != 0) {
            copyOut(chunk, chunk.offset(slot), chunk.buffer(slot), lengthBytes);
        }
        giveBack(chunk, slot);
    }

    @Override
    void releaseAll(long[] iovas, int[] lengths, int count) {
        for (int index = 0; index < count; index++) {
            release(iovas[index], lengths[index]);
        }
    }

    private void copyIn(ShadowChunk chunk, long offset, long physicalAddress, int lengthBytes) {
        if (chunk.isRevoked()) {
            return;
        }
        locate(physicalAddress, lengthBytes);
        MemorySegment.copy(found, foundOffset, chunk.bytes(), offset, lengthBytes);
    }

    /** Copies to the driver's buffer, unless one of both was unplugged by force. */
    private void copyOut(ShadowChunk chunk, long offset, long physicalAddress, int lengthBytes) {
        if (chunk.isRevoked() || !isLocated(physicalAddress, lengthBytes)) {
            return;
        }
        MemorySegment.copy(chunk.bytes(), offset, found, foundOffset, lengthBytes);
    }

    /** The whole list in one slot, without gaps: the device sees one buffer. */
    @Override
    boolean beginList(ScatterGatherList list, int access) {
        long length = 0;
        for (int piece = 0; piece < list.pieces(); piece++) {
            locate(list.pieceAddress(piece), list.pieceLength(piece));
            length += list.pieceLength(piece);
        }
        ShadowChunk chunk = chunkWithRoom(length, access);
        if (chunk == null) {
            return false;
        }
        int slot = take(chunk, 0, (int) length, list);
        long offset = chunk.offset(slot);
        long iova = chunk.iova(slot);
        for (int piece = 0; piece < list.pieces(); piece++) {
            copyIn(chunk, offset, list.pieceAddress(piece), list.pieceLength(piece));
            list.setPieceIova(piece, iova);
            offset += list.pieceLength(piece);
            iova += list.pieceLength(piece);
        }
        return true;
    }

    @Override
    void cancelList(ScatterGatherList list) {
        cancel(list.pieceIova(0), 0);
    }

    @Override
    boolean endList(ScatterGatherList list) {
        long iova = list.pieceIova(0);
        ShadowChunk chunk = chunkOf(iova);
        return chunk != null && chunk.end(iova, chunk.lengthBytes(chunk.slot(iova)), list);
    }

    @Override
    void releaseList(ScatterGatherList list) {
        ShadowChunk chunk = chunkOf(list.pieceIova(0));
        int slot = chunk.slot(list.pieceIova(0));
        if ((chunk.access() & Access.WRITE) != 0) {
            long offset = chunk.offset(slot);
            for (int piece = 0; piece < list.pieces(); piece++) {
                copyOut(chunk, offset, list.pieceAddress(piece), list.pieceLength(piece));
                offset += list.pieceLength(piece);
            }
        }
        giveBack(chunk, slot);
    }

    @Override
    public void syncForDevice(long iova, int lengthBytes) {
        sync(iova, lengthBytes, true);
    }

    @Override
    public void syncForCpu(long iova, int lengthBytes) {
        sync(iova, lengthBytes, false);
    }

    /** Copies a part; nothing, where the direction has nothing to show to that side. */
    private void sync(long iova, int lengthBytes, boolean forDevice) {
        ShadowChunk chunk = chunkOf(iova);
        int slot = chunk == null ? 0 : chunk.slot(iova);
        long within = chunk == null ? 0 : iova - chunk.iova(slot);
        if (chunk == null || lengthBytes <= 0 || within > chunk.lengthBytes(slot) - lengthBytes) {
            throw Buffers.notMapped(iova, lengthBytes);
        }
        long buffer =
                chunk.list(slot) == null
                        ? chunk.buffer(slot) + within
                        : inList(chunk.list(slot), iova, lengthBytes);
        long offset = chunk.offset(slot) + within;
        if (forDevice && (chunk.access() & Access.READ) != 0) {
            copyIn(chunk, offset, buffer, lengthBytes);
        } else if (!forDevice && (chunk.access() & Access.WRITE) != 0) {
            copyOut(chunk, offset, buffer, lengthBytes);
        }
    }

    /** The physical address of bytes of one piece of a list. */
    private static long inList(ScatterGatherList list, long iova, int lengthBytes) {
        for (int piece = 0; piece < list.pieces(); piece++) {
            long within = iova - list.pieceIova(piece);
            if (within >= 0 && within <= list.pieceLength(piece) - lengthBytes) {
                return list.pieceAddress(piece) + within;
            }
        }
        throw Buffers.notMapped(iova, lengthBytes);
    }

    @Override
    public void coming(PhysicalSegment segment) {
        alone(this::measureFirst);
    }

    @Override
    public void stays(FrameRange stays) {
        alone(this::measureFirst);
    }

    /** Buffers that are mapped; a slot stands for each, wherever it is. */
    @Override
    void visit(FrameRange range, MappingVisitor visitor) {
        for (ShadowChunk chunk : chunks) {
            chunk.visit(range, visitor);
        }
    }

    /** What a device reaches is the chunks. */
    @Override
    void visitReachable(FrameRange range, MappingVisitor visitor) {
        for (ShadowChunk chunk : chunks.toArray(ShadowChunk[]::new)) {
            if (!chunk.isRevoked()) {
                visitor.mapping(chunk.page(), chunk.pages(), chunk.firstFrame(), chunk.pages());
            }
        }
    }

    /** Chunks in the range that nothing is mapped in go, for others need not. */
    @Override
    void drainIn(FrameRange range, boolean whole) {
        takeBackEmptyChunks(range);
    }

    @Override
    void clearIn(FrameRange range) {
        for (ShadowChunk chunk : chunks) {
            if (chunk.isWithin(range) && !chunk.isRevoked()) {
                translations.clear(chunk.page(), chunk.pages());
                unlist(chunk);
                chunk.revoke();
            }
        }
    }

    @Override
    void clearedIn(FrameRange range) {
        takeBackEmptyChunks(range);
        measureFirst();
    }

    @Override
    void clearAll() {
        chunks.forEach(chunk -> translations.clear(chunk.page(), chunk.pages()));
    }

    @Override
    void freeAll() {
        for (ShadowChunk chunk : chunks) {
            free(chunk.page(), chunk.pages());
            chunk.close();
        }
        chunks.clear();
        Arrays.fill(chunkOf, null);
    }

    @Override
    public Strategy strategy() {
        return Strategy.COPIED;
    }
}
