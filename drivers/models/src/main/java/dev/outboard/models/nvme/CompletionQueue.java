package dev.outboard.models.nvme;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import dev.outboard.iommu.Access;
import java.lang.foreign.MemorySegment;

/** A ring of completions. The loop's thread; posting allocates nothing. */
final class CompletionQueue {
    final int id;
    final int entries;

    /** Whom to interrupt, or -1. */
    final int vector;

    final Doorbell head;

    /** Submission queues that complete here. */
    int users;

    private final long iova;
    private final DmaWindow window = new DmaWindow();
    private long generation = -1;

    /** The entry that {@link #window} begins with. */
    private int windowFirst;

    private int windowEntries;
    private int tail;
    private int phase = 1;
    private boolean hasNews;

    CompletionQueue(int id, long iova, int entries, int vector, Doorbell head) {
        this.id = id;
        this.iova = iova;
        this.entries = entries;
        this.vector = vector;
        this.head = head;
    }

    /** How many completions the driver has room for. */
    int room() {
        int used = tail - head.value();
        return entries - 1 - (used < 0 ? used + entries : used);
    }

    /**
     * Writes a completion; there must be room. Within a DMA section.
     *
     * @return false if its place cannot be reached
     */
    boolean post(
            BusMaster bus, long generationNow, int queue, int queueHead, long idStatus, int word) {
        if (generation != generationNow || tail - windowFirst >= windowEntries) {
            long at = iova + (long) tail * NvmeDescriptor.COMPLETION_BYTES;
            long length = (long) (entries - tail) * NvmeDescriptor.COMPLETION_BYTES;
            if (!bus.resolve(at, length, Access.WRITE, window)
                    || window.lengthBytes < NvmeDescriptor.COMPLETION_BYTES) {
                return false;
            }
            generation = generationNow;
            windowFirst = tail;
            windowEntries = (int) (window.lengthBytes / NvmeDescriptor.COMPLETION_BYTES);
        }
        long at = window.offset + (long) (tail - windowFirst) * NvmeDescriptor.COMPLETION_BYTES;
        window.memory.set(NvmeDescriptor.U64, at, word & 0xffff_ffffL);
        window.memory.set(NvmeDescriptor.U32, at + Long.BYTES, queueHead | queue << Short.SIZE);
        int last = (int) idStatus & 0xffff | ((int) (idStatus >>> Short.SIZE) << 1 | phase) << 16;
        // Release: data and the rest of the completion are there when its phase is seen.
        NvmeDescriptor.WORD.setRelease(window.memory, at + NvmeDescriptor.COMPLETION_LAST, last);
        hasNews = true;
        tail++;
        if (tail == entries) {
            tail = 0;
            phase ^= 1;
            generation = -1;
        }
        return true;
    }

    /** Whether there is anything new since the last time that it was asked. */
    boolean takeNews() {
        boolean had = hasNews;
        hasNews = false;
        return had;
    }

    /** Looks at the driver's place; whether it is another. */
    boolean look() {
        int before = head.value();
        return head.look() && isPlace(before);
    }

    /** The same in the driver's memory. */
    boolean lookAt(MemorySegment page, long offset) {
        int before = head.value();
        return head.lookAt(page, offset) && isPlace(before);
    }

    /** The driver's place is between where it was and the tail; nothing else is believed. */
    private boolean isPlace(int before) {
        int ready = tail - before;
        int taken = head.value() - before;
        boolean isPossible =
                (taken < 0 ? taken + entries : taken) <= (ready < 0 ? ready + entries : ready);
        if (!isPossible) {
            head.refuse(before);
        }
        return isPossible;
    }
}
