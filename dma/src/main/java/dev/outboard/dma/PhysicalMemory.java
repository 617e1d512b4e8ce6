package dev.outboard.dma;

import dev.outboard.iommu.IoPage;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.failure.FailurePoint;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The memory that devices can be allowed to reach: segments, and an allocator of their pages.
 *
 * <p>Physical addresses start at 4 GiB, so none of them is mistaken for an IOVA of a TCE table, and
 * none for an offset. Any thread; nothing here is on a data path but {@link #contains}.
 */
public final class PhysicalMemory implements AutoCloseable {
    /** Where physical addresses start. */
    public static final long FIRST_ADDRESS = 1L << 32;

    /** The most segments: what one vhost-user memory table takes. */
    public static final int MAX_SEGMENTS = 8;

    /** The longest segment, 60 GiB: with it, every frame fits a DART entry. */
    public static final long MAX_LENGTH_BYTES = 60L << 30;

    private static final GrantedRun[] NONE_GRANTED = {};

    private final List<PhysicalSegment> segments;
    private final long firstStart;
    private final long firstLength;
    private final Runnable onClose;

    /** What others granted; never changed, replaced. */
    private volatile GrantedRun[] granted = NONE_GRANTED;

    /** Services that let devices reach pages beyond their unmap; never changed, replaced. */
    private volatile FrameHolder[] holders = {};

    private final AtomicLong heldPages = new AtomicLong();
    private boolean closed;

    private record GrantedRun(long start, long lengthBytes, int access) {}

    private PhysicalMemory(List<PhysicalSegment> segments, Runnable onClose) {
        this.segments = List.copyOf(segments);
        this.onClose = onClose;
        firstStart = segments.getFirst().physicalAddress();
        firstLength = segments.getFirst().lengthBytes();
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

    /** Memory in several segments, with a hole of a page between neighbours. */
    public static PhysicalMemory create(long... segmentLengths) {
        return createAt(FIRST_ADDRESS, segmentLengths);
    }

    /**
     * Memory in several segments, from a physical address on: for who gives memory to several
     * processes, so that no two have the same addresses.
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
        return new PhysicalMemory(segments, () -> {});
    }

    /**
     * Memory in one segment that another process made and gave us: its size must be sealed.
     *
     * @param file taken over, also if this fails
     * @param onClose run once, when the memory was closed here
     * @throws IllegalArgumentException if it is not whole pages, or could shrink under us
     */
    public static PhysicalMemory adopt(long physicalAddress, MemoryFile file, Runnable onClose) {
        long length = file.lengthBytes();
        boolean wholePages =
                length > 0
                        && length <= MAX_LENGTH_BYTES
                        && ((physicalAddress | length) & IoPage.OFFSET_MASK) == 0
                        && physicalAddress >= FIRST_ADDRESS
                        && physicalAddress <= Long.MAX_VALUE - length;
        if (!wholePages || !file.isSizeSealed()) {
            file.close();
            throw new IllegalArgumentException(
                    "memory at physicalAddress=0x%x of lengthBytes=%d is not whole pages, sealed"
                            .formatted(physicalAddress, length));
        }
        return new PhysicalMemory(List.of(new PhysicalSegment(physicalAddress, file)), onClose);
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

    /** The segments, by rising address. */
    public List<PhysicalSegment> segments() {
        return segments;
    }

    /**
     * Contiguous, zeroed pages.
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

    /** {@link #allocate}, or null if no run of free pages is that long. */
    DmaMemory tryAllocate(long lengthBytes) {
        long rounded = roundUp(lengthBytes);
        if (FailurePoint.fails("pages")) {
            return null;
        }
        synchronized (this) {
            if (closed) {
                throw new IllegalStateException("the physical memory is closed");
            }
            for (PhysicalSegment segment : segments) {
                long address = segment.take(Math.toIntExact(rounded >>> IoPage.SHIFT));
                if (address >= 0) {
                    DmaMemory memory = new DmaMemory(this, segment, address, rounded);
                    memory.memory().fill((byte) 0);
                    return memory;
                }
            }
        }
        return null;
    }

    /**
     * Asks the holder, from now on, about pages that are given back; and tells it of what is
     * granted, now and later. The same may be told twice.
     */
    void addHolder(FrameHolder holder) {
        GrantedRun[] present;
        synchronized (this) {
            FrameHolder[] more = Arrays.copyOf(holders, holders.length + 1);
            more[holders.length] = holder;
            holders = more;
            present = granted;
        }
        for (GrantedRun run : present) {
            holder.granted(run.start(), run.lengthBytes(), run.access());
        }
    }

    /** The holder lets no device reach anything any more. */
    synchronized void removeHolder(FrameHolder holder) {
        holders =
                Arrays.stream(holders).filter(other -> other != holder).toArray(FrameHolder[]::new);
    }

    /** Their owner has no more use for these pages: they are free once no device reaches them. */
    void giveBack(PhysicalSegment segment, long physicalAddress, int pages) {
        ReturnedFrames frames = new ReturnedFrames(this, segment, physicalAddress, pages);
        heldPages.addAndGet(pages);
        for (FrameHolder holder : holders) {
            holder.offer(frames);
        }
        frames.release();
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

    /** Whether all these bytes, at least one, are memory of one segment, or granted as one. */
    public boolean contains(long physicalAddress, long lengthBytes) {
        long offset = physicalAddress - firstStart;
        if (offset >= 0 && lengthBytes > 0 && offset <= firstLength - lengthBytes) {
            return true;
        }
        return containedFurtherOn(physicalAddress, lengthBytes);
    }

    private boolean containedFurtherOn(long physicalAddress, long lengthBytes) {
        for (int index = 1; index < segments.size(); index++) {
            PhysicalSegment segment = segments.get(index);
            long offset = physicalAddress - segment.physicalAddress();
            if (offset >= 0 && lengthBytes > 0 && offset <= segment.lengthBytes() - lengthBytes) {
                return true;
            }
        }
        return isGranted(physicalAddress, lengthBytes);
    }

    private boolean isGranted(long physicalAddress, long lengthBytes) {
        for (GrantedRun run : granted) {
            long offset = physicalAddress - run.start();
            if (offset >= 0 && lengthBytes > 0 && offset <= run.lengthBytes() - lengthBytes) {
                return true;
            }
        }
        return false;
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
            GrantedRun[] runs = granted;
            GrantedRun[] more = Arrays.copyOf(runs, runs.length + 1);
            more[runs.length] = new GrantedRun(physicalAddress, lengthBytes, access);
            granted = more;
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
            List<GrantedRun> fewer = new ArrayList<>(List.of(granted));
            for (GrantedRun run : granted) {
                if (run.start() == physicalAddress && run.lengthBytes() == lengthBytes) {
                    fewer.remove(run);
                    break;
                }
            }
            granted = fewer.toArray(NONE_GRANTED);
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

    /** All bytes. */
    public long lengthBytes() {
        return segments.stream().mapToLong(PhysicalSegment::lengthBytes).sum();
    }

    /**
     * Unmaps it here: later use of its memory throws. Processes that were given a segment keep
     * theirs.
     */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            segments.forEach(PhysicalSegment::close);
        }
        onClose.run();
    }
}
