package dev.outboard.dma;

import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.vhost.MemoryRegion;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A bus master without an IOMMU: the front-end's memory regions, reachable as a whole, addressed as
 * the front-end's guest addresses them. Protection is by region only; directions are not enforced.
 *
 * <p>One thread. No allocation after construction. A front-end that does not seal its files can
 * shrink one under us: the access that hits it fails with an {@link InternalError} of the virtual
 * machine. Who is behind an IOMMU of ours is spared that.
 */
public final class MemoryTable implements BusMaster {
    /** The most regions that a front-end may name. */
    public static final int MAX_REGIONS = 64;

    private final LocalMemory memory;
    private final List<Mapping> mappings;
    private final long[] userStarts;
    private final long[] userLengths;
    private final long[] guestStarts;
    private boolean inside;
    private boolean closed;
    private long faults;

    private MemoryTable(List<MemoryRegion> regions, LocalMemory memory, List<Mapping> mappings) {
        this.memory = memory;
        this.mappings = mappings;
        userStarts = regions.stream().mapToLong(MemoryRegion::userAddress).toArray();
        userLengths = regions.stream().mapToLong(MemoryRegion::lengthBytes).toArray();
        guestStarts = regions.stream().mapToLong(MemoryRegion::guestAddress).toArray();
    }

    /**
     * Maps the regions; takes ownership of their descriptors, also if it fails.
     *
     * @throws IllegalArgumentException if regions overlap, are too many, empty, or beyond their
     *     file
     */
    public static MemoryTable of(List<MemoryRegion> regions) {
        List<Mapping> mappings = new ArrayList<>();
        try {
            if (regions.size() > MAX_REGIONS) {
                throw new IllegalArgumentException(
                        "regions=" + regions.size() + " is more than " + MAX_REGIONS);
            }
            LocalMemory memory = new LocalMemory(regions.size());
            for (MemoryRegion region : regions) {
                Mapping mapping = map(region);
                mappings.add(mapping);
                memory.add(region.guestAddress(), mapping.memory());
            }
            return new MemoryTable(regions, memory, mappings);
        } catch (RuntimeException failure) {
            mappings.forEach(Mapping::close);
            throw failure;
        } finally {
            regions.forEach(region -> region.descriptor().close());
        }
    }

    private static Mapping map(MemoryRegion region) {
        long length = region.lengthBytes();
        if (length <= 0
                || region.guestAddress() < 0
                || region.guestAddress() > Long.MAX_VALUE - length) {
            throw new IllegalArgumentException(
                    "region at guestAddress=0x%x of lengthBytes=%d wraps around or is empty"
                            .formatted(region.guestAddress(), length));
        }
        try (MemoryFile file = MemoryFile.adopt(region.descriptor())) {
            return file.map(region.fileOffset(), length, true);
        } catch (IndexOutOfBoundsException beyond) {
            throw new IllegalArgumentException(
                    "region at guestAddress=0x%x is beyond its file: %s"
                            .formatted(region.guestAddress(), beyond.getMessage()),
                    beyond);
        }
    }

    @Override
    public long enter() {
        if (inside || closed) {
            throw new IllegalStateException(
                    closed ? "the memory table is closed" : "a DMA section is open already");
        }
        inside = true;
        // Nothing is ever invalidated: a new memory table is a new object.
        return 0;
    }

    @Override
    public long checkpoint() {
        return 0;
    }

    @Override
    public void exit() {
        inside = false;
    }

    @Override
    public boolean resolve(long address, long lengthBytes, int access, DmaWindow window) {
        if (!inside) {
            throw new IllegalStateException("DMA outside a section: enter first");
        }
        if (lengthBytes <= 0 || !memory.find(address)) {
            faults++;
            return false;
        }
        window.set(
                memory.segment(),
                address - memory.start(),
                Math.min(lengthBytes, memory.end() - address));
        return true;
    }

    @Override
    public long ringAddress(long vringAddress) {
        int region = regionOfUser(vringAddress);
        return region < 0 ? -1 : guestStarts[region] + (vringAddress - userStarts[region]);
    }

    @Override
    public boolean isTranslated() {
        return false;
    }

    /** How many regions there are. */
    int regions() {
        return userStarts.length;
    }

    /** The region that holds a user address, or -1. */
    int regionOfUser(long userAddress) {
        for (int index = 0; index < userStarts.length; index++) {
            long offset = userAddress - userStarts[index];
            if (Long.compareUnsigned(offset, userLengths[index]) < 0) {
                return index;
            }
        }
        return -1;
    }

    /** The user address at which a region begins. */
    long userStart(int region) {
        return userStarts[region];
    }

    /** A region as this process has mapped it. */
    MemorySegment memory(int region) {
        return mappings.get(region).memory();
    }

    /** Accesses refused: to no region, or of no byte. */
    public long faults() {
        return faults;
    }

    @Override
    public void close() {
        if (!closed) {
            exit();
            closed = true;
            mappings.forEach(Mapping::close);
        }
    }
}
