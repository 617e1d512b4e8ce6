package dev.outboard.frames;

import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.ReceivedFrame;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * The frame that is shown: which slots its parts are in. Moved from frame to frame by the queue's
 * thread; allocates nothing.
 */
final class ReceivedParts implements ReceivedFrame {
    private final ReceiveSlots slots;
    private final int[] partSlot;
    private final int[] partBytes;
    private int parts;
    private int lengthBytes;
    private int facts;
    private long offload;
    private boolean isKept;

    /** By slot: whether the client keeps it. */
    private final boolean[] kept;

    ReceivedParts(ReceiveSlots slots, boolean[] kept) {
        this.slots = slots;
        this.kept = kept;
        partSlot = new int[slots.count()];
        partBytes = new int[slots.count()];
    }

    /** A frame of no part yet. */
    void begin() {
        parts = 0;
        lengthBytes = 0;
        facts = 0;
        offload = FrameOffload.NONE;
        isKept = false;
    }

    void add(int slot, int bytes) {
        partSlot[parts] = slot;
        partBytes[parts] = bytes;
        lengthBytes += bytes;
        parts++;
    }

    void end(int itsFacts, long itsOffload) {
        facts = itsFacts;
        offload = itsOffload;
    }

    boolean isKept() {
        return isKept;
    }

    @Override
    public int lengthBytes() {
        return lengthBytes;
    }

    @Override
    public int parts() {
        return parts;
    }

    @Override
    public MemorySegment memory(int part) {
        return slots.memory(partSlot[checked(part)]);
    }

    /** Only the first has something of the device's before it. */
    @Override
    public long offset(int part) {
        long front = slots.frontOffset(partSlot[checked(part)]);
        return part == 0 ? front + slots.frontBytes() : front;
    }

    @Override
    public int lengthBytes(int part) {
        return partBytes[checked(part)];
    }

    @Override
    public long physicalAddress(int part) {
        long front = slots.physicalAddress(partSlot[checked(part)]);
        return part == 0 ? front + slots.frontBytes() : front;
    }

    @Override
    public int token(int part) {
        return slots.token(partSlot[checked(part)]);
    }

    @Override
    public boolean isSupplied(int part) {
        return slots.isSupplied(partSlot[checked(part)]);
    }

    private int checked(int part) {
        return Objects.checkIndex(part, parts);
    }

    @Override
    public int facts() {
        return facts;
    }

    @Override
    public long offload() {
        return offload;
    }

    @Override
    public void keep() {
        isKept = true;
        for (int part = 0; part < parts; part++) {
            kept[partSlot[part]] = true;
        }
    }

    /** Copies a frame of several parts to one place. */
    void copyTo(MemorySegment whole) {
        long at = 0;
        for (int part = 0; part < parts; part++) {
            MemorySegment.copy(memory(part), offset(part), whole, at, partBytes[part]);
            at += partBytes[part];
        }
    }
}
