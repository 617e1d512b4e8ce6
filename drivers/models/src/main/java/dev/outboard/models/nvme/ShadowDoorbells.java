package dev.outboard.models.nvme;

import dev.outboard.dma.BusMaster;
import dev.outboard.dma.DmaWindow;
import dev.outboard.iommu.Access;
import java.lang.invoke.VarHandle;

/**
 * Doorbells in the driver's memory (NVM Express 1.4, section 5.7): a page of them, and a page of
 * the values at which the driver is to ring the register, too. The loop's thread, within DMA
 * sections; looking allocates nothing.
 *
 * <pre>
 *   driver:      write the word   full fence   read the event index: crossed? ring the register
 *   controller:  write the event index   full fence   read the word: new? do not sleep
 * </pre>
 */
final class ShadowDoorbells {
    private final DmaWindow words = new DmaWindow();
    private final DmaWindow indexes = new DmaWindow();
    private long wordsIova;
    private long indexesIova;
    private long bytes;
    private long wordsGeneration = -1;
    private long indexesGeneration = -1;
    private boolean used;

    boolean isUsed() {
        return used;
    }

    void clear() {
        used = false;
        wordsGeneration = -1;
        indexesGeneration = -1;
    }

    /** Uses two pages from now on; false if they cannot be reached. */
    boolean use(BusMaster bus, Queues queues, long newWords, long newIndexes) {
        boolean isAligned = ((newWords | newIndexes) & NvmeDescriptor.PAGE_BYTES - 1) == 0;
        long length = (long) queues.count() * NvmeDescriptor.DOORBELL_PAIR_BYTES;
        boolean isThere =
                isAligned
                        && bus.isMapped(newWords, length)
                        && bus.isMapped(newIndexes, length)
                        && reaches(bus, newWords, length, Access.READ, words)
                        && reaches(bus, newIndexes, length, Access.WRITE, indexes);
        if (!isThere) {
            return false;
        }
        clear();
        wordsIova = newWords;
        indexesIova = newIndexes;
        bytes = length;
        used = true;
        for (SubmissionQueue queue : queues.active()) {
            queue.tail.forgetShadow();
            queue.completions.head.forgetShadow();
        }
        return true;
    }

    private static boolean reaches(
            BusMaster bus, long iova, long length, int access, DmaWindow window) {
        return bus.resolve(iova, length, access, window) && window.lengthBytes == length;
    }

    private boolean findWords(BusMaster bus, long generation) {
        if (wordsGeneration == generation) {
            return true;
        }
        boolean isThere = reaches(bus, wordsIova, bytes, Access.READ, words);
        wordsGeneration = isThere ? generation : -1;
        return isThere;
    }

    /** Looks at every ring's words; false if they cannot be reached any more. */
    boolean look(BusMaster bus, long generation, SubmissionQueue[] queues) {
        if (!findWords(bus, generation)) {
            return false;
        }
        for (SubmissionQueue queue : queues) {
            queue.tail.lookAt(words.memory, words.offset);
            queue.completions.lookAt(words.memory, words.offset);
        }
        return true;
    }

    /** Asks for the next ring of every doorbell, and looks again; false as {@link #look}. */
    boolean ask(BusMaster bus, long generation, SubmissionQueue[] queues) {
        if (indexesGeneration != generation) {
            if (!reaches(bus, indexesIova, bytes, Access.WRITE, indexes)) {
                return false;
            }
            indexesGeneration = generation;
        }
        for (SubmissionQueue queue : queues) {
            put(queue.tail);
            put(queue.completions.head);
        }
        // Partner: the driver's between its word and its reading of the event index (5.7).
        VarHandle.fullFence();
        return look(bus, generation, queues);
    }

    private void put(Doorbell doorbell) {
        NvmeDescriptor.WORD.setOpaque(
                indexes.memory, indexes.offset + doorbell.offset(), doorbell.value());
    }
}
