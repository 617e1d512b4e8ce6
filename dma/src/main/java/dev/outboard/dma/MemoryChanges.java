package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import dev.outboard.uio.MemoryFile;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * How segments of a {@link PhysicalMemory} come and go while it is used: one at a time, whole or
 * not at all.
 *
 * <pre>
 *   plug     make ► listeners: coming ► may be mapped ► holders: coming ► may be allocated ► came
 *   unplug   allocated no more ► drain ► refused if used ► mapped no more ► revoked by force
 *            ► listeners: going ► memory back to the kernel ► went
 * </pre>
 *
 * <p>Whatever fails before memory is really gone is undone. Any thread; the lock is held while
 * others are waited for, and no data path takes it.
 */
final class MemoryChanges {
    private final PhysicalMemory memory;
    private final PluggedFrames frames;
    private final SegmentSource source;
    private List<MemoryListener> listeners = List.of();

    MemoryChanges(PhysicalMemory memory, PluggedFrames frames, SegmentSource source) {
        this.memory = memory;
        this.frames = frames;
        this.source = source;
    }

    /** Does something while no segment comes or goes. */
    synchronized <T> T between(Supplier<T> what) {
        return what.get();
    }

    synchronized List<PhysicalSegment> add(MemoryListener listener) {
        List<MemoryListener> more = new ArrayList<>(listeners);
        more.add(listener);
        listeners = List.copyOf(more);
        return memory.segments();
    }

    synchronized void remove(MemoryListener listener) {
        listeners = listeners.stream().filter(other -> other != listener).toList();
    }

    synchronized PhysicalSegment plug(long lengthBytes, PageKind kind) {
        memory.requireOpen();
        requireRoom();
        return plug(make(source, lengthBytes, kind));
    }

    private void requireRoom() {
        if (memory.segments().size() >= PhysicalMemory.MAX_SEGMENTS) {
            throw new IllegalStateException(
                    "memory has %d segments, and no room for more: unplug one, or plug larger ones"
                            .formatted(PhysicalMemory.MAX_SEGMENTS));
        }
    }

    /** Plugs a file that another process made; taken over, also if it fails. */
    synchronized LentMemory lend(MemoryFile file) {
        PhysicalSegment segment;
        try (file) {
            memory.requireOpen();
            requireRoom();
            long length = requireLendable(file);
            long place = source.place(length);
            try {
                // Its own descriptor: the caller's is closed here, whatever happens.
                MemoryFile own = MemoryFile.adopt(file.descriptor().duplicate());
                segment = PhysicalSegment.lent(place, own);
            } catch (RuntimeException failure) {
                source.takeBack(place, length);
                throw failure;
            }
        }
        // Before anybody knows of it: nobody else is ever given any of it.
        DmaMemory whole = segment.take(memory, FrameRange.of(segment).frames());
        return new LentMemory(memory, plug(segment), whole);
    }

    private static long requireLendable(MemoryFile file) {
        long length = file.lengthBytes();
        if (length <= 0
                || length > PhysicalMemory.MAX_LENGTH_BYTES
                || (length & IoPage.OFFSET_MASK) != 0) {
            throw new IllegalArgumentException(
                    "a file of lengthBytes=%d is not whole pages, up to %d bytes of them"
                            .formatted(length, PhysicalMemory.MAX_LENGTH_BYTES));
        }
        if (!file.isSizeSealed()) {
            throw new IllegalArgumentException(
                    "its file can shrink under the device: seal its size (F_SEAL_SHRINK; of QEMU"
                            + " memory-backend-memfd with seal=on)");
        }
        return length;
    }

    private PhysicalSegment plug(PhysicalSegment segment) {
        Undo undo = new Undo();
        undo.add(() -> discard(segment));
        try {
            requireApart(segment, memory.segments());
            for (MemoryListener listener : listeners) {
                listener.coming(segment);
                undo.add(() -> listener.going(segment));
            }
            FrameRange range = FrameRange.of(segment);
            frames.plug(range);
            memory.measureFirst();
            undo.add(() -> hide(range));
            for (FrameHolder holder : memory.holders()) {
                holder.coming(segment);
                undo.add(() -> holder.revoke(range));
            }
            memory.published(segment);
        } catch (RuntimeException refused) {
            undo.all(refused);
            throw refused;
        }
        listeners.forEach(listener -> listener.came(segment));
        return segment;
    }

