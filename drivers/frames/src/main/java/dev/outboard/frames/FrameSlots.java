package dev.outboard.frames;

import dev.outboard.dma.Dma;
import dev.outboard.dma.ScatterGatherList;
import java.util.Arrays;

/**
 * The frames of one transmit queue, each in a slot: where its parts are in physical memory, and in
 * I/O address space while the device has them.
 *
 * <pre>
 *   slot   0 ……………… count - 1    count ……………… 2 x count - 1
 *          in buffer 0, 1, …     posted: behind a front of its own, if the device wants one
 * </pre>
 *
 * <p>Most frames have one part, and what is of it stands close together; further parts have a place
 * for each slot. Owned by the queue's thread; after construction nothing allocates.
 */
final class FrameSlots {
    private final int furtherParts;
    private final int[] parts;
    private final long[] physical;
    private final int[] lengths;
    private final long[] iovas;
    private final long[] furtherPhysical;
    private final int[] furtherLengths;
    private final long[] furtherIovas;

    /**
     * No slot has a part.
     *
     * @param slots how many
     * @param maximumParts the most parts of one
     */
    FrameSlots(int slots, int maximumParts) {
        furtherParts = maximumParts - 1;
        parts = new int[slots];
        physical = new long[slots];
        lengths = new int[slots];
        iovas = new long[slots];
        furtherPhysical = new long[slots * furtherParts];
        furtherLengths = new int[slots * furtherParts];
        furtherIovas = new long[slots * furtherParts];
        Arrays.fill(iovas, Dma.NO_IOVA);
    }

    int parts(int slot) {
        return parts[slot];
    }

    /** Whether the device may reach it. */
    boolean isMapped(int slot) {
        return iovas[slot] != Dma.NO_IOVA;
    }

    /** The first part's, while it is mapped. */
    long iova(int slot) {
        return iovas[slot];
    }

    long iova(int slot, int part) {
        return part == 0 ? iovas[slot] : furtherIovas[slot * furtherParts + part - 1];
    }

    /** The first part's. */
    int lengthBytes(int slot) {
        return lengths[slot];
    }

    int lengthBytes(int slot, int part) {
        return part == 0 ? lengths[slot] : furtherLengths[slot * furtherParts + part - 1];
    }

    /** All parts'. */
    int totalBytes(int slot) {
        int total = lengths[slot];
        for (int part = 1; part < parts[slot]; part++) {
            total += furtherLengths[slot * furtherParts + part - 1];
        }
        return total;
    }

    /**
     * A frame of one part. What is there already is not written again: every write here waits
     * behind those into the frame, whose lines have to come from the device's cache, and makes them
     * come one after the other.
     */
    void set(int slot, long physicalAddress, int lengthBytes) {
        if (parts[slot] != 1) {
            parts[slot] = 1;
        }
        if (physical[slot] != physicalAddress) {
            physical[slot] = physicalAddress;
        }
        if (lengths[slot] != lengthBytes) {
            lengths[slot] = lengthBytes;
        }
    }

    /**
     * A frame of a list's parts, those that follow one another in memory as one.
     *
     * @return false if they are too many, and the slot has no part
     */
    boolean set(int slot, ScatterGatherList list) {
        set(slot, list.physicalAddress(0), list.lengthBytes(0));
        return append(slot, list, 1);
    }

    /** The same behind the first part; false if they are too many. */
    boolean append(int slot, ScatterGatherList list, int from) {
        for (int i = from; i < list.count(); i++) {
            if (!append(slot, list.physicalAddress(i), list.lengthBytes(i))) {
                parts[slot] = 0;
                return false;
            }
        }
        return true;
    }

    private boolean append(int slot, long physicalAddress, int lengthBytes) {
        int last = parts[slot] - 1;
        if (physicalAddress == endPhysical(slot, last)) {
            if (last == 0) {
                lengths[slot] += lengthBytes;
            } else {
                furtherLengths[slot * furtherParts + last - 1] += lengthBytes;
            }
            return true;
        }
        if (last == furtherParts) {
            return false;
        }
        furtherPhysical[slot * furtherParts + last] = physicalAddress;
        furtherLengths[slot * furtherParts + last] = lengthBytes;
        parts[slot]++;
        return true;
    }

    private long endPhysical(int slot, int part) {
        return part == 0
                ? physical[slot] + lengths[slot]
                : furtherPhysical[slot * furtherParts + part - 1]
                        + furtherLengths[slot * furtherParts + part - 1];
    }

    /** Copies a slot's parts to a request for mapping; its end. */
    int request(int slot, long[] physicals, int[] bytes, int at) {
        physicals[at] = physical[slot];
        bytes[at] = lengths[slot];
        int further = parts[slot] - 1;
        if (further > 0) {
            System.arraycopy(furtherPhysical, slot * furtherParts, physicals, at + 1, further);
            System.arraycopy(furtherLengths, slot * furtherParts, bytes, at + 1, further);
        }
        return at + 1 + further;
    }

    /** Takes a slot's IOVAs out of an answer; its end. */
    int mapped(int slot, long[] answer, int at) {
        iovas[slot] = answer[at];
        int further = parts[slot] - 1;
        if (further > 0) {
            System.arraycopy(answer, at + 1, furtherIovas, slot * furtherParts, further);
        }
        return at + 1 + further;
    }

    /** Copies a slot's mappings to a request for unmapping, and forgets them; its end. */
    int unmap(int slot, long[] answer, int[] bytes, int at) {
        answer[at] = iovas[slot];
        bytes[at] = lengths[slot];
        iovas[slot] = Dma.NO_IOVA;
        int further = parts[slot] - 1;
        if (further > 0) {
            System.arraycopy(furtherIovas, slot * furtherParts, answer, at + 1, further);
            System.arraycopy(furtherLengths, slot * furtherParts, bytes, at + 1, further);
        }
        return at + 1 + further;
    }

    /** Numbers as a stack, the first on top. */
    static int[] descending(int count, int first) {
        var stack = new int[count];
        for (int i = 0; i < count; i++) {
            stack[i] = first + count - 1 - i;
        }
        return stack;
    }
}
