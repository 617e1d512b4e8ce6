package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.vhost.MemoryRegion;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/**
 * A contiguous piece of physical memory as it was plugged, backed by a memfd whose size is sealed:
 * whoever is given it can neither shrink nor grow it. Parts of it may have been unplugged since:
 * their memory went back to the kernel, and nothing lies at their addresses.
 *
 * <p>Owned by its {@link PhysicalMemory}; any thread.
 */
public final class PhysicalSegment {
    private static final System.Logger LOG = System.getLogger(PhysicalMemory.class.getName());
    private static final long CLOSE_NANOS = 2_000_000_000L;

    private final long physicalAddress;
    private final long lengthBytes;
    private final PageKind pages;
    private final SegmentFile file;
    private final Mapping mapping;
    private final MemorySegment memory;
    private final FrameAllocator frames;

    /** Whether another process made it, and has it still when it is gone from here. */
    private final boolean lent;

    /** What is allocated from it, by its first frame. */
    private final Map<Long, DmaMemory> buffers = new HashMap<>();

    /** Taken away by force and not closed by its owner: who has it remembers the address. */
    private int remembered;

    /** Run once nobody remembers an address of it; null until it is gone as a whole. */
    private Runnable onForgotten;

    PhysicalSegment(long physicalAddress, long lengthBytes) {
        this(physicalAddress, LocalSegments.file(lengthBytes, PageKind.BASE), PageKind.BASE);
    }

    /**
     * Takes ownership of memory that another process made, or this one; also if it fails.
     *
     * @param kind what its pages are, as it was made
     */
    PhysicalSegment(long physicalAddress, MemoryFile file, PageKind kind) {
        this(physicalAddress, HugePages.map(file, kind));
    }

    /**
     * Memory of another process, which keeps it: all of it is taken from the start, and none of it
     * is ever given back to the kernel from here. Takes ownership of the file, also if it fails.
     */
    static PhysicalSegment lent(long physicalAddress, MemoryFile file) {
        Mapping mapping;
        try {
            mapping = file.map(0, file.lengthBytes(), true);
        } catch (RuntimeException failure) {
            file.close();
            throw failure;
        }
        return new PhysicalSegment(
                physicalAddress, new SegmentFile(List.of(file)), mapping, PageKind.BASE, true);
    }

    private PhysicalSegment(long physicalAddress, HugePages.Mapped mapped) {
        this(
                physicalAddress,
                new SegmentFile(List.of(mapped.file())),
                mapped.mapping(),
                mapped.kind());
    }

    /**
     * Takes ownership of memory that is mapped already.
     *
     * @param kind what its pages are
     */
    PhysicalSegment(long physicalAddress, SegmentFile file, Mapping mapping, PageKind kind) {
        this(physicalAddress, file, mapping, kind, false);
    }

    private PhysicalSegment(
            long physicalAddress, SegmentFile file, Mapping mapping, PageKind kind, boolean lent) {
        this.lent = lent;
        this.physicalAddress = physicalAddress;
        this.file = file;
        this.mapping = mapping;
        pages = kind;
        memory = mapping.memory();
        lengthBytes = memory.byteSize();
        frames =
                new FrameAllocator(
                        physicalAddress >>> IoPage.SHIFT,
                        Math.toIntExact(lengthBytes >>> IoPage.SHIFT));
    }

    /** Physical address of its first byte. */
    public long physicalAddress() {
        return physicalAddress;
    }

    /** Bytes, a multiple of the page size, as it was plugged. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /** What its pages are: never {@link PageKind#AUTO}. */
    public PageKind pages() {
        return pages;
    }

    /** Whether it is another process's, as {@link PhysicalMemory#lend} was given it. */
    public boolean isLent() {
        return lent;
    }

    /** The bytes, as this process sees them. Not to be touched where a part was unplugged. */
    public MemorySegment memory() {
        return memory;
    }

    /**
     * The file behind it, from offset 0; stays owned by the segment.
     *
     * @throws IllegalStateException if it is of several: of memory with real addresses
     */
    public Descriptor descriptor() {
        return file.descriptor();
    }

    /**
     * The segment as a back-end without an IOMMU gets it: guest and user address are both the
     * physical one. The descriptor stays owned by the segment.
     */
    public MemoryRegion region() {
        return new MemoryRegion(physicalAddress, lengthBytes, physicalAddress, 0, descriptor());
    }

    /** A buffer of contiguous free pages, now taken, or null. */
    synchronized DmaMemory take(PhysicalMemory owner, int count) {
        long first = frames.take(count);
        if (first == FrameAllocator.NONE) {
            return null;
        }
        DmaMemory buffer =
                new DmaMemory(owner, this, first << IoPage.SHIFT, (long) count << IoPage.SHIFT);
        buffers.put(first, buffer);
        return buffer;
    }