    /** A segment of whole pages of a kind; of the best kind there is, if the kernel may choose. */
    static PhysicalSegment make(SegmentSource source, long lengthBytes, PageKind kind) {
        long pageBytes = HugePages.pageBytes(kind);
        long length = PhysicalMemory.roundUp(lengthBytes) + pageBytes - 1 & -pageBytes;
        if (kind != PageKind.AUTO) {
            return makeOf(source, length, kind);
        }
        PageKind best = HugePages.best(length);
        try {
            return makeOf(source, length, best);
        } catch (IllegalStateException scarce) {
            if (HugePages.pageBytes(best) == IoPage.BYTES) {
                throw scarce;
            }
            // Somebody else was quicker to take the huge pages that were free.
            return makeOf(source, length, PageKind.TRANSPARENT);
        }
    }

    private static PhysicalSegment makeOf(SegmentSource source, long lengthBytes, PageKind kind) {
        SegmentSource.Made made = source.make(lengthBytes, kind);
        try {
            return adopt(made.physicalAddress(), made.file(), made.kind());
        } catch (RuntimeException failure) {
            source.takeBack(made.physicalAddress(), lengthBytes);
            throw failure;
        }
    }

    /** A segment of memory that was made elsewhere: checked, for it may be another process's. */
    static PhysicalSegment adopt(long physicalAddress, MemoryFile file, PageKind kind) {
        long length = file.lengthBytes();
        boolean wholePages =
                length > 0
                        && length <= PhysicalMemory.MAX_LENGTH_BYTES
                        && ((physicalAddress | length) & IoPage.OFFSET_MASK) == 0
                        && physicalAddress >= PhysicalMemory.FIRST_ADDRESS
                        && physicalAddress <= Long.MAX_VALUE - length;
        if (!wholePages || !file.isSizeSealed()) {
            file.close();
            throw new IllegalArgumentException(
                    "memory at physicalAddress=0x%x of lengthBytes=%d is not whole pages, sealed"
                            .formatted(physicalAddress, length));
        }
        return new PhysicalSegment(physicalAddress, file, kind);
    }

    private static void requireApart(PhysicalSegment segment, List<PhysicalSegment> others) {
        FrameRange range = FrameRange.of(segment);
        for (PhysicalSegment other : others) {
            if (FrameRange.of(other).overlaps(range.first(), range.frames())) {
                throw new IllegalArgumentException(
                        "memory at 0x%x overlaps memory at 0x%x"
                                .formatted(segment.physicalAddress(), other.physicalAddress()));
            }
        }
    }

    private void discard(PhysicalSegment segment) {
        segment.closeWhenForgotten(() -> takeBack(segment));
        listeners.forEach(listener -> listener.went(segment));
    }

    private void takeBack(PhysicalSegment segment) {
        source.takeBack(segment.physicalAddress(), segment.lengthBytes());
    }

    synchronized void unplug(long physicalAddress, long lengthBytes, Unplug how) {
        memory.requireOpen();
        PhysicalSegment segment = requireSegment(physicalAddress, lengthBytes);
        FrameRange range = FrameRange.of(physicalAddress, lengthBytes);
        boolean whole = segment.isAllOf(range);
        if (whole) {
            requireAnother(segment);
        } else {
            requirePart(segment, range);
        }
        Undo undo = new Undo();
        try {
            segment.withhold(range);
            undo.add(() -> readmit(segment, range));
            drain(range, whole);
            undo.add(() -> toHolders(holder -> holder.stays(range)));
            free(segment, range, how, undo);
            if (whole) {
                for (MemoryListener listener : listeners) {
                    // Also if it fails half-way: whoever has lost it gets it again.
                    undo.add(() -> cameBack(listener, segment));
                    listener.going(segment);
                }
            }
            source.release(physicalAddress, lengthBytes, how);
            if (!whole) {
                segment.drop(range);
            }
        } catch (RuntimeException refused) {
            undo.all(refused);
            throw refused;
        }
        segment.takeBuffers(range);
        if (whole) {
            memory.withdrawn(segment);
            discard(segment);
        }
    }

