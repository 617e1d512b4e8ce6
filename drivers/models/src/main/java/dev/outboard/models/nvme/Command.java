package dev.outboard.models.nvme;

import java.lang.foreign.MemorySegment;

/**
 * A command, copied out of its ring: each word is read once, and no driver changes it after it was
 * checked. The loop's thread; used again.
 */
final class Command {
    private static final int NAMESPACE_SHIFT = 32;
    private static final int SGL_MASK = 0xc0;

    /** Opcode, flags, id and namespace. */
    long head;

    long firstPointer;
    long secondPointer;

    /** Dwords 10 and 11, 12 and 13, 14 and 15. */
    long words10;

    long words12;
    long words14;

    /** Copies it. */
    void read(MemorySegment ring, long offset) {
        head = ring.get(NvmeDescriptor.U64, offset);
        firstPointer = ring.get(NvmeDescriptor.U64, offset + 24);
        secondPointer = ring.get(NvmeDescriptor.U64, offset + 32);
        words10 = ring.get(NvmeDescriptor.U64, offset + 40);
        words12 = ring.get(NvmeDescriptor.U64, offset + 48);
        words14 = ring.get(NvmeDescriptor.U64, offset + 56);
    }

    void copy(Command other) {
        head = other.head;
        firstPointer = other.firstPointer;
        secondPointer = other.secondPointer;
        words10 = other.words10;
        words12 = other.words12;
        words14 = other.words14;
    }

    int opcode() {
        return (int) head & 0xff;
    }

    /** Whether its data is told by an SGL, else by PRP. */
    boolean isSgl() {
        return ((int) (head >>> Byte.SIZE) & SGL_MASK) != 0;
    }

    /** Fused operations, which this controller has not, and reserved bits. */
    boolean hasUnknownFlags() {
        return ((int) (head >>> Byte.SIZE) & 0xff & ~SGL_MASK) != 0;
    }

    int id() {
        return (int) (head >>> Short.SIZE) & 0xffff;
    }

    int namespace() {
        return (int) (head >>> NAMESPACE_SHIFT);
    }

    int word10() {
        return (int) words10;
    }

    int word11() {
        return (int) (words10 >>> Integer.SIZE);
    }

    int word12() {
        return (int) words12;
    }

    int word13() {
        return (int) (words12 >>> Integer.SIZE);
    }
}
