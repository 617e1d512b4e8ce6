package dev.outboard.dma;

import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.vhost.MemoryRegion;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A bus master without an IOMMU: the front-end's memory regions, reachable as a whole, addressed as
 * the front-end's guest addresses them. Protection is by region only; directions are not enforced.
 *
 * <p>Regions come and go between DMA sections. Each has a slot while it is there, by which {@link
 * AskingBusMaster} knows it. One thread. Nothing but {@link #add} allocates. A front-end that does
 * not seal its files can shrink one under us: the access that hits it fails with an {@link
 * InternalError} of the virtual machine. Who is behind an IOMMU of ours is spared that.
 */
public final class MemoryTable implements BusMaster {
    /** The most regions that a front-end may name. */
    public static final int MAX_REGIONS = 128;

    private final LocalMemory memory = new LocalMemory(MAX_REGIONS);

    // By slot; one that is free has no mapping and a length of 0, in which no address is.
    private final Mapping[] mappings = new Mapping[MAX_REGIONS];
    private final MemorySegment[] memories = new MemorySegment[MAX_REGIONS];
    private final long[] userStarts = new long[MAX_REGIONS];
    private final long[] userLengths = new long[MAX_REGIONS];
    private final long[] guestStarts = new long[MAX_REGIONS];

    /** Slots that were ever in use. */
    private int slots;

    private int regions;

    /** How often a region went: what was resolved before may be void. */
    private long generation;

    private boolean inside;
    private boolean closed;
    private long faults;

    private MemoryTable() {}

    /**
     * Maps the regions; takes ownership of their descriptors, also if it fails.
     *
     * @throws IllegalArgumentException if regions overlap, are too many, empty, or beyond their
     *     file
     */
    public static MemoryTable of(List<MemoryRegion> regions) {
        MemoryTable table = new MemoryTable();
        try {
            if (regions.size() > MAX_REGIONS) {
                throw new IllegalArgumentException(
                        "regions=" + regions.size() + " is more than " + MAX_REGIONS);
            }
            regions.forEach(table::add);
            return table;
        } catch (RuntimeException failure) {
            table.close();
            throw failure;
        } finally {
            regions.forEach(region -> region.descriptor().close());
        }
    }

    /**
     * Maps one more region, outside of DMA sections; takes ownership of its descriptor, also if it
     * fails, and then changes nothing.
     *
     * @throws IllegalArgumentException if it overlaps another, is one too many, empty, or beyond
     *     its file
     * @throws IllegalStateException within a DMA section
     */
    public void add(MemoryRegion region) {
        Mapping mapping;
        int slot;
        try {
            requireOutside();
            slot = freeSlot();
            requireUserRange(region);
            mapping = map(region);
        } finally {
            region.descriptor().close();
        }
        try {
            memory.add(region.guestAddress(), mapping.memory());
        } catch (IllegalArgumentException wrong) {
            mapping.close();
            throw wrong;
        }
        mappings[slot] = mapping;
        memories[slot] = mapping.memory();
        userStarts[slot] = region.userAddress();
        userLengths[slot] = region.lengthBytes();
        guestStarts[slot] = region.guestAddress();
        slots = Math.max(slots, slot + 1);
        regions++;
    }

    /**
     * Unmaps a region, outside of DMA sections: what was resolved before the next section is void.
     *
     * @param region as it was added; its descriptor does not matter
     * @return the slot that it had
     * @throws IllegalArgumentException if there is none of just this place and length
     * @throws IllegalStateException within a DMA section
     */
    public int remove(MemoryRegion region) {
        requireOutside();
        int slot = slotOf(region);
        memory.remove(region.guestAddress(), region.lengthBytes());
        generation++;
        regions--;
        Mapping gone = mappings[slot];
        mappings[slot] = null;
        memories[slot] = null;
        userLengths[slot] = 0;
        gone.close();
        return slot;
    }

    private void requireOutside() {
        if (inside || closed) {
            throw new IllegalStateException(
                    closed
                            ? "the memory table is closed"
                            : "memory comes and goes only outside a DMA section");
        }
    }

    private int freeSlot() {
        for (int slot = 0; slot < MAX_REGIONS; slot++) {
            if (mappings[slot] == null) {
                return slot;
            }
        }
        throw new IllegalArgumentException(
                "regions=%d is the most: remove one first".formatted(MAX_REGIONS));
    }

    /** Two regions with one user address could not be told apart by a ring's address. */
    private void requireUserRange(MemoryRegion region) {
        long start = region.userAddress();
        for (int slot = 0; slot < slots; slot++) {
            boolean apart =
                    Long.compareUnsigned(start - userStarts[slot], userLengths[slot]) >= 0
                            && (userLengths[slot] == 0
                                    || Long.compareUnsigned(
                                                    userStarts[slot] - start, region.lengthBytes())
                                            >= 0);
            if (!apart) {
                throw new IllegalArgumentException(
                        "region at userAddress=0x%x overlaps the one at userAddress=0x%x"
                                .formatted(start, userStarts[slot]));
            }
        }
    }

    private int slotOf(MemoryRegion region) {
        for (int slot = 0; slot < slots; slot++) {
            if (mappings[slot] != null
                    && guestStarts[slot] == region.guestAddress()
                    && userStarts[slot] == region.userAddress()
                    && userLengths[slot] == region.lengthBytes()) {
                return slot;
            }
        }
        throw new IllegalArgumentException("there is no region of " + region);
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
        return generation;
    }

    /** Nothing changes within a section. */
    @Override
    public long checkpoint() {
        return generation;
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

    /**
     * A region as this process has mapped it, and as windows point into it.
     *
     * @throws IllegalArgumentException if there is none of just this place and length
     */
    public MemorySegment memory(MemoryRegion region) {
        return memories[slotOf(region)];
    }

    /** How many regions there are. */
    public int regions() {
        return regions;
    }

    /** The slot of the region that holds a user address, or -1. */
    int regionOfUser(long userAddress) {
        for (int slot = 0; slot < slots; slot++) {
            long offset = userAddress - userStarts[slot];
            if (Long.compareUnsigned(offset, userLengths[slot]) < 0) {
                return slot;
            }
        }
        return -1;
    }

    /** The user address at which the region of a slot begins. */
    long userStart(int slot) {
        return userStarts[slot];
    }

    /** The regions as this process has mapped them, by slot; null where there is none. */
    MemorySegment[] memories() {
        return memories;
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
            for (Mapping mapping : mappings) {
                if (mapping != null) {
                    mapping.close();
                }
            }
        }
    }
}
