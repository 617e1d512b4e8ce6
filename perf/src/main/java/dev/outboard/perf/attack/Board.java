package dev.outboard.perf.attack;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.host.cli.CommandException;
import dev.outboard.perf.setup.IovaFile;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;

/** The driver's side of the board. The thread of the service. */
final class Board implements AutoCloseable {
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final CoherentMemory memory;
    private final MemorySegment words;
    private long posted;
    private long sequence;

    /** Takes a board, and tells the device where. */
    Board(Dma dma, IovaFile file) {
        memory = dma.allocateCoherent(BoardDescriptor.LENGTH_BYTES);
        words = memory.memory();
        file.publish(memory.iova());
    }

    /** Tells the device of a mapping. */
    void post(long iova, int lengthBytes, DmaDirection direction) {
        posted++;
        long slot =
                BoardDescriptor.POSTS_OFFSET
                        + posted % BoardDescriptor.POSTS * BoardDescriptor.POST_BYTES;
        Marks.set(words, slot, iova);
        Marks.set(
                words,
                slot + Long.BYTES,
                (long) direction.ordinal() << BoardDescriptor.POST_DIRECTION_SHIFT | lengthBytes);
        Marks.setRelease(words, BoardDescriptor.POSTED_OFFSET, posted);
    }

    /** Whether the device has tried the last mapping by itself, within so long. */
    boolean awaitTried(long timeoutNanos) {
        long deadline = System.nanoTime() + timeoutNanos;
        do {
            if (Marks.getAcquire(words, BoardDescriptor.TRIED_MAPPING_OFFSET) == posted) {
                return true;
            }
            Thread.onSpinWait();
        } while (System.nanoTime() - deadline < 0);
        return false;
    }

    /** What the device read by the mapping that it tried last. */
    long readValue() {
        return Marks.get(words, BoardDescriptor.READ_VALUE_OFFSET);
    }

    /** Orders, and waits until it is done. */
    void order(Order order) {
        Marks.set(words, BoardDescriptor.ORDER_OFFSET, order.ordinal());
        sequence++;
        Marks.setRelease(words, BoardDescriptor.SEQUENCE_OFFSET, sequence);
        long deadline = System.nanoTime() + LIMIT_NANOS;
        while (Marks.getAcquire(words, BoardDescriptor.DONE_OFFSET) != sequence) {
            if (System.nanoTime() - deadline > 0) {
                throw new CommandException("the hostile device did not do " + order + " in time");
            }
            Thread.yield();
        }
    }

    /** A count of the device. */
    long count(int offset) {
        return Marks.getAcquire(words, offset);
    }

    /** Whether a sweep found an IOVA page open; for reading or, by the other offset, writing. */
    boolean isOpen(int offset, int page) {
        long word = Marks.get(words, offset + (long) page / Long.SIZE * Long.BYTES);
        return (word >>> page % Long.SIZE & 1) != 0;
    }

    /** Puts the leaks that the device told of among the violations. */
    void takeLeaks(Violations violations) {
        long leaks = Math.min(count(BoardDescriptor.LEAKED_OFFSET), BoardDescriptor.LEAKS);
        for (long index = 0; index < leaks; index++) {
            long slot = BoardDescriptor.LEAKS_OFFSET + index * BoardDescriptor.LEAK_BYTES;
            violations.leaked(Marks.get(words, slot + Long.BYTES), Marks.get(words, slot));
        }
    }

    /** Whether an IOVA page is of the board itself. */
    boolean covers(int page) {
        long first = memory.iova() >>> 12;
        return page >= first && page < first + BoardDescriptor.LENGTH_BYTES / 4096;
    }

    @Override
    public void close() {
        memory.close();
    }
}
