package dev.outboard.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledDirectByteBuf;
import java.lang.foreign.MemorySegment;

/**
 * A buffer in DMA memory, which the device reads or has written: a slot of the allocator's, or a
 * buffer of a receive queue's that is kept. Made once for each place and used again; released by
 * any thread.
 *
 * <p>One that grows beyond its place is an ordinary buffer from then on, which is copied when it is
 * sent.
 */
final class DmaByteBuf extends UnpooledDirectByteBuf {
    private final Home home;
    private final Place place;
    private final int mostBytes;

    /** What of the place this owner has not asked for. */
    private int unusedBytes;

    private boolean hasMoved;

    /** Who the place belongs to. */
    interface Home {
        /**
         * Nobody holds the buffer any more. Any thread.
         *
         * @param isSpent whether its object cannot be used again
         */
        void giveBack(int number, boolean isSpent);
    }

    /**
     * Where a buffer is.
     *
     * @param number within its home
     * @param token names it to a transmit queue while the device reads it
     * @param memory what holds it
     * @param first where in that memory what belongs to the place begins
     * @param index where in that memory the buffer's index 0 is
     * @param physicalAddress of that
     * @param output the one queue that may name it by its token; null for every queue
     */
    record Place(
            int number,
            int token,
            MemorySegment memory,
            long first,
            long index,
            long physicalAddress,
            FrameOutput output) {}

    DmaByteBuf(ByteBufAllocator allocator, Home home, Place place, int mostBytes) {
        super(
                allocator,
                place.memory().asSlice(place.index(), mostBytes).asByteBuffer(),
                Integer.MAX_VALUE);
        this.home = home;
        this.place = place;
        this.mostBytes = mostBytes;
    }

    /** Empty again, for its next owner. */
    DmaByteBuf begin(int initialBytes, int maximumBytes) {
        maxCapacity(maximumBytes);
        resetRefCnt();
        unusedBytes = mostBytes - initialBytes;
        clear();
        markReaderIndex();
        markWriterIndex();
        return this;
    }

    Place place() {
        return place;
    }

    /** The most that its place holds. */
    int mostBytes() {
        return mostBytes;
    }

    /** Whether it is still in its place. */
    boolean isInPlace() {
        return !hasMoved;
    }

    /** Where in the place's memory the readable bytes begin, of this or of a part of it. */
    long offsetOf(ByteBuf part) {
        long address = part.memoryAddress() + part.readerIndex();
        return address - place.memory().address();
    }

    @Override
    public int capacity() {
        return super.capacity() - unusedBytes;
    }

    @Override
    public ByteBuf capacity(int newCapacity) {
        checkNewCapacity(newCapacity);
        if (hasMoved || newCapacity > mostBytes) {
            super.capacity(newCapacity);
            unusedBytes = 0;
            hasMoved = true;
            return this;
        }
        if (newCapacity < capacity()) {
            trimIndicesToCapacity(newCapacity);
        }
        unusedBytes = mostBytes - newCapacity;
        return this;
    }

    @Override
    public boolean hasMemoryAddress() {
        return !hasMoved || super.hasMemoryAddress();
    }

    @Override
    public long memoryAddress() {
        ensureAccessible();
        return hasMoved ? super.memoryAddress() : place.memory().address() + place.index();
    }

    @Override
    protected void deallocate() {
        if (hasMoved) {
            super.deallocate();
        }
        home.giveBack(place.number(), hasMoved);
    }
}
