package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.util.Objects;

/**
 * Buffers that are mapped and unmapped together, in one run of IOVA and with one flush.
 *
 * <p>Buffers that meet at a page boundary are contiguous for the device. The memory is taken at
 * construction; used again after {@link #clear}. One thread.
 */
public final class ScatterGatherList {
    private final long[] physicalAddresses;
    private final int[] lengths;
    private final long[] iovas;
    private int count;
    private Dma mappedBy;

    /**
     * An empty list.
     *
     * @param capacity buffers that it can hold, at least 1
     */
    public ScatterGatherList(int capacity) {
        if (capacity < 1) {
            throw new IllegalArgumentException("capacity=" + capacity + " is not positive");
        }
        physicalAddresses = new long[capacity];
        lengths = new int[capacity];
        iovas = new long[capacity];
    }

    /**
     * Appends a buffer; false if the list is full.
     *
     * @throws IllegalArgumentException if the buffer is empty
     * @throws IllegalStateException if the list is mapped
     */
    public boolean add(long physicalAddress, int lengthBytes) {
        requireUnmapped();
        if (lengthBytes <= 0) {
            throw new IllegalArgumentException("lengthBytes=" + lengthBytes + " is not positive");
        }
        if (count == lengths.length) {
            return false;
        }
        physicalAddresses[count] = physicalAddress;
        lengths[count] = lengthBytes;
        count++;
        return true;
    }

    /** Buffers in the list. */
    public int count() {
        return count;
    }

    /** Physical address of buffer {@code index}. */
    public long physicalAddress(int index) {
        return physicalAddresses[checked(index)];
    }

    /** Length of buffer {@code index}. */
    public int lengthBytes(int index) {
        return lengths[checked(index)];
    }

    /**
     * IOVA of buffer {@code index}.
     *
     * @throws IllegalStateException if the list is not mapped
     */
    public long iova(int index) {
        if (mappedBy == null) {
            throw new IllegalStateException("the list is not mapped");
        }
        return iovas[checked(index)];
    }

    /** Whether the list is mapped now. */
    public boolean isMapped() {
        return mappedBy != null;
    }

    /**
     * Removes all buffers.
     *
     * @throws IllegalStateException if the list is mapped
     */
    public void clear() {
        requireUnmapped();
        count = 0;
    }

    /** Pages under all buffers. */
    long pages() {
        long pages = 0;
        for (int index = 0; index < count; index++) {
            pages += IoPage.span(physicalAddresses[index], lengths[index]);
        }
        return pages;
    }

    void setIova(int index, long iova) {
        iovas[index] = iova;
    }

    void setMappedBy(Dma dma) {
        mappedBy = dma;
    }

    void requireMappedBy(Dma dma) {
        if (mappedBy != dma) {
            throw new IllegalArgumentException("the list is not mapped by this service");
        }
    }

    void requireUnmapped() {
        if (mappedBy != null) {
            throw new IllegalStateException("the list is mapped: unmap it first");
        }
    }

    private int checked(int index) {
        return Objects.checkIndex(index, count);
    }
}