    /** The owner of a buffer has closed it; its frames are taken until {@link #giveBack}. */
    void closed(DmaMemory buffer) {
        Runnable forgotten;
        synchronized (this) {
            buffers.remove(buffer.physicalAddress() >>> IoPage.SHIFT);
            if (buffer.isTaken()) {
                remembered--;
            }
            forgotten = forgotten();
        }
        if (forgotten != null) {
            forgotten.run();
        }
    }

    synchronized void giveBack(long address, int count) {
        frames.giveBack(address >>> IoPage.SHIFT, count);
    }

    /** Gives these frames to nobody any more. */
    synchronized void withhold(FrameRange range) {
        frames.withhold(range.first(), range.frames());
    }

    /** Takes {@link #withhold} back. */
    synchronized void readmit(FrameRange range) {
        frames.readmit(range.first(), range.frames());
    }

    /** Names what is allocated of these frames. */
    synchronized void name(FrameRange range, MemoryUse use) {
        long held = frames.allocatedIn(range.first(), range.frames());
        for (DmaMemory buffer : buffersIn(range)) {
            use.buffer(buffer.physicalAddress(), buffer.lengthBytes());
            FrameRange whole = FrameRange.of(buffer.physicalAddress(), buffer.lengthBytes());
            held -= Math.min(whole.end(), range.end()) - Math.max(whole.first(), range.first());
        }
        use.held(Math.max(0, held) << IoPage.SHIFT);
    }

    private List<DmaMemory> buffersIn(FrameRange range) {
        List<DmaMemory> found = new ArrayList<>();
        for (DmaMemory buffer : buffers.values()) {
            if (range.overlaps(
                    buffer.physicalAddress() >>> IoPage.SHIFT,
                    buffer.lengthBytes() >>> IoPage.SHIFT)) {
                found.add(buffer);
            }
        }
        return found;
    }

    /** Takes away the buffers that have any of these frames: their use throws from now on. */
    synchronized void takeBuffers(FrameRange range) {
        for (DmaMemory buffer : buffersIn(range)) {
            if (buffer.takeAway()) {
                remembered++;
            }
        }
    }

    /** Gives the memory of withheld frames back to the kernel, and puts nothing in its place. */
    void drop(FrameRange range) {
        long offset = range.physicalAddress() - physicalAddress;
        file.punchHole(offset, range.lengthBytes());
        mapping.takeAway(offset, range.lengthBytes());
    }

    /** Whether there is no frame of it any more but these. */
    synchronized boolean isAllOf(FrameRange range) {
        return frames.presentFrames() == range.frames();
    }

    synchronized long freeBytes() {
        return frames.freeFrames() << IoPage.SHIFT;
    }

    /** Bytes that were not unplugged. */
    synchronized long presentBytes() {
        return frames.presentFrames() << IoPage.SHIFT;
    }

    /** What is told of it; mapped frames and pieces are counted by others. */
    MemoryReport.Segment report(long mappedFrames, int pieces) {
        long huge = HugePages.hugeBytes(memory.address(), lengthBytes, pages);
        synchronized (this) {
            return new MemoryReport.Segment(
                    physicalAddress,
                    lengthBytes,
                    pages,
                    huge,
                    frames.presentFrames(),
                    frames.freeFrames(),
                    frames.allocatedFrames(),
                    mappedFrames,
                    pieces,
                    frames.freeRuns(),
                    frames.longestRun(),
                    frames.wholeBlocks());
        }
    }

    /**
     * It is gone, as a whole.
     *
     * @param forgotten run once nobody remembers an address of it, which may be now
     */
    void closeWhenForgotten(Runnable forgotten) {
        if (!lent) {
            returnMemory();
        }
        closeMapping();
        file.close();
        Runnable now;
        synchronized (this) {
            onForgotten = forgotten;
            now = forgotten();
        }
        if (now != null) {
            now.run();
        }
    }

    /** The memory comes back though another process keep it mapped. */
    private void returnMemory() {
        try {
            file.punchHole(0, lengthBytes);
        } catch (NativeException kept) {
            LOG.log(System.Logger.Level.DEBUG, kept.getMessage());
        }
    }

    private Runnable forgotten() {
        Runnable now = remembered == 0 ? onForgotten : null;
        if (now != null) {
            onForgotten = null;
        }
        return now;
    }

    /** A system call of another thread may be using it: that is waited for, and not for ever. */
    private void closeMapping() {
        long deadline = System.nanoTime() + CLOSE_NANOS;
        while (true) {
            try {
                mapping.close();
                return;
            } catch (IllegalStateException inUse) {
                if (System.nanoTime() - deadline >= 0) {
                    mapping.takeAway(0, lengthBytes);
                    LOG.log(
                            System.Logger.Level.WARNING,
                            "memory at 0x%x is gone while a system call uses it"
                                    .formatted(physicalAddress));
                    return;
                }
                LockSupport.parkNanos(1_000_000);
            }
        }
    }

    void close() {
        mapping.close();
        file.close();
    }
}
