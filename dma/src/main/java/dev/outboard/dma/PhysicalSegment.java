package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.IovaAllocator;
import dev.outboard.iommu.NextFitAllocator;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.vhost.MemoryRegion;
import java.lang.foreign.MemorySegment;

/**
 * A contiguous piece of physical memory, backed by a memfd whose size is sealed: whoever is given
 * it can neither shrink nor grow it. Owned by its {@link PhysicalMemory}; any thread.
 */
public final class PhysicalSegment {
    private final long physicalAddress;
    private final long lengthBytes;
    private final MemoryFile file;
    private final Mapping mapping;
    private final MemorySegment memory;

    /** Pages, numbered from 1 as an allocator wants it. */
    private final NextFitAllocator pages;

    PhysicalSegment(long physicalAddress, long lengthBytes) {
        this(physicalAddress, MemoryFile.create("outboard-memory", lengthBytes));
    }

    /** Takes ownership of memory that another process made, or this one; also if it fails. */
    PhysicalSegment(long physicalAddress, MemoryFile file) {
        this.physicalAddress = physicalAddress;
        this.file = file;
        lengthBytes = file.lengthBytes();
        try {
            pages = new NextFitAllocator(1, Math.toIntExact(lengthBytes >>> IoPage.SHIFT) + 1);
            file.sealSize();
            mapping = file.map(0, lengthBytes, true);
        } catch (RuntimeException failure) {
            file.close();
            throw failure;
        }
        memory = mapping.memory();
    }

    /** Physical address of its first byte. */
    public long physicalAddress() {
        return physicalAddress;
    }

    /** Bytes, a multiple of the page size. */
    public long lengthBytes() {
        return lengthBytes;
    }

    /** The bytes, as this process sees them. */
    public MemorySegment memory() {
        return memory;
    }

    /** The file behind it, from offset 0; stays owned by the segment. */
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

    /** The physical address of a run of free pages, now taken, or -1. */
    synchronized long take(int count) {
        long page = pages.allocate(count);
        if (page == IovaAllocator.NONE) {
            pages.rollOver();
            page = pages.allocate(count);
        }
        return page == IovaAllocator.NONE ? -1 : physicalAddress + (page - 1 << IoPage.SHIFT);
    }

    synchronized void giveBack(long address, int count) {
        pages.free((address - physicalAddress >>> IoPage.SHIFT) + 1, count);
    }

    synchronized long freeBytes() {
        return pages.freePages() << IoPage.SHIFT;
    }

    void close() {
        mapping.close();
        file.close();
    }
}
