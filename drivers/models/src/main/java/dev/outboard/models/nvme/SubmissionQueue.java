package dev.outboard.models.nvme;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import dev.outboard.iommu.Access;

/** A ring of commands. The loop's thread; fetching allocates nothing. */
final class SubmissionQueue {
    final int id;
    final int entries;
    final CompletionQueue completions;
    final Doorbell tail;

    private final long iova;
    private final DmaWindow window = new DmaWindow();
    private long generation = -1;
    private int windowFirst;
    private int windowEntries;
    private int head;

    SubmissionQueue(int id, long iova, int entries, CompletionQueue completions, Doorbell tail) {
        this.id = id;
        this.iova = iova;
        this.entries = entries;
        this.completions = completions;
        this.tail = tail;
    }

    int head() {
        return head;
    }

    /** Whether there are commands that were not fetched. */
    boolean hasCommands() {
        return head != tail.value();
    }

    /**
     * Fetches the next command; there must be one. Within a DMA section.
     *
     * @return false if its place cannot be reached
     */
    boolean fetch(BusMaster bus, long generationNow, Command into) {
        if (generation != generationNow || head - windowFirst >= windowEntries) {
            int end = tail.value() > head ? tail.value() : entries;
            long at = iova + (long) head * NvmeDescriptor.COMMAND_BYTES;
            long length = (long) (end - head) * NvmeDescriptor.COMMAND_BYTES;
            if (!bus.resolve(at, length, Access.READ, window)
                    || window.lengthBytes < NvmeDescriptor.COMMAND_BYTES) {
                return false;
            }
            generation = generationNow;
            windowFirst = head;
            windowEntries = (int) (window.lengthBytes / NvmeDescriptor.COMMAND_BYTES);
        }
        into.read(
                window.memory,
                window.offset + (long) (head - windowFirst) * NvmeDescriptor.COMMAND_BYTES);
        head++;
        if (head == entries) {
            head = 0;
            generation = -1;
        }
        return true;
    }
}
