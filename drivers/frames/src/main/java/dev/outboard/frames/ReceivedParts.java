package dev.outboard.frames;

import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.ReceivedFrame;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * The frame that is shown: which buffers its parts are in. Moved from frame to frame by the queue's
 * thread; allocates nothing.
 */
final class ReceivedParts implements ReceivedFrame {
    private final FrameBuffers buffers;
    private final int[] partBuffer;
    private final int[] partBytes;
    private int parts;
    private int lengthBytes;
    private int facts;
    private long offload;
    private boolean isKept;

    /** By buffer: whether the client keeps it. */
    private final boolean[] kept;

    ReceivedParts(FrameBuffers buffers, boolean[] kept) {
        this.buffers = buffers;
        this.kept = kept;
        partBuffer = new int[buffers.count()];
        partBytes = new int[buffers.count()];
    }

    /** A frame of no part yet. */
    void begin() {
        parts = 0;
        lengthBytes = 0;
        facts = 0;
        offload = FrameOffload.NONE;
        isKept = false;
    }

    void add(int buffer, int bytes) {
        partBuffer[parts] = buffer;
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
        return buffers.memory(partBuffer[checked(part)]);
    }

    /** Only the first has something of the device's before it. */
    @Override
    public long offset(int part) {
        int buffer = partBuffer[checked(part)];
        return part == 0 ? buffers.frameOffset(buffer) : buffers.headerOffset(buffer);
    }

    @Override
    public int lengthBytes(int part) {
        return partBytes[checked(part)];
    }

    @Override
    public long physicalAddress(int part) {
        int buffer = partBuffer[checked(part)];
        return buffers.headerPhysicalAddress(buffer) + (part == 0 ? buffers.frontBytes() : 0);
    }

    @Override
    public int token(int part) {
        return partBuffer[checked(part)];
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
            kept[partBuffer[part]] = true;
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
