package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.failure.FailurePoint;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * The memory that devices can be allowed to reach: segments, which come and go while it is used,
 * and an allocator of their pages.
 *
 * <p>Physical addresses start at 4 GiB, so none of them is mistaken for an IOVA of a TCE table, and
 * none for an offset; only those of {@link #createReal} are what they are. Any thread; nothing here
 * is on a data path but {@link #contains}.
 *
 * <p><b>Plugging</b> adds a segment to every domain over this memory, and to whoever else listens,
 * before the first buffer comes from it. <b>Unplugging</b> a segment, or a part of one, hands
 * nothing out from it any more, has idle mappings and stores dropped, and refuses by name while
 * somebody has any of it; by force it revokes the mappings and takes the buffers away. Either
 * happens wholly or not at all (uvm-hotplug-2017; whether pages are in use is looked after here,
 * which that interface leaves to its callers).
 */
public final class PhysicalMemory implements AutoCloseable {
    /** Where physical addresses start. */
    public static final long FIRST_ADDRESS = 1L << 32;

    /** The most segments: what a device that attaches to an owner takes. */
    public static final int MAX_SEGMENTS = AttachProtocol.MAX_SEGMENTS;

    /** The most memory, 60 GiB: with it, every frame fits a DART entry. */
    public static final long MAX_LENGTH_BYTES = 60L << 30;

    private final PluggedFrames frames = new PluggedFrames();
    private final MemoryChanges changes;
    private final Runnable onClose;

    /** By rising address; never changed, replaced. */
    private volatile List<PhysicalSegment> segments;

    /** Where most memory is: the piece that the first segment begins with. */
    private final long firstStart;

    /**
     * How long that is; 0 once it was unplugged. Plain, for the sake of {@link #contains}: whoever
     * takes memory away sees to it that mapping services look anew, with {@link ServiceGate}.
     */
    private long firstLength;

    /** What others granted. */
    private volatile GrantedRuns granted = GrantedRuns.NONE;

    /** Users of the memory that are asked before it changes hands; never changed, replaced. */
    private volatile FrameHolder[] holders = {};

    private final AtomicLong heldPages = new AtomicLong();
    private boolean closed;

    private PhysicalMemory(List<PhysicalSegment> segments, SegmentSource source, Runnable onClose) {
        this.segments = List.copyOf(segments);
        this.onClose = onClose;
        changes = new MemoryChanges(this, frames, source);
        try {
            segments.forEach(segment -> frames.plug(FrameRange.of(segment)));
        } catch (RuntimeException failure) {
            segments.forEach(PhysicalSegment::close);
            throw failure;
        }
        firstStart = segments.getFirst().physicalAddress();
        measureFirst();
    }

    /**
     * Memory in one segment.
     *
     * @param lengthBytes rounded up to whole pages
     * @throws IllegalArgumentException if the length is not positive or beyond {@link
     *     #MAX_LENGTH_BYTES}
     */
    public static PhysicalMemory create(long lengthBytes) {
        return create(new long[] {lengthBytes});
    }

    /** Memory in several segments of base pages, with a hole of a page between neighbours. */
    public static PhysicalMemory create(long... segmentLengths) {
        LocalSegments source = new LocalSegments();
        List<PhysicalSegment> segments = make(FIRST_ADDRESS, segmentLengths);
        segments.forEach(
                segment -> source.reserve(segment.physicalAddress(), segment.lengthBytes()));
        return new PhysicalMemory(segments, source, () -> {});
    }

    /**
     * Memory in one segment, of pages of some kind.
     *
     * @param lengthBytes rounded up to whole pages of that kind
     * @throws IllegalStateException if huge pages of just that kind are wanted and are not there
     */
    public static PhysicalMemory create(PageKind kind, long lengthBytes) {
        LocalSegments source = new LocalSegments();
        PhysicalSegment segment = MemoryChanges.make(source, lengthBytes, kind);
        return new PhysicalMemory(List.of(segment), source, () -> {});
    }

    /**
     * Memory whose physical addresses are the machine's own, of huge pages of 2 MiB, as a device
     * has to be told that no IOMMU stands before. No more is plugged into it.
     *
     * @param lengthBytes rounded up to whole huge pages
     * @throws IllegalStateException if so many huge pages are not free, or the kernel does not tell
     *     this process where they are; the message names the remedy
     */
    public static PhysicalMemory createReal(long lengthBytes) {
        return new PhysicalMemory(
                RealMemory.segments(lengthBytes),
                SegmentSource.none(
                        "memory with the machine's own addresses does not grow: take more when"
                                + " the driver starts (--memory)"),
                () -> {});
    }

    /**
     * Memory in several segments, from a physical address on: for who gives memory to several
     * processes, so that no two have the same addresses. No more is plugged into it.
     *
     * @param firstAddress of the first segment, a multiple of the page size, {@link #FIRST_ADDRESS}
     *     or more
     */
    public static PhysicalMemory createAt(long firstAddress, long... segmentLengths) {
        if (firstAddress < FIRST_ADDRESS || (firstAddress & IoPage.OFFSET_MASK) != 0) {
            throw new IllegalArgumentException(
                    "firstAddress=0x%x is no page from 0x%x on"
                            .formatted(firstAddress, FIRST_ADDRESS));
        }
        return new PhysicalMemory(
                make(firstAddress, segmentLengths),
                SegmentSource.none("whoever chose the addresses of this memory plugs none into it"),
                () -> {});
    }

    /**
     * The same in one segment, of pages of some kind.
     *
     * @param kind not {@link PageKind#AUTO}
     * @throws IllegalStateException if huge pages are wanted and are not there
     */
    public static PhysicalMemory createAt(long firstAddress, PageKind kind, long lengthBytes) {
        MemoryFile file = LocalSegments.file(roundUp(lengthBytes), kind);
        return new PhysicalMemory(
                List.of(new PhysicalSegment(firstAddress, file, kind)),
                SegmentSource.none("whoever chose the addresses of this memory plugs none into it"),
                () -> {});
    }

    private static List<PhysicalSegment> make(long firstAddress, long... segmentLengths) {
        if (segmentLengths.length == 0 || segmentLengths.length > MAX_SEGMENTS) {
            throw new IllegalArgumentException(
                    "segments=" + segmentLengths.length + " is not 1 to " + MAX_SEGMENTS);
        }
        List<PhysicalSegment> segments = new ArrayList<>();
        long next = firstAddress;
        try {
            for (long length : segmentLengths) {
                long rounded = roundUp(length);
                if (next - FIRST_ADDRESS + rounded > MAX_LENGTH_BYTES) {
                    throw tooLong(length);
                }
                segments.add(new PhysicalSegment(next, rounded));
                next += rounded + IoPage.BYTES;
            }
        } catch (RuntimeException failure) {
            segments.forEach(PhysicalSegment::close);
            throw failure;
        }
        return segments;
    }

    /**
     * Memory in one segment that another process made and gave us, and no more: its size must be
     * sealed.
     *
     * @param file taken over, also if this fails
     * @param onClose run once, when the memory was closed here
     * @throws IllegalArgumentException if it is not whole pages, or could shrink under us
     */
    public static PhysicalMemory adopt(long physicalAddress, MemoryFile file, Runnable onClose) {
        return adopt(
                physicalAddress,
                file,
                SegmentSource.none("whoever made this memory gives no more of it"),
                onClose);
    }

    /**
     * The same, with a way to get more of it.
     *
     * @param source of further segments
     */
    public static PhysicalMemory adopt(
            long physicalAddress, MemoryFile file, SegmentSource source, Runnable onClose) {
        PhysicalSegment segment = MemoryChanges.adopt(physicalAddress, file, PageKind.BASE);
        return new PhysicalMemory(List.of(segment), source, onClose);
    }

    static long roundUp(long lengthBytes) {
        if (lengthBytes <= 0 || lengthBytes > MAX_LENGTH_BYTES) {
            throw tooLong(lengthBytes);
        }
        return lengthBytes + IoPage.OFFSET_MASK & ~IoPage.OFFSET_MASK;
    }

    private static IllegalArgumentException tooLong(long lengthBytes) {
        return new IllegalArgumentException(
                "lengthBytes=%d is not 1 to %d in all".formatted(lengthBytes, MAX_LENGTH_BYTES));
    }

    /** The segments of this moment, by rising address. */
    public List<PhysicalSegment> segments() {
        return segments;
    }

    /**
     * Adds a segment. When this returns, every device that is attached can be allowed to reach it,
     * and buffers come from it. Not on the thread of an owner of an IOMMU.
     *
     * @param lengthBytes rounded up to whole pages of that kind
     * @return the segment, for {@link #allocate(long, PhysicalSegment)}
     * @throws IllegalStateException if there are {@link #MAX_SEGMENTS}, huge pages are wanted and
     *     not there, or somebody who listens cannot take it; nothing is changed
     * @throws IllegalArgumentException if a strategy that maps everything has no room for it, or
     *     there are no addresses for it; nothing is changed
     * @throws QuotaExceededException if its source does not give that much
     */
    public PhysicalSegment plug(long lengthBytes, PageKind kind) {
        return changes.plug(lengthBytes, kind);
    }

    /**
     * Adds a file of another process as a segment, for as long as that process lends it: devices
     * can be allowed to reach it as any other memory, and nobody is ever allocated any of it. Not
     * on the thread of an owner of an IOMMU.
     *
     * @param file of whole pages, its size sealed; taken over, also if this fails
     * @return what takes it away again, as the whole that it came
     * @throws IllegalArgumentException if it is not such a file, or there are no addresses for it,
     *     or a strategy that maps all of it has no room; nothing is changed
     * @throws IllegalStateException if no other's memory can stand beside this, or as {@link #plug}
     */
    public LentMemory lend(MemoryFile file) {
        return changes.lend(file);
    }

    /**
     * Takes a segment away, or a part of one; its memory goes back to the kernel. Not on the thread
     * of an owner of an IOMMU, nor inside a call of a mapping service.
     *
     * @param physicalAddress and {@code lengthBytes}: whole pages of one contiguous piece
     * @throws MemoryInUseException if somebody has any of it, and not by force
     * @throws IllegalArgumentException if there is no such piece
     * @throws IllegalStateException if it is all there is, or somebody can only do without all of a
     *     segment
     * @throws DeviceStuckException if a device does not let go of it in time
     */
    public void unplug(long physicalAddress, long lengthBytes, Unplug how) {
        changes.unplug(physicalAddress, lengthBytes, how);
    }

    /**
     * Tells this listener of segments that come and go from now on.
     *
     * @return the segments that are there
     */
    public List<PhysicalSegment> addListener(MemoryListener listener) {
        return changes.add(listener);
    }

    /** Tells it no more; one that never was told is no error. */
    public void removeListener(MemoryListener listener) {
        changes.remove(listener);
    }

    /** Does something while no segment comes or goes. */
    <T> T between(Supplier<T> what) {
        return changes.between(what);
    }

    FrameHolder[] holders() {
        return holders;
    }

    synchronized void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the physical memory is closed");
        }
    }

    /** A segment has come: buffers come from it. */
    synchronized void published(PhysicalSegment segment) {
        requireOpen();
        List<PhysicalSegment> more = new ArrayList<>(segments);
        more.add(segment);
        more.sort(Comparator.comparingLong(PhysicalSegment::physicalAddress));
        segments = List.copyOf(more);
    }

    /** A segment is about to be closed. */
    synchronized void withdrawn(PhysicalSegment segment) {
        segments = segments.stream().filter(other -> other != segment).toList();
    }

    /** What is plugged has changed. */
    final void measureFirst() {
        FrameRange piece = frames.pieceAt(firstStart >>> IoPage.SHIFT);
        firstLength = piece == null ? 0 : piece.lengthBytes();
    }

    /** Bytes from an address to the end of the contiguous piece that it is plugged in. */
    long bytesFrom(long physicalAddress) {
        FrameRange piece = frames.pieceAt(physicalAddress >>> IoPage.SHIFT);
        return piece == null ? 0 : piece.lengthBytes() - (physicalAddress & IoPage.OFFSET_MASK);
    }

    /**
     * Contiguous, zeroed pages. Those of 2 MiB or more begin at a multiple of 2 MiB where there is
     * such a run, those of 1 GiB or more of 1 GiB; smaller ones fill runs of 2 MiB that are broken
     * already.
     *
     * @throws OutOfDmaMemoryException if no segment has a run of free pages that long
     * @throws IllegalArgumentException if the length is not positive
     */
    public DmaMemory allocate(long lengthBytes) {
        DmaMemory allocated = tryAllocate(lengthBytes);
        if (allocated != null) {
            return allocated;
        }
        throw new OutOfDmaMemoryException(
                ("no run of lengthBytes=%d is free (freeBytes=%d of %d in %d segments,"
                                + " heldBytes=%d until the mapping service flushes):"
                                + " create larger memory, or close what is not used")
                        .formatted(
                                roundUp(lengthBytes),
                                freeBytes(),
                                lengthBytes(),
                                segments.size(),
                                heldBytes()));
    }

    /**
     * The same, of one segment.
     *
     * @throws OutOfDmaMemoryException if it has no run of free pages that long, or is gone
     */
    public DmaMemory allocate(long lengthBytes, PhysicalSegment segment) {
        DmaMemory allocated = tryAllocate(lengthBytes, List.of(segment));
        if (allocated != null) {
            return allocated;
        }
        throw new OutOfDmaMemoryException(
                "no run of lengthBytes=%d is free in the segment at 0x%x (freeBytes=%d)"
                        .formatted(
                                roundUp(lengthBytes),
                                segment.physicalAddress(),
                                segment.freeBytes()));
    }

    /** {@link #allocate}, or null if no run of free pages is that long. */
    DmaMemory tryAllocate(long lengthBytes) {
        return tryAllocate(lengthBytes, segments);
    }

    private DmaMemory tryAllocate(long lengthBytes, List<PhysicalSegment> from) {
        long rounded = roundUp(lengthBytes);
        if (FailurePoint.fails("pages")) {
            return null;
        }
        requireOpen();
        for (PhysicalSegment segment : from) {
            DmaMemory memory = segment.take(this, Math.toIntExact(rounded >>> IoPage.SHIFT));
            if (memory != null) {
                memory.memory().fill((byte) 0);
                return memory;
            }
        }
        return null;
    }

    /**
     * Asks the holder, from now on, about pages that are given back and segments that go; and tells
     * it of what is granted, now and later. The same may be told twice.
     */
    void addHolder(FrameHolder holder) {
        GrantedRuns present;
        synchronized (this) {
            FrameHolder[] more = Arrays.copyOf(holders, holders.length + 1);
            more[holders.length] = holder;
            holders = more;
            present = granted;
        }
        present.tell(holder);
    }

    /** The holder lets no device reach anything any more. */
    synchronized void removeHolder(FrameHolder holder) {
        holders =
                Arrays.stream(holders).filter(other -> other != holder).toArray(FrameHolder[]::new);
    }

    /** Their owner has no more use for these pages: they are free once no device reaches them. */
    void giveBack(PhysicalSegment segment, long physicalAddress, int pages) {
        if (!segments.contains(segment)) {
            // It was unplugged by force, and no device reaches it since.
            segment.giveBack(physicalAddress, pages);
            return;
        }
        ReturnedFrames returned = new ReturnedFrames(this, segment, physicalAddress, pages);
        heldPages.addAndGet(pages);
        for (FrameHolder holder : holders) {
            holder.offer(returned);
        }
        returned.release();
    }

    void released(int pages) {
        heldPages.addAndGet(-pages);
    }

    /**
     * Bytes given back that a device may still reach through a mapping that outlived its unmap:
     * free when their mapping services have dropped it, with their next unmap or flush.
     */
    public long heldBytes() {
        return heldPages.get() << IoPage.SHIFT;
    }

    /**
     * Whether all these bytes, at least one, are plugged memory of one segment, or granted as one.
     */
    public boolean contains(long physicalAddress, long lengthBytes) {
        long offset = physicalAddress - firstStart;
        if (offset >= 0 && lengthBytes > 0 && offset <= firstLength - lengthBytes) {
            return true;
        }
        return containedFurtherOn(physicalAddress, lengthBytes);
    }

    private boolean containedFurtherOn(long physicalAddress, long lengthBytes) {
        if (physicalAddress < 0
                || lengthBytes <= 0
                || physicalAddress > Long.MAX_VALUE - lengthBytes) {
            return false;
        }
        long last = physicalAddress + lengthBytes - 1 >>> IoPage.SHIFT;
        return frames.contains(physicalAddress >>> IoPage.SHIFT, last)
                || granted.contains(physicalAddress, lengthBytes);
    }

    /**
     * Lets memory of somebody else be mapped like this memory, by address: it was granted to us.
     * Nothing is allocated from it, and this process need not see it. Returns when services that
     * map what is granted have done so, which may take a while.
     *
     * @param access the most it may be mapped for, bits of {@link dev.outboard.iommu.Access}
     */
    public void addGranted(long physicalAddress, long lengthBytes, int access) {
        FrameHolder[] told;
        synchronized (this) {
            granted = granted.with(new GrantedRuns.Run(physicalAddress, lengthBytes, access));
            told = holders;
        }
        for (FrameHolder holder : told) {
            holder.granted(physicalAddress, lengthBytes, access);
        }
    }

    /** The grant has ended; one that never was is no error. */
    public void removeGranted(long physicalAddress, long lengthBytes) {
        FrameHolder[] told;
        synchronized (this) {
            granted = granted.without(physicalAddress, lengthBytes);
            told = holders;
        }
        for (FrameHolder holder : told) {
            holder.ended(physicalAddress, lengthBytes);
        }
    }

    /** Bytes not allocated. */
    public long freeBytes() {
        return segments.stream().mapToLong(PhysicalSegment::freeBytes).sum();
    }

    /** All bytes that are plugged. */
    public long lengthBytes() {
        return segments.stream().mapToLong(PhysicalSegment::presentBytes).sum();
    }

    /** How much is whose, and how fragmented the rest is. Stops nobody; not for a data path. */
    public MemoryReport report() {
        List<PhysicalSegment> now = segments;
        FrameHolder[] users = holders;
        List<MemoryReport.Segment> told = new ArrayList<>();
        for (PhysicalSegment segment : now) {
            FrameRange range = FrameRange.of(segment);
            BitSet mapped = new BitSet(range.frames());
            for (FrameHolder user : users) {
                user.mark(range, mapped);
            }
            told.add(segment.report(mapped.cardinality(), frames.piecesIn(range)));
        }
        List<MemoryReport.Service> services = new ArrayList<>();
        for (FrameHolder user : users) {
            MemoryReport.Service service = user.account();
            if (service != null) {
                services.add(service);
            }
        }
        return new MemoryReport(told, services);
    }

    /**
     * Unmaps it here: later use of its memory throws. Processes that were given a segment keep
     * theirs.
     */
    @Override
    public void close() {
        boolean first =
                changes.between(
                        () -> {
                            synchronized (this) {
                                boolean open = !closed;
                                closed = true;
                                return open;
                            }
                        });
        if (first) {
            segments.forEach(PhysicalSegment::close);
            onClose.run();
        }
    }
}
