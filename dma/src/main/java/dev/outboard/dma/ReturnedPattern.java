package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Keeps pages for a while that were given back, filled with a pattern, and tells if it changes. Any
 * thread.
 */
final class ReturnedPattern implements FrameHolder {
    private static final byte PATTERN = (byte) 0xd5;

    /** The part of the memory that is kept at most. */
    private static final int SHARE = 16;

    private record Kept(ReturnedFrames frames, CodePlace place) {}

    private final DmaDebug debug;
    private final PhysicalMemory memory;
    private final Deque<Kept> kept = new ArrayDeque<>();
    private long keptPages;
    private boolean closed;

    ReturnedPattern(DmaDebug debug, PhysicalMemory memory) {
        this.debug = debug;
        this.memory = memory;
    }

    @Override
    public void offer(ReturnedFrames frames) {
        debug.givenBack(frames.firstFrame(), frames.pages());
        long mostPages = (memory.lengthBytes() >>> IoPage.SHIFT) / SHARE;
        synchronized (this) {
            if (closed || frames.pages() > mostPages) {
                return;
            }
            MemorySegment bytes = bytes(frames);
            if (bytes.byteSize() == 0) {
                // It was unplugged by force before it was given back.
                return;
            }
            frames.hold();
            bytes.fill(PATTERN);
            kept.addLast(new Kept(frames, CodePlace.here()));
            keptPages += frames.pages();
        }
        letGo(mostPages);
    }

    private MemorySegment bytes(ReturnedFrames frames) {
        return debug.bytes(
                frames.firstFrame() << IoPage.SHIFT, (long) frames.pages() << IoPage.SHIFT);
    }

    @Override
    public void drain(FrameRange going, boolean whole) {
        List<Kept> wanted = new ArrayList<>();
        synchronized (this) {
            for (Kept one : kept) {
                if (going.overlaps(one.frames.firstFrame(), one.frames.pages())) {
                    wanted.add(one);
                }
            }
            kept.removeAll(wanted);
            wanted.forEach(one -> keptPages -= one.frames.pages());
        }
        for (Kept one : wanted) {
            look(one);
            one.frames.release();
        }
    }

    /** Looks at the oldest, until no more than so many pages are kept. */
    synchronized void letGo(long pages) {
        while (keptPages > pages) {
            Kept oldest = kept.removeFirst();
            keptPages -= oldest.frames.pages();
            look(oldest);
            oldest.frames.release();
        }
    }

    private void look(Kept oldest) {
        MemorySegment bytes = bytes(oldest.frames);
        long first = oldest.frames.firstFrame();
        for (long at = 0; at < bytes.byteSize(); at++) {
            if (bytes.get(ValueLayout.JAVA_BYTE, at) != PATTERN) {
                long physicalAddress = (first << IoPage.SHIFT) + at;
                debug.changed(physicalAddress >>> IoPage.SHIFT, physicalAddress, oldest.place);
                return;
            }
        }
    }

    synchronized void close() {
        closed = true;
        letGo(0);
    }
}
