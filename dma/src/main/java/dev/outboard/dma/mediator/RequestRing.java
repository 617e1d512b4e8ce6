package dev.outboard.dma.mediator;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * The words of a request ring, with their memory order in the name. The other side is another
 * process, maybe a hostile one. No method allocates.
 */
final class RequestRing {
    private static final VarHandle WORD =
            ValueLayout.JAVA_LONG.varHandle().withInvokeExactBehavior();
    private static final int SLOT_MASK = RequestRingDescriptor.SLOTS - 1;

    private final MemorySegment memory;

    RequestRing(MemorySegment memory) {
        if (memory.byteSize() != RequestRingDescriptor.LENGTH_BYTES) {
            throw new IllegalArgumentException(
                    "lengthBytes=%d of a request ring, which takes %d"
                            .formatted(memory.byteSize(), RequestRingDescriptor.LENGTH_BYTES));
        }
        this.memory = memory;
    }

    private static long slot(long sequence) {
        return RequestRingDescriptor.SLOTS_OFFSET
                + (sequence & SLOT_MASK) * RequestRingDescriptor.SLOT_BYTES;
    }

    /** Client: writes a slot that {@link #setPutRelease} publishes. */
    void write(long sequence, long first, long second) {
        long at = slot(sequence);
        WORD.set(memory, at, first);
        WORD.set(memory, at + Long.BYTES, second);
    }

    /**
     * Mediator: one read of the slot's first word. Opaque, so that it is one read: whoever checks
     * the value must have copied it, and the slot may change at any time.
     */
    long firstOpaque(long sequence) {
        return (long) WORD.getOpaque(memory, slot(sequence));
    }

    /** The same for the second word. */
    long secondOpaque(long sequence) {
        return (long) WORD.getOpaque(memory, slot(sequence) + Long.BYTES);
    }

    long putAcquire() {
        return (long) WORD.getAcquire(memory, (long) RequestRingDescriptor.PUT_OFFSET);
    }

    void setPutRelease(long put) {
        WORD.setRelease(memory, (long) RequestRingDescriptor.PUT_OFFSET, put);
    }

    long takenAcquire() {
        return (long) WORD.getAcquire(memory, (long) RequestRingDescriptor.TAKEN_OFFSET);
    }

    void setTakenRelease(long taken) {
        WORD.setRelease(memory, (long) RequestRingDescriptor.TAKEN_OFFSET, taken);
    }

    long answerAcquire() {
        return (long) WORD.getAcquire(memory, (long) RequestRingDescriptor.ANSWER_OFFSET);
    }

    void setAnswerRelease(long sequence, Status status) {
        long word = sequence << RequestRingDescriptor.STATUS_BITS | status.ordinal();
        WORD.setRelease(memory, (long) RequestRingDescriptor.ANSWER_OFFSET, word);
    }

    boolean isClientAsleep() {
        return (long) WORD.getOpaque(memory, (long) RequestRingDescriptor.CLIENT_ASLEEP_OFFSET)
                != 0;
    }

    void setClientAsleep(boolean asleep) {
        WORD.setOpaque(memory, (long) RequestRingDescriptor.CLIENT_ASLEEP_OFFSET, asleep ? 1L : 0L);
    }

    boolean isMediatorAsleep() {
        return (long) WORD.getOpaque(memory, (long) RequestRingDescriptor.MEDIATOR_ASLEEP_OFFSET)
                != 0;
    }

    void setMediatorAsleep(boolean asleep) {
        WORD.setOpaque(
                memory, (long) RequestRingDescriptor.MEDIATOR_ASLEEP_OFFSET, asleep ? 1L : 0L);
    }
}