    private static void cameBack(MemoryListener listener, PhysicalSegment segment) {
        listener.coming(segment);
        listener.came(segment);
    }

    /** Sees to it that nobody has any of it, and that nobody can map it. */
    private void free(PhysicalSegment segment, FrameRange range, Unplug how, Undo undo) {
        if (how == Unplug.REFUSE) {
            // Before anything is hidden: who maps what was allocated must not notice.
            requireUnused(segment, range);
        }
        hide(range);
        undo.add(() -> show(range));
        if (how == Unplug.REFUSE) {
            // Whoever maps what was not allocated may have done so in between.
            requireUnused(segment, range);
            toHolders(holder -> holder.forget(range));
        } else {
            toHolders(holder -> holder.revoke(range));
        }
    }

    private void hide(FrameRange range) {
        frames.unplug(range);
        memory.measureFirst();
    }

    private void show(FrameRange range) {
        frames.plug(range);
        memory.measureFirst();
    }

    /** Hands the frames out again; not if it could not be noted that they stay. */
    private void readmit(PhysicalSegment segment, FrameRange range) {
        if (frames.contains(range.first(), range.end() - 1)) {
            segment.readmit(range);
        }
    }

    private void requireUnused(PhysicalSegment segment, FrameRange range) {
        MemoryUse use = new MemoryUse();
        toHolders(holder -> holder.name(range, use));
        segment.name(range, use);
        if (!use.isNone()) {
            throw use.inUse(range.physicalAddress(), range.lengthBytes());
        }
    }

    private void drain(FrameRange range, boolean whole) {
        listeners.forEach(listener -> listener.drain(range.physicalAddress(), range.lengthBytes()));
        toHolders(holder -> holder.drain(range, whole));
    }

    private void toHolders(Consumer<FrameHolder> told) {
        for (FrameHolder holder : memory.holders()) {
            told.accept(holder);
        }
    }

    private PhysicalSegment requireSegment(long physicalAddress, long lengthBytes) {
        boolean wholePages =
                lengthBytes > 0
                        && ((physicalAddress | lengthBytes) & IoPage.OFFSET_MASK) == 0
                        && physicalAddress > 0
                        && physicalAddress <= Long.MAX_VALUE - lengthBytes;
        FrameRange range = FrameRange.of(physicalAddress, lengthBytes);
        if (wholePages && frames.contains(range.first(), range.end() - 1)) {
            for (PhysicalSegment segment : memory.segments()) {
                if (FrameRange.of(segment).overlaps(range.first(), range.frames())) {
                    return segment;
                }
            }
        }
        throw new IllegalArgumentException(
                ("0x%x+%s is not whole pages of one contiguous piece of this memory:"
                                + " name what 'list' shows, or a part of it")
                        .formatted(physicalAddress, MemoryUse.text(lengthBytes)));
    }

    private void requireAnother(PhysicalSegment segment) {
        if (memory.segments().size() == 1) {
            throw new IllegalStateException(
                    "0x%x+%s is all the memory there is: plug other memory first"
                            .formatted(
                                    segment.physicalAddress(),
                                    MemoryUse.text(segment.lengthBytes())));
        }
    }

    private void requirePart(PhysicalSegment segment, FrameRange range) {
        if (segment.isLent()) {
            throw new IllegalStateException(
                    "the memory at 0x%x is lent by another process, which has all of it or nothing"
                            .formatted(segment.physicalAddress()));
        }
        long pageBytes = HugePages.pageBytes(segment.pages());
        if (((range.physicalAddress() | range.lengthBytes()) & pageBytes - 1) != 0) {
            throw new IllegalArgumentException(
                    "0x%x+%s is no multiple of the huge pages of %s that it is made of"
                            .formatted(
                                    range.physicalAddress(),
                                    MemoryUse.text(range.lengthBytes()),
                                    MemoryUse.text(pageBytes)));
        }
        listeners.forEach(
                listener -> listener.partGoing(range.physicalAddress(), range.lengthBytes()));
    }
}
