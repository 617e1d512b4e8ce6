package dev.outboard.nvme;

import dev.outboard.uio.Registers;

/**
 * The doorbell of one ring: a register, or a word in memory that most often saves the register. The
 * ring's thread; allocates nothing.
 */
final class Doorbell {
    private final Registers registers;
    private final long offset;
    private final ShadowDoorbells shadows;

    /**
     * @param offset from the doorbell of queue 0 on
     * @param shadows null where the register is all there is
     */
    Doorbell(Registers registers, long offset, ShadowDoorbells shadows) {
        this.registers = registers;
        this.offset = offset;
        this.shadows = shadows;
    }

    /** As the controller expects it of a new queue. */
    void reset() {
        if (shadows != null) {
            shadows.clear(offset);
        }
    }

    /** All stores before it are there when the controller sees the new value. */
    void ring(int before, int value) {
        if (shadows == null || shadows.ring(offset, before, value)) {
            registers.putInt(NvmeDescriptor.DOORBELLS + offset, value);
        }
    }
}
