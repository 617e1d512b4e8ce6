package dev.outboard.driver.net;

import java.lang.foreign.MemorySegment;

/** A frame in one part, with nothing left undone, for a handler that would take more. */
final class WholeFrame implements ReceivedFrame, FrameHandler {
    private final ReceivedFrameHandler handler;
    private MemorySegment memory;
    private long offset;
    private int lengthBytes;
    private int facts;

    WholeFrame(ReceivedFrameHandler handler) {
        this.handler = handler;
    }

    @Override
    public void onFrame(MemorySegment memory, long offset, int lengthBytes) {
        onFrame(memory, offset, lengthBytes, FrameFacts.NONE);
    }

    @Override
    public void onFrame(MemorySegment memory, long offset, int lengthBytes, int facts) {
        this.memory = memory;
        this.offset = offset;
        this.lengthBytes = lengthBytes;
        this.facts = facts;
        handler.onFrame(this);
    }

    @Override
    public int lengthBytes() {
        return lengthBytes;
    }

    @Override
    public int parts() {
        return 1;
    }

    @Override
    public MemorySegment memory(int part) {
        return memory;
    }

    @Override
    public long offset(int part) {
        return offset;
    }

    @Override
    public int lengthBytes(int part) {
        return lengthBytes;
    }

    @Override
    public int facts() {
        return facts;
    }

    @Override
    public long offload() {
        return FrameOffload.NONE;
    }
}
