package dev.outboard.models.nvme;

import java.lang.foreign.MemorySegment;

/**
 * Where a driver tells how far it is in a ring: a register, and where Doorbell Buffer Config was
 * used (NVM Express 1.4, section 5.7) a word of its memory. The loop's thread.
 *
 * <p>The register counts until the word has changed once. From then on only the word does: a
 * register that arrives by message can be older than the word. Values that are no place in the ring
 * are told once, and otherwise as if they had not come.
 */
final class Doorbell {
    private final MemorySegment registers;
    private final long offset;
    private final int entries;
    private int value;

    /** The value seen last in the place that counts. */
    private int seen;

    private boolean isShadowed;
    private int firstShadow;
    private boolean hasFirstShadow;
    private boolean isWrong;

    /**
     * @param registers the page of doorbells
     * @param offset of this one in there
     */
    Doorbell(MemorySegment registers, long offset, int entries) {
        this.registers = registers;
        this.offset = offset;
        this.entries = entries;
        NvmeDescriptor.WORD.setOpaque(registers, offset, 0);
    }

    /** Where it is in the page of doorbells, and in that of shadows. */
    long offset() {
        return offset;
    }

    /** The last good value. */
    int value() {
        return value;
    }

    /**
     * Looks at the register.
     *
     * @return whether it has changed
     */
    boolean look() {
        // Acquire: what the driver wrote before it rang is seen.
        int now = (int) NvmeDescriptor.WORD.getAcquire(registers, offset);
        return !isShadowed && now != seen && accept(now);
    }

    /**
     * Looks at the word in the driver's memory.
     *
     * @param page of shadows
     * @return whether it has changed
     */
    boolean lookAt(MemorySegment page, long pageOffset) {
        int now = (int) NvmeDescriptor.WORD.getAcquire(page, pageOffset + offset);
        if (!isShadowed) {
            if (!hasFirstShadow) {
                hasFirstShadow = true;
                firstShadow = now;
            }
            if (now == firstShadow) {
                return look();
            }
            isShadowed = true;
            return accept(now);
        }
        return now != seen && accept(now);
    }

    private boolean accept(int now) {
        seen = now;
        if (now < 0 || now >= entries) {
            isWrong = true;
            return false;
        }
        boolean isNew = now != value;
        value = now;
        return isNew;
    }

    /** Takes a value back that the queue finds impossible. */
    void refuse(int before) {
        value = before;
        isWrong = true;
    }

    /** Whether a value came that cannot be, since this was asked. */
    boolean takeWrong() {
        boolean was = isWrong;
        isWrong = false;
        return was;
    }

    /** Shadows are somewhere else from now on, or nowhere. */
    void forgetShadow() {
        isShadowed = false;
        hasFirstShadow = false;
        seen = (int) NvmeDescriptor.WORD.getOpaque(registers, offset);
    }
}
